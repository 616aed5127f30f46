/** Somebody pressed Ctrl-C, or whoever supervises the process ends it. The message says what became of what was asked for. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Work that Ctrl-C or SIGTERM ends in good order; a second one ends the process at once.
 *
 * @throws Interrupted where the work fails after that, unless it says better itself what it leaves
 */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const interrupt = (): void => stop.abort(new Interrupted('interrupted'));
  for (const name of SIGNALS) process.once(name, interrupt);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted || error instanceof Interrupted) throw error;
    throw stop.signal.reason;
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt);
  }
}
