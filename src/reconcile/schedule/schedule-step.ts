/** What a database remembers of a schedule; of its latest attempt. */
export type Remembered = {
  readonly lastDue: Date;
  /** 0: that time was only taken note of. */
  readonly attempt: number;
  readonly outcome: 'noted' | 'running' | 'done' | 'failed';
  readonly endedAt: Date | null;
};

export type Step =
  /** A new database: what would have been due before it began is nobody's loss. */
  | { readonly type: 'note'; readonly due: Date }
  | { readonly type: 'run'; readonly due: Date; readonly attempt: number }
  /** `retryAt` is null where nothing is to be tried again. */
  | { readonly type: 'wait'; readonly retryAt: Date | null };

export const ATTEMPTS_MAX = 5;
/** After the first failure; times the attempt after each. */
const RETRY_MS = 5 * 60_000;

/**
 * What is to be done of a schedule at this moment by the one who leads.
 *
 * @param due the latest time at or before `now` that it was due
 */
export function nextStep(remembered: Remembered | null, due: Date, now: Date): Step {
  if (remembered === null) return { type: 'note', due };
  const { lastDue, attempt, outcome, endedAt } = remembered;
  // Run, or missed while nobody led: however many times were missed, once makes up for them all.
  if (due > lastDue) return { type: 'run', due, attempt: 1 };
  const again: Step = { type: 'run', due: lastDue, attempt: attempt + 1 };
  const isOpen = outcome === 'running' || outcome === 'failed';
  if (!isOpen || attempt >= ATTEMPTS_MAX) return { type: 'wait', retryAt: null };
  // Whoever leads asks between two runs of its own: this one was left behind by a leader that is gone.
  if (outcome === 'running') return again;
  const retryAt = new Date((endedAt ?? lastDue).getTime() + RETRY_MS * attempt);
  return retryAt <= now ? again : { type: 'wait', retryAt };
}
