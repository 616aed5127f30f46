import { setTimeout as sleep } from 'node:timers/promises';
import type { Leadership, LeadingTask } from '../sync/leadership.js';
import { withTimeLimit } from '../sync/time-limit.js';
import { decide, type GuardPolicy, type Seen } from './decide.js';
import { leastBlocksOf } from './density.js';
import type { GuardEvent } from './events.js';
import {
  type ChainState,
  type GuardRow,
  type HeardWitness,
  lockGuard,
  readChainState,
  readGuard,
  saveWitnesses,
} from './guard-queries.js';
import { writeReasons } from './hold.js';
import { agreesWith, describeVerdict, type Testimony, testify, type Verdict } from './judge.js';
import type { Reason } from './reasons.js';
import { hearWitness, type Witness, WitnessSilent } from './witness.js';

export type WatchDeps = {
  /** Opened for a term, and closed with it. */
  readonly openWitnesses: () => readonly Witness[];
  readonly splitDepth: number;
  readonly rollbackDepth: number | null;
  /** Share of slots that have a block, as the node tells; null: density isn't watched. */
  readonly activeSlots: ((signal: AbortSignal) => Promise<number>) | null;
  readonly observe: (event: GuardEvent) => void;
  /** Between two looks. */
  readonly checkMs: number;
  readonly now: () => Date;
};

const HEAR_MS_MAX = 30_000;
/** Whoever reads how things stand sees at least so often that somebody looks. */
const WITNESSES_WRITTEN_EVERY_MS = 60_000;
/** Further from the tip the chain is history: what it was like then holds nothing now. */
const NEAR_TIP_BLOCKS = 20;

/** Looks after the chain for as long as a term lasts: witnesses, density, and the end of what held. */
export const watchChain =
  (deps: WatchDeps): LeadingTask =>
  async (leadership) => {
    const witnesses = deps.openWitnesses();
    if (witnesses.length === 0 && deps.rollbackDepth === null && deps.activeSlots === null) {
      const { reasons } = await readGuard(leadership.pool, leadership.partitionId);
      if (reasons.length === 0) return;
    }
    const heard = new Map<string, Heard>();
    const again = (work: () => Promise<void>): Promise<void> => repeat(deps, leadership, work);
    const look = createLook(deps, leadership, witnesses, heard);
    try {
      await Promise.all([
        again(look),
        ...witnesses.map((witness) => again(() => hear(deps, leadership, witness, heard))),
      ]);
    } finally {
      for (const witness of witnesses) witness.close();
    }
  };

type Heard = { readonly testimony: Testimony; readonly at: Date };

/** A database or a node that is away for a moment must not end the watch for the rest of a term. */
async function repeat(
  { checkMs, observe }: WatchDeps,
  { signal }: Leadership,
  work: () => Promise<void>,
): Promise<void> {
  let failed = false;
  const tell = (error: unknown): void => {
    if (signal.aborted) return;
    if (!failed) observe({ type: 'chain_guard_failed', reason: describe(error) });
    failed = true;
  };
  while (!signal.aborted) {
    await work().then(() => {
      failed = false;
    }, tell);
    await sleep(checkMs, undefined, { signal }).catch(() => undefined);
  }
}

async function hear(
  { observe, now }: WatchDeps,
  { pool, partitionId, signal }: Leadership,
  witness: Witness,
  heard: Map<string, Heard>,
): Promise<void> {
  const before = heard.get(witness.name)?.testimony ?? null;
  const verdict = await withTimeLimit(signal, HEAR_MS_MAX, (limited) =>
    hearWitness(witness, { pool, partitionId }, limited),
  ).catch(silentBecause);
  if (verdict === null || signal.aborted) return;
  heard.set(witness.name, { testimony: testify(before, verdict), at: now() });
  if (before?.verdict.type !== verdict.type) {
    observe({ type: 'witness_heard', witness: witness.name, verdict });
  }
}

function silentBecause(error: unknown): Verdict {
  if (error instanceof WitnessSilent) return { type: 'silent', reason: error.message };
  throw error;
}

/** One look at the chain, over and over. */
function createLook(
  deps: WatchDeps,
  leadership: Leadership,
  witnesses: readonly Witness[],
  heard: ReadonlyMap<string, Heard>,
) {
  const names = witnesses.map(({ name }) => name);
  const { pool, partitionId, signal } = leadership;
  let leastBlocks: number | null = null;
  let told: readonly Reason[] = [];
  let written: { readonly at: number; readonly kinds: string } | null = null;

  const tell = (guard: GuardRow): void => {
    const holding = guard.reasons.filter((reason) => reason.released === null);
    const isNews = keysOf(holding) !== keysOf(told);
    told = holding;
    if (!isNews) return;
    if (holding.length > 0) deps.observe({ type: 'chain_guard_held', reasons: holding });
    else deps.observe({ type: 'chain_guard_released', by: releaserOf(guard) });
  };
  const noteWitnesses = async (): Promise<void> => {
    const shown = [...heard].map((one) => showHeard(one, deps.splitDepth));
    const kinds = [...heard].map(([name, one]) => name + one.testimony.verdict.type).join();
    const at = deps.now().getTime();
    const isFresh = written !== null && at - written.at < WITNESSES_WRITTEN_EVERY_MS;
    if (kinds === (written?.kinds ?? '') && (isFresh || shown.length === 0)) return;
    await leadership.write(async (tx, time) => {
      await lockGuard(tx, partitionId);
      await saveWitnesses(tx, partitionId, time, shown);
    });
    written = { at, kinds };
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
    const see = (chain: ChainState): Seen => seenOf(chain, names, heard);
    await reconsider(leadership, see, policy, deps.now());
    tell(await readGuard(pool, partitionId));
    await noteWitnesses();
  };
}

/** Decides without a lock first: on most looks there is nothing to write. */
async function reconsider(
  leadership: Leadership,
  see: (chain: ChainState) => Seen,
  policy: GuardPolicy,
  now: Date,
): Promise<void> {
  const { pool, partitionId } = leadership;
  const chain = await readChainState(pool, partitionId);
  if (chain === null) return;
  const before = await readGuard(pool, partitionId);
  const after = decide(before.reasons, see(chain), policy, now.toISOString());
  if (JSON.stringify(after) === JSON.stringify(before.reasons)) return;
  await leadership.write(async (tx, at) => {
    const guard = await lockGuard(tx, partitionId);
    const state = await readChainState(tx, partitionId);
    if (state === null) return;
    const reasons = decide(guard.reasons, see(state), policy, at.toISOString());
    await writeReasons(tx, partitionId, at, guard, reasons);
  });
}

function seenOf(
  { height, slot, tipHeight, covered, blocks }: ChainState,
  names: readonly string[],
  heard: ReadonlyMap<string, Heard>,
): Seen {
  const isNear = tipHeight !== null && tipHeight - height <= NEAR_TIP_BLOCKS;
  return {
    cursor: { height, slot },
    // One that wasn't heard yet says nothing, but it is there.
    witnesses: new Map(names.map((name) => [name, heard.get(name)?.testimony ?? UNHEARD])),
    blocksInWindow: isNear && covered === true ? blocks : null,
  };
}

const UNHEARD: Testimony = {
  verdict: { type: 'silent', reason: 'not heard yet' },
  agreements: 0,
  fork: null,
};

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

const describe = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
