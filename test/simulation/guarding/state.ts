import { type ChainOptions, createChain, type DevnetChain } from '../../../src/devnet/chain.js';
import { createRandom, type Random } from '../../../src/devnet/random.js';
import { type BlockSource, chainSource } from '../../../src/devnet/source.js';
import { copyInto } from '../../../src/devnet/split.js';
import type { GuardReason } from '../books.js';

/** Who looks at what holds the chain now and then, and lets it pass. */
export const PERSON = 'person';

/** Somebody else's node: it follows the chain, parts from it, and comes back, or wins. */
export type WitnessNode = {
  readonly name: string;
  readonly chain: DevnetChain;
  readonly source: BlockSource;
  isApart: boolean;
  isAway: boolean;
  /** The fork that was let pass, and after which something else has come already. */
  tried: number | null;
};

/** An answer of a witness: what its tip was, and how many commits there had been. */
export type Answer = { readonly witness: string; readonly tip: string; readonly commits: number };

/** What a leader's guard knows: another term begins with nothing. */
export type GuardTerm = { readonly beganMs: number; readonly answers: Answer[] };

/** What a world with a guard has besides. Whatever is drawn for it is drawn here. */
export type GuardWorld = {
  readonly random: Random;
  readonly splitDepth: number;
  readonly rollbackDepth: number;
  /** Of the world's clock, by step. */
  readonly stepMs: number;
  readonly witnesses: readonly WitnessNode[];
  /** Blocks that our chain left, and came back to with the other side. */
  readonly returned: Set<string>;
  /** By the actor that guards. */
  readonly terms: Map<string, GuardTerm>;
  /** Everything that stands at a gate has a name of its own. */
  gates: number;
  /** Connections that stand at a gate. */
  readonly standing: Set<string>;
  /** Commits there had been when an actor's open transaction began. */
  readonly began: Map<string, number>;
  /** The commit since which it has been held all the time; null: it isn't. */
  heldSince: number | null;
  /** The same for what is an alarm, which is only ever written behind the leader's fence. */
  alarmSince: number | null;
  /** Of all blocks that the books ever had: what rollbacks took back is counted from it. */
  highest: number;
  /** The last commit at which it was held. */
  lastHeld: number;
  /** The commit that wrote a reason as it is. */
  readonly writtenAt: Map<string, { readonly text: string; readonly commits: number }>;
  /** Whether what is deep enough may still be unconfirmed: no block has come since a hold. */
  isLate: boolean;
};

/** The database is an earlier one: whatever was known of it is of its own time. */
export function restoreGuard(
  guard: GuardWorld,
  reasons: readonly GuardReason[],
  { wasLate, highest }: { readonly wasLate: boolean; readonly highest: number },
  commits: number,
): void {
  const isHeld = reasons.some(({ released }) => released === null);
  const hasAlarm = reasons.some(({ kind, released }) => released === null && kind !== 'unheard');
  guard.heldSince = isHeld ? commits : null;
  guard.alarmSince = hasAlarm ? commits : null;
  guard.isLate = wasLate;
  guard.highest = highest;
  guard.began.clear();
}

export function createGuardWorld(
  seed: number,
  ours: DevnetChain,
  options: ChainOptions,
): GuardWorld {
  const random = createRandom(`guard ${seed}`);
  const witnesses = Array.from({ length: random.pick([0, 1, 1, 1, 2]) }, (_, i): WitnessNode => {
    const chain = createChain({ ...options, branch: `witness ${i + 1}` });
    copyInto(chain, ours);
    const name = `witness-${i + 1}`;
    return { name, chain, source: chainSource(chain), isApart: false, isAway: false, tried: null };
  });
  return {
    random,
    splitDepth: random.pick([3, 4, 5]),
    rollbackDepth: random.pick([3, 4, 6]),
    stepMs: random.pick([50, 200, 600]),
    witnesses,
    returned: new Set(),
    terms: new Map(),
    gates: 0,
    standing: new Set(),
    began: new Map(),
    heldSince: null,
    alarmSince: null,
    highest: -1,
    lastHeld: -1,
    writtenAt: new Map(),
    isLate: false,
  };
}
