/** The answer didn't come in time; what was asked goes on. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

export async function withDeadline<T>(answer: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new DeadlineError(`no answer within ${deadlineMs} ms`));
    }, deadlineMs);
  });
  try {
    return await Promise.race([answer, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Whoever asks while a question is open gets its answer, and so does whoever asks soon after. Health
 * endpoints need no key: without this, anyone could keep the database busy, and a database that hangs
 * would collect a connection of the pool with every probe.
 *
 * @param restRatio an answer is kept as long as it took, times this, but at least `keptMs`
 */
export function shared<T>(
  ask: () => Promise<T>,
  keptMs: number,
  restRatio: number,
  now: () => number,
): () => Promise<T> {
  let open: Promise<T> | undefined;
  let kept: { readonly answer: T; readonly until: number } | undefined;
  return () => {
    if (kept !== undefined && now() < kept.until) return Promise.resolve(kept.answer);
    if (open !== undefined) return open;
    const begun = now();
    open = ask()
      .then((answer) => {
        const rest = Math.max(keptMs, (now() - begun) * restRatio);
        kept = { answer, until: now() + rest };
        return answer;
      })
      .finally(() => {
        open = undefined;
      });
    return open;
  };
}
