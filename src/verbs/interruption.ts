/** Somebody pressed Ctrl-C. The message says what became of what was asked for. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/**
 * Work that Ctrl-C ends in good order; a second one ends the process at once.
 *
 * @throws Interrupted where the work fails after that, unless it says better itself what it leaves
 */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const interrupt = (): void => stop.abort(new Interrupted('interrupted'));
  process.once('SIGINT', interrupt);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted || error instanceof Interrupted) throw error;
    throw stop.signal.reason;
  } finally {
    process.off('SIGINT', interrupt);
  }
}
