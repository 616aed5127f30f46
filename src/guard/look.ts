import { isDeepStrictEqual } from 'node:util';
import type { Queryable } from '../database/transaction.js';
import type { Leadership } from '../sync/leadership.js';
import { decide, type GuardPolicy, type Seen } from './decide.js';
import type { GuardEvent } from './events.js';
import {
  type ChainState,
  type GuardRow,
  lockGuard,
  oursAmong,
  readChainState,
  readGuard,
} from './guard-queries.js';
import { writeReasons } from './hold.js';
import { createNotes, type Heard } from './notes.js';
import { isAlarm, type Reason } from './reasons.js';
import { type Testimony, whatStands } from './testimony.js';

export type LookDeps = {
  readonly splitDepth: number;
  readonly rollbackDepth: number | null;
  readonly observe: (event: GuardEvent) => void;
  readonly now: () => Date;
};

/** A witness that says nothing for that long at a term's beginning isn't waited for. */
const LISTEN_MS_MAX = 30_000;
/** Further from the tip the chain is history: what it was like then holds nothing now. */
const NEAR_TIP_BLOCKS = 20;

/** What those who ask have learned so far in a term. */
export type Learned = {
  readonly heard: ReadonlyMap<string, Heard>;
  /** Of a healthy chain in a window; null until it is known. */
  readonly leastBlocks: () => number | null;
};

/** One look at the chain, over and over. It asks nobody: whoever is slow to answer keeps nobody from being believed. */
export function createLook(
  deps: LookDeps,
  leadership: Leadership,
  names: readonly string[],
  { heard, leastBlocks }: Learned,
): () => Promise<void> {
  const began = deps.now().getTime();
  const { pool, partitionId } = leadership;
  const tell = createTeller(deps.observe);
  const noteWitnesses = createNotes(deps, leadership, names, heard);

  const see = async (db: Queryable, chain: ChainState): Promise<Seen> => {
    const isListening =
      deps.now().getTime() - began < LISTEN_MS_MAX &&
      names.some((name) => heard.get(name)?.wasHeard !== true);
    const witnesses = await testimonies(db, partitionId, names, heard, chain.height);
    return { ...seenOf(chain), witnesses, isListening };
  };
  return async (): Promise<void> => {
    const policy: GuardPolicy = {
      splitDepth: deps.splitDepth,
      rollbackDepth: deps.rollbackDepth,
      leastBlocks: leastBlocks(),
    };
    const before = await readGuard(pool, partitionId);
    const isNews = await reconsider(leadership, see, policy, before, deps.now());
    const guard = await readGuard(pool, partitionId);
    tell(before, guard);
    await noteWitnesses(guard, isNews);
  };
}

/**
 * Decides without a lock first: on most looks there is nothing to write.
 *
 * @returns whether there was
 */
async function reconsider(
  leadership: Leadership,
  see: (db: Queryable, chain: ChainState) => Promise<Seen>,
  policy: GuardPolicy,
  before: GuardRow,
  now: Date,
): Promise<boolean> {
  const { pool, partitionId } = leadership;
  const chain = await readChainState(pool, partitionId);
  if (chain === null) return false;
  const after = decide(before.reasons, await see(pool, chain), policy, now.toISOString());
  if (isDeepStrictEqual(after, before.reasons)) return false;
  await leadership.write(async (tx, at) => {
    const guard = await lockGuard(tx, partitionId);
    const state = await readChainState(tx, partitionId);
    if (state === null) return;
    const reasons = decide(guard.reasons, await see(tx, state), policy, at.toISOString());
    await writeReasons(tx, partitionId, at, guard, reasons);
  });
  return true;
}

/** What the witnesses said of the chain that the books are on, in whose transaction this is read. */
async function testimonies(
  db: Queryable,
  partitionId: number,
  names: readonly string[],
  heard: ReadonlyMap<string, Heard>,
  height: number,
): Promise<ReadonlyMap<string, Testimony>> {
  // One that wasn't heard yet says nothing, but it is there.
  const all = names.map((name) => [name, heard.get(name)?.testimony ?? UNHEARD] as const);
  const spokenOf = all.flatMap(([, { on, lacks }]) =>
    [on, lacks].flatMap((block) => block?.hash ?? []),
  );
  const ours = await oursAmong(db, partitionId, spokenOf);
  return new Map(all.map(([name, one]) => [name, whatStands(one, { height, ours })]));
}

function seenOf({ height, slot, tipHeight, covered, blocks }: ChainState) {
  const isNear = tipHeight !== null && tipHeight - height <= NEAR_TIP_BLOCKS;
  return { cursor: { height, slot }, blocksInWindow: isNear && covered === true ? blocks : null };
}

const UNHEARD: Testimony = {
  verdict: { type: 'silent', reason: 'not heard yet' },
  on: null,
  lacks: null,
  agreements: 0,
  fork: null,
};

/** Tells what holds when that changes, and at first what holds already, or has ended with that look. */
function createTeller(
  observe: (event: GuardEvent) => void,
): (before: GuardRow, guard: GuardRow) => void {
  let told: readonly Reason[] | null = null;
  return (before, guard) => {
    const holding = guard.reasons.filter(isAlarm);
    const ended = told ?? before.reasons.filter(isAlarm);
    const isKnown = keysOf(holding) === keysOf(told ?? []);
    told = holding;
    if (holding.length > 0 && !isKnown) observe({ type: 'chain_guard_held', reasons: holding });
    if (holding.length === 0 && ended.length > 0) {
      observe({ type: 'chain_guard_released', by: releaserOf(guard, ended) });
    }
  };
}

const keyOf = (one: Reason): string =>
  `${one.kind} ${one.kind === 'witness' ? one.witness : ''} ${one.since}`;

const keysOf = (reasons: readonly Reason[]): string => reasons.map(keyOf).join();

/** Who let pass what held and is still there; null where it is over. */
const releaserOf = ({ reasons, releasedBy }: GuardRow, ended: readonly Reason[]): string | null => {
  const passed = new Set(reasons.filter(({ released }) => released !== null).map(keyOf));
  return ended.some((one) => passed.has(keyOf(one))) ? releasedBy : null;
};
