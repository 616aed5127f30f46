import type pg from 'pg';
import { makeAddress } from '../../src/devnet/address.js';
import { type ChainOptions, createChain, type DevnetChain } from '../../src/devnet/chain.js';
import { createRandom, type Random } from '../../src/devnet/random.js';
import { type BlockSource, chainSource } from '../../src/devnet/source.js';
import type { BooksSummary } from '../../src/payouts/tracking/tracking.js';
import type { BlockHandlers } from '../../src/sync/follower.js';
import type { StartPoint } from '../../src/sync/intersect.js';
import type { Term } from '../../src/sync/queries.js';
import type { Books } from './books.js';
import { createGuardWorld, type GuardWorld, PERSON } from './guarding/state.js';
import { NETWORK } from './network.js';
import type { PayoutBooks } from './payouts/invariants.js';
import { createPayoutWorld, OPERATOR, type PayoutWorld } from './payouts/state.js';
import { createPolicies, POLICY, type Policies, type Policy } from './policies.js';
import { type CursorHand, createCursorHand, isMisplaced } from './proving/cursor-state.js';
import { createProofs, type Proofs } from './proving/state.js';
import { createScheduler, type Locks, type Scheduler } from './scheduler.js';
import { createSealing, type Sealing } from './sealing/state.js';
import { emptyTally, type Tally } from './tally.js';

export type Instance = {
  readonly name: string;
  /** What it does beside following has gates of its own. */
  readonly beside: string;
  /** The term it leads in; null while it doesn't. */
  epoch: bigint | null;
  leading: Leading | null;
  /** What it was started with. */
  policy: Policy;
  /** The term in which it last began something beside following. */
  besideEpoch: bigint | null;
  /** By which it goes on with that, also where it was started again with another one meanwhile. */
  besidePolicy: Policy;
};

/** What a leader has for as long as its term lasts. */
export type Leading = {
  readonly term: Term;
  readonly handlers: BlockHandlers<BooksSummary>;
  readonly policy: Policy;
};

/** What is wrong between the instances and the node. */
export type NodeTrouble = {
  /** How many blocks of its own chain the node doesn't show. */
  behind: number;
  down: boolean;
  /** Raised when all connections drop: also who didn't look while they were down is cut off. */
  connections: number;
  stalled: boolean;
};

/** Where the database starts; `tip` is learned when it does. `index` is the place on the chain. */
export type Start = { readonly point: StartPoint; id: string; height: number; index: number };

/** All that one seed is about. Its parts change it in turns: only one actor ever runs at a time. */
export type World = {
  readonly seed: number;
  /** The real pool, without gates: for looking at the books, not for actors. */
  readonly pool: pg.Pool;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly sealing: Sealing;
  readonly tally: Tally;
  readonly chain: DevnetChain;
  readonly source: BlockSource;
  readonly node: NodeTrouble;
  readonly hotWallet: string;
  readonly deposits: readonly string[];
  readonly start: Start;
  /** How often the chain moves, by step: slow enough that the books often stand at the tip, or too fast. */
  readonly pace: number;
  readonly instances: readonly Instance[];
  readonly registrars: readonly string[];
  readonly actors: readonly string[];
  readonly owners: Map<string, string>;
  readonly countsFrom: Map<string, number>;
  lockHolder: string | null;
  faultsOn: boolean;
  /** The first error of an actor that no fault explains. */
  failure: Error | null;
  /** As they were after the last commit. */
  books: Books | null;
  /** Null in worlds that only take money. */
  readonly payouts: PayoutWorld | null;
  payoutBooks: PayoutBooks | null;
  /** Null in worlds that rely on the chain. */
  readonly guard: GuardWorld | null;
  /** Null in worlds where nobody compares or rebuilds but at night and where something is to be healed. */
  readonly proofs: Proofs | null;
  /** Null in worlds where nobody but who follows touches the cursor. */
  readonly cursorHand: CursorHand | null;
  /** Null in worlds whose node forgets a ledger that it gave out as soon as it leaves its block. */
  readonly lasting: Random | null;
  /** Null in worlds where nobody changes settings. */
  readonly policies: Policies | null;
  /** Why the payer waited when it last said so. */
  lastWaiting: string;
  /** Whether the database has chosen its start point. */
  started: boolean;
  /** What was corrupted and isn't healed yet; null where the books must hold. */
  corrupted: string | null;
  /** What is to heal it, once somebody has noticed at a step; null where it was asked for. */
  healing: { readonly kind: 'rebuild' | 'repair'; readonly fromStep: number } | null;
  /** How long that takes; null in worlds where it is noticed at once. */
  readonly patience: Random | null;
  /** What a job met last while it healed. */
  trouble: string;
  /** What it was healed from last. */
  healed: string;
  /** Whether another hand changed what blocks go by when they tell, or what was told. */
  mayTellWrongly: boolean;
  /** Whether another hand changes the books now and then. */
  readonly corrupts: boolean;
};

/** What a seed is about besides taking money. */
export type Kind = {
  readonly paysOut?: boolean;
  readonly corrupts?: boolean;
  /** Whether the chain is guarded, by depth of rollbacks and by witnesses. */
  readonly guards?: boolean;
};

/** Half of the addresses ask for what they held before. */
export const asksForPast = ({ deposits }: Pick<World, 'deposits'>, address: string): boolean =>
  deposits.indexOf(address) % 2 === 0;

/** A node that shows less than what was pruned would be on another chain. */
const shownMin = (chain: DevnetChain, payouts: PayoutWorld | null): number =>
  chain.tip === 'origin' || payouts === null
    ? Number.POSITIVE_INFINITY
    : Math.max(0, chain.tip.height - payouts.prunedBelow - 1);

/** Whether a restore left something out that the chain hasn't given back yet. */
export const isFilling = ({ payouts }: World): boolean => (payouts?.filling ?? null) !== null;

/** Whether nobody but the worker ever wrote to the books. */
export const isHonest = ({ tally }: Pick<World, 'tally'>): boolean =>
  tally.corruptions === 0 && tally.alterations === 0;

/**
 * While it stays the same the books are what the chain says, whatever may have happened before; null while somebody
 * has changed or lost a part of them.
 */
export const soundness = (world: World): string | null =>
  world.corrupted !== null ||
  isFilling(world) ||
  isMisplaced(world) ||
  (world.payouts?.altered ?? null) !== null
    ? null
    : [world.tally.corruptions, world.tally.alterations, world.tally.restores].join();

/** The order of the draws is part of every remembered seed. */
export function createWorld(pool: pg.Pool, seed: number, kind: Kind = {}): World {
  const { paysOut = false, corrupts = false, guards = false } = kind;
  const random = createRandom(`simulation ${seed}`);
  const locks: Locks = new Map();
  const scheduler = createScheduler(createRandom(`schedule ${seed}`), locks);
  const drawn = drawAddress(random, 'enterprise');
  const payouts = paysOut ? createPayoutWorld(createRandom(`payouts ${seed}`), seed) : null;
  const hotWallet = payouts?.wallet.address ?? drawn;
  const deposits = Array.from({ length: 12 }, (_, i) =>
    drawAddress(random, i % 5 === 0 ? 'byron' : i % 2 === 0 ? 'base' : 'enterprise'),
  );
  const chainOptions: ChainOptions = {
    seed,
    networkMagic: NETWORK.magic,
    content: {
      // Random content spends what it watches: from a wallet that pays, that is somebody else's doing.
      watched: payouts === null ? [hotWallet, ...deposits] : deposits,
      watchedShare: 0.5,
      transactions: { least: 0, most: 3 },
      failedShare: 0.15,
    },
  };
  const chain = createChain(chainOptions);
  const length = random.pick([0, 3, 30, 60]);
  for (let i = 0; i < length; i += 1) chain.mine('random');
  const guard = guards ? createGuardWorld(seed, chain, chainOptions) : null;
  const start = chooseStart(random, chain, paysOut);
  const pace = random.pick([0.01, 0.02, 0.04, 0.12]);
  const node: NodeTrouble = { behind: 0, down: false, connections: 0, stalled: false };
  const instances: Instance[] = ['first', 'second'].map((one) => ({
    name: one,
    beside: `${one}-beside`,
    epoch: null,
    leading: null,
    policy: POLICY,
    besideEpoch: null,
    besidePolicy: POLICY,
  }));
  const registrars = ['registrar-1', 'registrar-2'];
  return {
    seed,
    pool,
    random,
    scheduler,
    sealing: createSealing(
      { seed, corrupts },
      instances.map(({ name }) => name),
      locks,
    ),
    tally: emptyTally(),
    chain,
    source: chainSource(chain, { behind: () => Math.min(node.behind, shownMin(chain, payouts)) }),
    node,
    hotWallet,
    deposits,
    start,
    pace,
    instances,
    registrars,
    actors: [
      ...instances.flatMap(({ name, beside }) => [name, beside]),
      ...registrars,
      ...(payouts?.payers ?? []),
      ...(payouts?.clients ?? []),
      ...(payouts === null ? [] : [OPERATOR]),
      ...(guard === null ? [] : [PERSON]),
    ],
    owners: new Map(),
    countsFrom: new Map([[hotWallet, Number.NEGATIVE_INFINITY]]),
    lockHolder: null,
    faultsOn: true,
    failure: null,
    books: null,
    payouts,
    guard,
    payoutBooks: null,
    proofs: createProofs(seed, corrupts),
    cursorHand: createCursorHand(seed, corrupts),
    lasting: seed % 5 > 2 ? createRandom(`lasting ledgers ${seed}`) : null,
    policies: createPolicies(seed),
    lastWaiting: '',
    started: false,
    corrupted: null,
    healing: null,
    // Blocks may meet what was changed before anybody heals it: in two of five worlds.
    patience: corrupts && seed % 5 > 2 ? createRandom(`patience ${seed}`) : null,
    corrupts,
    mayTellWrongly: false,
    healed: '',
    trouble: '',
  };
}

const drawAddress = (random: Random, kind: 'base' | 'enterprise' | 'byron'): string =>
  makeAddress(kind, NETWORK.magic, random.bytes(28), random.bytes(28));

/** What these wallets held before is never asked for: blocks that pay them may not come before the start. */
function chooseStart(random: Random, chain: DevnetChain, paysOut: boolean): Start {
  const blocks = chain.blocks();
  const tip = blocks.at(-1);
  const kind = random.pick(['origin', 'tip', 'point'] as const);
  if (kind === 'origin' || tip === undefined) {
    return { point: 'origin', id: 'origin', height: -1, index: -1 };
  }
  const block = kind === 'tip' ? tip : random.pick(blocks);
  const point: StartPoint = kind === 'tip' && !paysOut ? 'tip' : block.point;
  return { point, id: block.id, height: block.height, index: blocks.indexOf(block) };
}
