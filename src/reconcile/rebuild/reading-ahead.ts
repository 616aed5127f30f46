import type { ChainView, Reading } from '../../sync/chain-view.js';
import type { Cursor } from '../../sync/events.js';

/** A chain that is read while something else is waited for. */
export type ReadingAhead = {
  /** What comes next; null where it isn't there before `other` resolves. What is waited for stays waited for. */
  next(other: Promise<unknown>): Promise<Reading | null>;
  close(): Promise<void>;
};

export function readAhead(
  chain: ChainView,
  offered: readonly Cursor[],
  signal: AbortSignal,
): ReadingAhead {
  const stop = new AbortController();
  const readings = chain.read(offered, AbortSignal.any([signal, stop.signal]));
  let coming: Promise<Reading | null> | null = null;
  const pull = async (): Promise<Reading | null> => {
    const result = await readings.next();
    if (result.done === true) throw new Error('the node ended what it was telling');
    return result.value;
  };
  return {
    async next(other) {
      coming ??= heard(pull());
      const waited = coming;
      const reading = await Promise.race([waited, other.then(() => null)]);
      // The next one is read and decoded while this one is worked on.
      if (reading !== null) coming = heard(pull());
      return reading;
    },
    async close() {
      stop.abort(new Error('read enough'));
      await coming?.catch(() => undefined);
      // Woken up once more it notices, and lets go of its connection.
      await readings.next().catch(() => undefined);
    },
  };
}

/** Whoever waits for it is told of its failure; meanwhile nobody may be waiting. */
function heard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
