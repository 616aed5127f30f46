import { z } from 'zod';
import type { Job } from '../reconcile/jobs/job-queries.js';
import { readProgress } from '../reconcile/rebuild/rebuild-progress.js';
import { sayLeft } from './repair-words.js';
import { counted, sayTable, type Terminal } from './terminal.js';

const result = z.object({
  dryRun: z.boolean(),
  differences: z.record(z.string(), z.number()),
  examples: z.array(
    z.object({
      type: z.string(),
      txHash: z.string(),
      outputIndex: z.number(),
      address: z.string(),
      state: z.string(),
      reason: z.string().nullable(),
    }),
  ),
  healed: z.number(),
  open: z.number(),
  left: z.array(z.string()).default([]),
  ledger: z.object({ entries: z.number(), balances: z.number(), statuses: z.number() }),
  digest: z.object({ equal: z.boolean(), stored: z.string(), derived: z.string() }),
  blocks: z.number(),
  seconds: z.number(),
  rate: z.number(),
});

export type ShownResult = z.infer<typeof result> & { readonly total: number };

/** Null where the job ended without one. */
export function readResult(job: Job): ShownResult | null {
  const parsed = result.safeParse(job.result);
  if (job.state !== 'done' || !parsed.success) return null;
  const total = Object.values(parsed.data.differences).reduce((sum, count) => sum + count, 0);
  return { ...parsed.data, total };
}

/** As `--json` shows it. */
export function showJob(job: Job) {
  const progress = readProgress(job.progress);
  return {
    id: job.id,
    state: job.state,
    from: typeof job.params.from === 'string' ? job.params.from : null,
    dryRun: job.params.dryRun === true,
    requestedBy: job.requestedBy,
    requestedAt: job.requestedAt.toISOString(),
    finishedAt: job.finishedAt?.toISOString() ?? null,
    progress:
      progress === null
        ? null
        : {
            stage: progress.stage,
            done: progress.done,
            total: progress.total,
            rate: progress.rate,
            secondsLeft: progress.secondsLeft,
            shown: `${progress.done} of ${progress.total ?? '?'}`,
          },
    result: job.result,
    problem: job.problem,
  };
}

const LINE_EVERY_MS = 3_000;
const REDRAW_EVERY_MS = 250;
const CLEAR_LINE = '\r\u001b[K';

/** How far the job is: drawn over where a person watches, else a line every few seconds. */
export function startTelling(terminal: Terminal, now: () => number) {
  let told = now();
  let drawn = false;
  let id: string | null = null;
  return {
    jobId: () => id,
    tell(job: Job): void {
      id = job.id;
      if (now() - told < (terminal.isInteractive ? REDRAW_EVERY_MS : LINE_EVERY_MS)) return;
      told = now();
      drawn = terminal.isInteractive;
      terminal.err(drawn ? `${CLEAR_LINE}${lineOf(job)}` : `${lineOf(job)}\n`);
    },
    stop(): void {
      if (drawn) terminal.err(CLEAR_LINE);
      drawn = false;
    },
  };
}

function lineOf(job: Job): string {
  const what = `rebuild ${job.id}`;
  if (job.state !== 'queued' && job.state !== 'running') return `${what}: ${job.state}`;
  if (job.problem !== null) return `${what}: trying again: ${job.problem}`;
  const progress = readProgress(job.progress);
  if (job.state === 'queued' || progress === null) return `${what}: waiting for whoever leads`;
  const { stage, done, total, rate, secondsLeft } = progress;
  if (stage !== 'reading') return `${what}: ${stage}, ${counted(done, 'block')} read`;
  const left = secondsLeft === null ? '' : `, ${showSeconds(secondsLeft)} left`;
  const share = total === null || total === 0 ? '' : `, ${Math.floor((done * 100) / total)} %`;
  return `${what}: ${done} of ${total ?? '?'} blocks, ${Math.round(rate)}/s${share}${left}`;
}

const showSeconds = (seconds: number): string =>
  seconds < 120 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;

export function sayResult(terminal: Terminal, shown: ShownResult): void {
  const { blocks, seconds, rate, total, healed, open, ledger, digest } = shown;
  terminal.out(
    `${counted(blocks, 'block')} read in ${seconds.toFixed(1)} s, ${Math.round(rate)}/s\n`,
  );
  if (total === 0) terminal.out('nothing differs: the books are what the chain says\n');
  else sayDifferences(terminal, shown);
  if (!shown.dryRun && total + open > 0) {
    terminal.out(`${healed} healed, ${open} left open\n`);
  }
  if (!shown.dryRun && ledger.entries + ledger.balances > 0) {
    terminal.out(
      `${counted(ledger.entries, 'correcting entry').replace('entrys', 'entries')} in the ledger, ` +
        `${counted(ledger.balances, 'balance')} set to the sum of its entries\n`,
    );
  }
  if (!shown.dryRun) sayLeft(terminal, shown.left);
  terminal.out(
    digest.equal
      ? `state digest ${digest.stored} is that of the chain\n`
      : `the state digest was ${digest.stored}, of the chain it is ${digest.derived}\n`,
  );
}

function sayDifferences(terminal: Terminal, { differences, examples }: ShownResult): void {
  const rows = Object.entries(differences).flatMap(([type, count]) =>
    examples
      .filter((example) => example.type === type)
      .map((example, position) => ({ ...example, type, count: position === 0 ? count : null })),
  );
  sayTable(terminal, rows, [
    ['TYPE', (row) => (row.count === null ? '' : row.type)],
    ['COUNT', (row) => row.count ?? ''],
    ['OUTPUT', (row) => `${row.txHash}#${row.outputIndex}`],
    ['ADDRESS', (row) => row.address],
    ['STATE', (row) => row.state],
    ['REASON', (row) => row.reason],
  ]);
}
