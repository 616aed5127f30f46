import { setTimeout as sleep } from 'node:timers/promises';
import { type Choice, dialOf, type Endpoints } from './endpoints.js';
import type { Follower } from './follower.js';
import { openNode } from './open-node.js';
import { type ChainSyncSession, createSession } from './session.js';

export const PREFERRED_IS_BACK = 'the preferred endpoint is back';

export type PreferredDeps = { readonly endpoints: Endpoints; readonly preferredRetryMs: number };

/**
 * While a less preferred endpoint serves, asks the preferred one now and then whether it has the block
 * that we are at; then ends the session, and the next one begins with the preferred endpoint. It may be
 * on another fork or behind: nothing is given up before it has proven that it can take over.
 */
export function watchPreferred(
  deps: PreferredDeps,
  choice: Choice,
  follower: Follower,
  session: ChainSyncSession,
  signal: AbortSignal,
): void {
  if (choice.endpoint === 0) return;
  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      await sleep(deps.preferredRetryMs, undefined, { signal });
      if (await canTakeOver(deps, choice, follower, signal)) {
        session.close(PREFERRED_IS_BACK);
        return;
      }
    }
  };
  watch().catch(() => undefined);
}

async function canTakeOver(
  deps: PreferredDeps,
  choice: Choice,
  follower: Follower,
  signal: AbortSignal,
): Promise<boolean> {
  const cursor = follower.cursor();
  if (cursor === null) return false;
  try {
    const dial = dialOf(deps.endpoints, { ...choice, endpoint: 0 });
    const probe = createSession(await openNode(dial, signal), {
      answersTipQuery: { get: () => false, set: () => undefined },
    });
    try {
      return (await probe.findIntersection([cursor.point])).point !== null;
    } finally {
      probe.close('asked');
    }
  } catch {
    return false;
  }
}
