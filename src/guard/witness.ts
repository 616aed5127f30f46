import type { Pool } from 'pg';
import { type Fields, fieldsOf } from '../chain/fields.js';
import {
  type Point,
  SECURITY_PARAMETER_BLOCKS,
  type Slot,
  type TipOrOrigin,
} from '../chain/point.js';
import { createEndpointRequests } from '../sync/endpoint-requests.js';
import { type Endpoints, endpointName } from '../sync/endpoints.js';
import { offeredHeights, spreadBetween } from '../sync/points.js';
import { headersAt, isOurs, readCursor } from '../sync/queries.js';
import { NodeError, type NodeRequests } from '../sync/requests.js';
import { readIntersection } from '../sync/session.js';
import type { IntersectionAnswer } from '../sync/verdict.js';
import { type OfferedBlock, offeredBlocks } from './guard-queries.js';
import { judgeWitness } from './judge.js';
import type { Hearing, Standing } from './testimony.js';

/** A node of somebody else's, which is asked what it thinks of our chain. */
export type Witness = {
  /** As it may be shown; its own. */
  readonly name: string;
  /** Newest first; answers with the first that is on its chain. */
  findIntersection(points: readonly Point[], signal: AbortSignal): Promise<IntersectionAnswer>;
  close(): void;
};

/** It can't be asked, or says nothing that can be understood. */
export class WitnessSilent extends Error {
  override readonly name = 'WitnessSilent';
}

const ANSWER_MS_MAX = 10_000;
const INTERSECTION_NOT_FOUND = 1000;

/** One for each address, each with a connection of its own, over which nothing else goes. */
export function createWitnesses(endpoints: Endpoints): Witness[] {
  const names = endpoints.urls.map((_, endpoint) =>
    endpointName(endpoints, { endpoint, key: 0, failures: 0, refusals: 0 }),
  );
  return names.map((shown, endpoint) => {
    const requests = createEndpointRequests(endpoints, endpoint);
    // What two addresses differ in may be what must not be shown.
    const name = names.indexOf(shown) === endpoint ? shown : `${shown} (${endpoint + 1})`;
    return {
      name,
      findIntersection: (points, signal) =>
        requests
          .use(signal, (open) => askIntersection(open, points, signal))
          .catch((error: unknown) => {
            throw new WitnessSilent(withoutKeys(error, endpoints), { cause: error });
          }),
      close: () => requests.close(),
    };
  });
}

/** An endpoint's words may hold what it was given. */
export const withoutKeys = (error: unknown, { keys }: Endpoints): string =>
  keys.reduce(
    (text, key) => text.replaceAll(key, '***'),
    error instanceof Error ? error.message : String(error),
  );

async function askIntersection(
  requests: NodeRequests,
  points: readonly Point[],
  signal: AbortSignal,
): Promise<IntersectionAnswer> {
  const limits = { timeoutMs: ANSWER_MS_MAX, signal };
  try {
    const result = await requests.request('findIntersection', { points }, limits);
    return readIntersection({ result });
  } catch (error) {
    if (!(error instanceof NodeError) || error.code !== INTERSECTION_NOT_FOUND) throw error;
    const data: Fields = fieldsOf(error.data, 'data');
    return readIntersection({ error: { code: error.code, data } });
  }
}

/**
 * What it says of our chain; null where there is nothing to ask, or our chain moved meanwhile.
 *
 * @throws WitnessSilent
 */
export async function hearWitness(
  witness: Witness,
  { pool, partitionId }: { readonly pool: Pool; readonly partitionId: number },
  signal: AbortSignal,
): Promise<Hearing | null> {
  const cursor = await readCursor(pool, partitionId);
  if (cursor === null || cursor.point === 'origin' || cursor.height === null) return null;
  const heights = offeredHeights(cursor.height, SECURITY_PARAMETER_BLOCKS);
  const offered = await offeredBlocks(pool, partitionId, heights);
  const newest = offered[0];
  const oldest = offered.at(-1);
  if (newest === undefined || oldest === undefined) return null;
  const ask = (blocks: readonly Place[]): Promise<IntersectionAnswer> =>
    witness.findIntersection(blocks.map(pointOf), signal);
  const found = await locate(ask, offered, (between) => headersAt(pool, partitionId, between));
  // What was said of a chain that has left us meanwhile says nothing of the one we are on.
  if (!(await isOurs(pool, partitionId, newest.hash))) return null;
  const at = { height: newest.height, slot: newest.slot };
  const lacks = found.unknown && standingOf(found.unknown);
  const sighting = { cursor: at, oldest, ...found, unknown: lacks?.height ?? null };
  return { verdict: judgeWitness(sighting), on: standingOf(newest), lacks };
}

type Place = Pick<OfferedBlock, 'slot' | 'hash' | 'height'>;
type Found = {
  readonly common: number | null;
  readonly unknown: Place | null;
  readonly tip: TipOrOrigin;
};

const standingOf = ({ height, hash }: Place): Standing => ({ height, hash });
const pointOf = ({ slot, hash }: Place): Point => ({ slot: slot as Slot, id: hash });

/** A thousand blocks are narrowed down in three rounds. */
const NARROWING_POINTS = 20;

/** Offered blocks lie ever further apart: asks between them until it is known to the block. */
async function locate(
  ask: (blocks: readonly Place[]) => Promise<IntersectionAnswer>,
  offered: readonly Place[],
  placesAt: (heights: readonly number[]) => Promise<readonly Place[]>,
): Promise<Found> {
  let { known, unknown, tip } = read(await ask(offered), offered);
  if (known === null) return { common: null, unknown: offered.at(-1) ?? null, tip };
  while (unknown !== null && unknown.height - known > 1) {
    const places = await placesAt(spreadBetween(known, unknown.height, NARROWING_POINTS));
    if (places.length === 0) break;
    const next = read(await ask(places), places);
    tip = next.tip;
    known = next.known ?? known;
    unknown = (next.known === null ? places.at(-1) : next.unknown) ?? unknown;
  }
  return { common: known, unknown, tip };
}

/** The highest of these that it knows, and the lowest that it doesn't. */
function read({ point, tip }: IntersectionAnswer, places: readonly Place[]) {
  const at = places.findIndex(
    ({ hash }) => point !== null && point !== 'origin' && hash === point.id,
  );
  const known = places[at]?.height ?? null;
  return { known, unknown: (at > 0 && places[at - 1]) || null, tip };
}
