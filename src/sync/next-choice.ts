import { setTimeout as sleep } from 'node:timers/promises';
import { isTransient } from '../database/pool.js';
import { KeyRefused } from './connection.js';
import { BooksContradict } from './contradiction.js';
import {
  afterFailure,
  afterRefusal,
  afterSuccess,
  backoffMs,
  type Choice,
  type Endpoints,
  endpointName,
} from './endpoints.js';
import type { SyncEvent } from './events.js';
import { ChainRefused } from './follower.js';

type ChoiceDeps<S> = {
  readonly endpoints: Endpoints;
  readonly observe: (event: SyncEvent<S>) => void;
  /** In [0, 1): jitters back-off. */
  readonly random: () => number;
};

export type Outcome = { readonly error: unknown; readonly madeProgress: boolean };

/** After the chain was refused a person is needed; another endpoint may still be the right one. */
const REFUSED_RETRY_MS = 30_000;
/** A person is needed, and then it is to go on soon. */
const CONTRADICTED_RETRY_MS = 5_000;

/** Where and when the next connection is tried; returns once it is time to. */
export async function nextChoice<S>(
  deps: ChoiceDeps<S>,
  choice: Choice,
  { error, madeProgress }: Outcome,
  signal: AbortSignal,
): Promise<Choice> {
  const endpoint = endpointName(deps.endpoints, choice);
  if (error instanceof KeyRefused) {
    // After a session that did its work this refusal is the first: other keys may serve again.
    const since = madeProgress ? afterSuccess(choice, choice.endpoint) : choice;
    const next = afterRefusal(since, deps.endpoints);
    if (next.refusals > 0) deps.observe({ type: 'api_key_rotated', endpoint, keyIndex: next.key });
    await sleep(backoffMs(next, deps.endpoints, deps.random()), undefined, { signal }).catch(
      () => undefined,
    );
    return next;
  }
  // The database's trouble is no endpoint's fault.
  const isOurs = isTransient(error) || error instanceof BooksContradict;
  const next =
    madeProgress || isOurs
      ? afterSuccess(choice, isOurs ? choice.endpoint : 0)
      : afterFailure(choice, deps.endpoints);
  const pause = retryMsOf(error) ?? backoffMs(next, deps.endpoints, deps.random());
  await sleep(pause, undefined, { signal }).catch(() => undefined);
  return next;
}

function retryMsOf(error: unknown): number | null {
  if (error instanceof ChainRefused) return REFUSED_RETRY_MS;
  return error instanceof BooksContradict ? CONTRADICTED_RETRY_MS : null;
}
