import type { Queryable } from '../database/transaction.js';
import type { Leadership } from '../sync/leadership.js';
import { decide, type GuardPolicy, type Seen } from './decide.js';
import { leastBlocksOf } from './density.js';
import type { GuardEvent } from './events.js';
import {
  type ChainState,
  type GuardRow,
  type HeardWitness,
  lockGuard,
  oursAmong,
  readChainState,
  readGuard,
  saveWitnesses,
} from './guard-queries.js';
import { writeReasons } from './hold.js';
import { afterRollback, agreesWith, describeVerdict, type Testimony } from './judge.js';
import { isAlarm, type Reason } from './reasons.js';

/** `wasHeard`: it said enough, at least once in this term. */
export type Heard = {
  readonly testimony: Testimony;
  readonly at: Date;
  readonly wasHeard: boolean;
};

export type LookDeps = {
  readonly splitDepth: number;
  readonly rollbackDepth: number | null;
  readonly activeSlots: ((signal: AbortSignal) => Promise<number>) | null;
  readonly observe: (event: GuardEvent) => void;
  readonly now: () => Date;
};

/** A witness that says nothing for that long at a term's beginning isn't waited for. */
const LISTEN_MS_MAX = 30_000;
/** Whoever reads how things stand sees at least so often that somebody looks. */
const WITNESSES_WRITTEN_EVERY_MS = 60_000;
/** Further from the tip the chain is history: what it was like then holds nothing now. */
const NEAR_TIP_BLOCKS = 20;

/** One look at the chain, over and over. */
export function createLook(
  deps: LookDeps,
  leadership: Leadership,
  witnesses: readonly { readonly name: string }[],
  heard: ReadonlyMap<string, Heard>,
): () => Promise<void> {
  const names = witnesses.map(({ name }) => name);
  const began = deps.now().getTime();
  const { pool, partitionId, signal } = leadership;
  const tell = createTeller(deps.observe);
  const noteWitnesses = createNotes(deps, leadership, names, heard);
  let leastBlocks: number | null = null;

  const see = async (db: Queryable, chain: ChainState): Promise<Seen> => {
    const isListening =
      deps.now().getTime() - began < LISTEN_MS_MAX &&
      names.some((name) => heard.get(name)?.wasHeard !== true);
    const witnesses = await testimonies(db, partitionId, names, heard);
    return { ...seenOf(chain), witnesses, isListening };
  };
  return async (): Promise<void> => {
    if (deps.activeSlots !== null) {
      // A node that is away must not keep witnesses from being believed.
      leastBlocks ??= await deps.activeSlots(signal).then(leastBlocksOf, () => null);
    }
    const policy: GuardPolicy = {
      splitDepth: deps.splitDepth,
      rollbackDepth: deps.rollbackDepth,
      watchesDensity: deps.activeSlots !== null,
      leastBlocks,
    };
    await reconsider(leadership, see, policy, deps.now());
    const guard = await readGuard(pool, partitionId);
    tell(guard);
    await noteWitnesses(guard);
  };
}

/** Decides without a lock first: on most looks there is nothing to write. */
async function reconsider(
  leadership: Leadership,
  see: (db: Queryable, chain: ChainState) => Promise<Seen>,
  policy: GuardPolicy,
  now: Date,
): Promise<void> {
  const { pool, partitionId } = leadership;
  const chain = await readChainState(pool, partitionId);
  if (chain === null) return;
  const before = await readGuard(pool, partitionId);
  const after = decide(before.reasons, await see(pool, chain), policy, now.toISOString());
  if (JSON.stringify(after) === JSON.stringify(before.reasons)) return;
  await leadership.write(async (tx, at) => {
    const guard = await lockGuard(tx, partitionId);
    const state = await readChainState(tx, partitionId);
    if (state === null) return;
    const reasons = decide(guard.reasons, await see(tx, state), policy, at.toISOString());
    await writeReasons(tx, partitionId, at, guard, reasons);
  });
}

/** What the witnesses said of the chain that the books are on, in whose transaction this is read. */
async function testimonies(
  db: Queryable,
  partitionId: number,
  names: readonly string[],
  heard: ReadonlyMap<string, Heard>,
): Promise<ReadonlyMap<string, Testimony>> {
  // One that wasn't heard yet says nothing, but it is there.
  const all = names.map((name) => [name, heard.get(name)?.testimony ?? UNHEARD] as const);
  const hashes = all.flatMap(([, { on }]) => (on === null ? [] : [on.hash]));
  const ours = await oursAmong(db, partitionId, hashes);
  return new Map(
    all.map(([name, one]) => [
      name,
      one.on === null || ours.has(one.on.hash) ? one : afterRollback(one),
    ]),
  );
}

function seenOf({ height, slot, tipHeight, covered, blocks }: ChainState) {
  const isNear = tipHeight !== null && tipHeight - height <= NEAR_TIP_BLOCKS;
  return { cursor: { height, slot }, blocksInWindow: isNear && covered === true ? blocks : null };
}

const UNHEARD: Testimony = {
  verdict: { type: 'silent', reason: 'not heard yet' },
  on: null,
  agreements: 0,
  fork: null,
};

/** Tells what holds when that changes. */
function createTeller(observe: (event: GuardEvent) => void): (guard: GuardRow) => void {
  let told: readonly Reason[] = [];
  return (guard) => {
    const holding = guard.reasons.filter(isAlarm);
    const isNews = keysOf(holding) !== keysOf(told);
    told = holding;
    if (!isNews) return;
    if (holding.length > 0) observe({ type: 'chain_guard_held', reasons: holding });
    else observe({ type: 'chain_guard_released', by: releaserOf(guard) });
  };
}

/** Writes what the witnesses said, for whoever asks how things stand: when it changes, and now and then. */
function createNotes(
  { splitDepth, now }: LookDeps,
  leadership: Leadership,
  names: readonly string[],
  heard: ReadonlyMap<string, Heard>,
): (guard: GuardRow) => Promise<void> {
  let written: { readonly at: number; readonly kinds: string } | null = null;
  return async (guard) => {
    const shown = [...heard].map((one) => showHeard(one, splitDepth));
    const unheard = guard.witnesses.filter(
      ({ witness }) => names.includes(witness) && !heard.has(witness),
    );
    const hasStrangers = guard.witnesses.some(({ witness }) => !names.includes(witness));
    const kinds = [...heard].map(([name, one]) => name + one.testimony.verdict.type).join();
    const at = now().getTime();
    const isFresh = written !== null && at - written.at < WITNESSES_WRITTEN_EVERY_MS;
    const isKnown = kinds === (written?.kinds ?? '') && (isFresh || shown.length === 0);
    if (isKnown && !hasStrangers) return;
    const { partitionId } = leadership;
    await leadership.write(async (tx, time) => {
      await lockGuard(tx, partitionId);
      await saveWitnesses(tx, partitionId, time, [...shown, ...unheard]);
    });
    written = { at, kinds };
  };
}

const showHeard = (
  [witness, { testimony, at }]: readonly [string, Heard],
  splitDepth: number,
): HeardWitness => ({
  witness,
  agrees: agreesWith(testimony.verdict, splitDepth),
  verdict: describeVerdict(testimony.verdict),
  heardAt: at.toISOString(),
});

const keysOf = (reasons: readonly Reason[]): string =>
  reasons.map((one) => `${one.kind} ${one.kind === 'witness' ? one.witness : one.since}`).join();

/** Who let pass what is still there; null where nothing is. */
const releaserOf = ({ reasons }: GuardRow): string | null =>
  reasons.find((reason) => reason.released !== null)?.released?.by ?? null;
