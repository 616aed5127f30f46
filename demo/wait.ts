import { setTimeout as sleep } from 'node:timers/promises';

/** Short enough not to be seen, long enough to leave the processor to those we wait for. */
const PROBE_EVERY_MS = 20;

/** What was to happen, and didn't in time. The story ends with it. */
export class StoryBroken extends Error {
  override readonly name = 'StoryBroken';
}

export function expectThat(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new StoryBroken(otherwise);
}

/** Asks again and again until there is an answer. @throws StoryBroken when there is none in time */
export async function waitFor<T>(
  what: string,
  limitMs: number,
  signal: AbortSignal,
  probe: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    signal.throwIfAborted();
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new StoryBroken(`${what}: not within ${limitMs / 1000} s`);
    await sleep(PROBE_EVERY_MS, undefined, { signal });
  }
}
