import type pg from 'pg';
import { decodeNextBlock } from '../../src/chain/decode.js';
import type { Network } from '../../src/chain/network.js';
import { makeAddress } from '../../src/devnet/address.js';
import { createChain, type DevnetChain } from '../../src/devnet/chain.js';
import { createRandom, type Random } from '../../src/devnet/random.js';
import { chainSource } from '../../src/devnet/source.js';
import { createPaymentHandlers } from '../../src/payments/apply.js';
import { registerAddresses } from '../../src/payments/registration.js';
import { ConnectionEnded } from '../../src/sync/connection.js';
import {
  BrokenSequence,
  createFollower,
  TermOver,
  UndecodableBlock,
} from '../../src/sync/follower.js';
import { type StartPoint, tryIntersect } from '../../src/sync/intersect.js';
import { beginTerm, readCursor, type Term } from '../../src/sync/queries.js';
import { type Books, readBooks } from './books.js';
import { DatabaseAway, type GatedPool, gatePool, type Mishap } from './gated-pool.js';
import { type Expectation, type Policy, violations } from './invariants.js';
import { connectTo } from './node-session.js';
import { Crash, createScheduler } from './scheduler.js';

const MAGIC = 42;
const NETWORK: Network = { name: `custom:${MAGIC}`, networkId: 0, magic: MAGIC };
const ADA = 1_000_000n;

const POLICY: Policy = {
  tiers: [
    { fromLovelace: 0n, confirmations: 3 },
    { fromLovelace: 1_000n * ADA, confirmations: 6 },
    { fromLovelace: 100_000n * ADA, confirmations: 9 },
  ],
  minPaymentLovelace: 3n * ADA,
};

export type Tally = Record<
  | 'steps'
  | 'commits'
  | 'blocks'
  | 'forks'
  | 'rollbacks'
  | 'comeBacks'
  | 'crashes'
  | 'databaseFaults'
  | 'lockSteals'
  | 'drops'
  | 'garbage'
  | 'stalls'
  | 'nodeBehind'
  | 'registrations'
  | 'fencedOff',
  number
>;

export class InvariantBroken extends Error {
  override readonly name = 'InvariantBroken';
}

/** One seed: chain, faults and the order of all statements of two instances and two registrars. */
export async function simulate(pool: pg.Pool, seed: number): Promise<Tally> {
  const world = createWorld(pool, seed);
  try {
    await world.run();
  } finally {
    // An actor left standing would hold its transaction, and with it the next seed's tables.
    await world.end();
  }
  return world.tally;
}

type Instance = {
  readonly name: string;
  readonly gated: GatedPool;
  epoch: bigint | null;
  life: number;
};

function createWorld(pool: pg.Pool, seed: number) {
  const random = createRandom(`simulation ${seed}`);
  const scheduler = createScheduler(createRandom(`schedule ${seed}`));
  const tally: Tally = {
    steps: 0,
    commits: 0,
    blocks: 0,
    forks: 0,
    rollbacks: 0,
    comeBacks: 0,
    crashes: 0,
    databaseFaults: 0,
    lockSteals: 0,
    drops: 0,
    garbage: 0,
    stalls: 0,
    nodeBehind: 0,
    registrations: 0,
    fencedOff: 0,
  };
  const address = (kind: 'base' | 'enterprise' | 'byron'): string =>
    makeAddress(kind, MAGIC, random.bytes(28), random.bytes(28));
  const hotWallet = address('enterprise');
  const deposits = Array.from({ length: 12 }, (_, i) =>
    address(i % 5 === 0 ? 'byron' : i % 2 === 0 ? 'base' : 'enterprise'),
  );
  const chain = createChain({
    seed,
    networkMagic: MAGIC,
    content: {
      watched: [hotWallet, ...deposits],
      watchedShare: 0.5,
      transactions: { least: 0, most: 3 },
      failedShare: 0.15,
    },
  });
  const length = random.pick([0, 3, 30, 60]);
  for (let i = 0; i < length; i += 1) chain.mine('random');
  const start = chooseStart(random, chain);
  /** How often the chain moves, by step: slow enough that the books often stand at the tip, or too fast. */
  const pace = random.pick([0.01, 0.02, 0.04, 0.12]);

  let behind = 0;
  const source = chainSource(chain, { behind: () => behind });
  let lockHolder: string | null = null;
  let faultsOn = true;
  let down = false;
  /** Raised when all connections drop: also who didn't look while they were down is cut off. */
  let connections = 0;
  let stalled = false;
  let failure: Error | null = null;
  let books: Books | null = null;
  let started = false;
  const owners = new Map<string, string>();
  const countsFrom = new Map<string, number>([[hotWallet, Number.NEGATIVE_INFINITY]]);

  const mishap = (statement: string): Mishap => {
    if (!faultsOn || !random.chance(0.012)) return 'none';
    if (statement === 'rollback') return 'none';
    return random.pick(['away', 'answer_lost', 'crash', 'crash_after'] as const);
  };
  const instance = (name: string): Instance => ({
    name,
    epoch: null,
    life: 0,
    gated: gatePool(
      pool,
      () => name,
      scheduler,
      (statement) => {
        const fate = mishap(statement);
        if (fate === 'away' || fate === 'answer_lost') tally.databaseFaults += 1;
        return fate;
      },
    ),
  });
  const instances = [instance('first'), instance('second')];
  const registrars = ['registrar-1', 'registrar-2'];
  const actors = [...instances.map((one) => one.name), ...registrars];

  const live = async (self: Instance): Promise<void> => {
    try {
      for (;;) {
        await scheduler.idle(self.name, 'standby');
        if (lockHolder !== null) continue;
        lockHolder = self.name;
        await lead(self);
        if (lockHolder === self.name) lockHolder = null;
      }
    } catch (error) {
      if (lockHolder === self.name) lockHolder = null;
      self.epoch = null;
      if (!(error instanceof Crash)) failure ??= asError(error);
      else tally.crashes += 1;
    }
  };

  const lead = async (self: Instance): Promise<void> => {
    try {
      const term = await beginTerm(self.gated.pool, 0, 1, NETWORK.name);
      if ('refused' in term) throw new Error(term.refused);
      self.epoch = term.epoch;
      const handlers = createPaymentHandlers({ partitionId: 0, policy: POLICY, hotWallet });
      await handlers.prepare(self.gated.pool);
      while (lockHolder === self.name || random.chance(0.7)) await follow(self, term, handlers);
    } catch (error) {
      if (error instanceof TermOver) tally.fencedOff += 1;
      else if (!(error instanceof DatabaseAway)) throw error;
    } finally {
      self.epoch = null;
    }
  };

  const follow = async (
    self: Instance,
    term: Term,
    handlers: ReturnType<typeof createPaymentHandlers>,
  ): Promise<void> => {
    try {
      const cursor = await readCursor(self.gated.pool, 0);
      const follower = createFollower(
        {
          pool: self.gated.pool,
          term,
          handlers,
          decode: decodeNextBlock,
          observe: (event) => {
            if (event.type === 'backward') tally.rollbacks += 1;
            if (event.type !== 'forward') return;
            tally.comeBacks += event.summary.detected.filter((one) => one.inclusion > 1).length;
          },
          clock: () => 0,
        },
        cursor,
      );
      const opened = connections;
      const weather = { ...climate, down: () => down || opened !== connections };
      const session = connectTo(source, random.pick([6, 7]), weather, () =>
        scheduler.idle(self.name, 'waiting for a block'),
      );
      const deps = {
        pool: self.gated.pool,
        partitionId: 0,
        startPoint: start.point,
        observe: () => undefined,
      };
      for (
        let waited = 0;
        (await tryIntersect(session, follower, deps, waited)) === 'wait';
        waited += 5_000
      ) {
        tally.nodeBehind += 1;
        await scheduler.idle(self.name, 'waiting for the node');
      }
      session.begin();
      for (;;)
        await follower.apply(await session.take({ frames: random.between(1, 30), bytes: 1e9 }));
    } catch (error) {
      if (
        error instanceof ConnectionEnded ||
        error instanceof UndecodableBlock ||
        error instanceof DatabaseAway
      ) {
        await scheduler.idle(self.name, 'reconnecting');
        return;
      }
      if (error instanceof BrokenSequence) failure ??= error;
      throw error;
    }
  };

  const climate = {
    arriving: () => (stalled ? 0 : random.between(1, 30)),
    spoil: (frame: string): string => {
      if (!faultsOn || !random.chance(0.015)) return frame;
      tally.garbage += 1;
      return random.pick(['garbage', frame.slice(0, random.below(frame.length)), '{}']);
    },
  };

  const register = async (name: string): Promise<void> => {
    const gated = gatePool(pool, () => name, scheduler, mishap);
    try {
      for (;;) {
        for (let rest = random.between(1, 8); rest > 0; rest -= 1) {
          await scheduler.idle(name, 'resting');
        }
        const wanted = [random.pick(deposits), random.pick(deposits)].map((one) => ({
          address: one,
          userId: `user-${deposits.indexOf(one) % 3}`,
        }));
        await registerAddresses(gated.pool, wanted, {
          network: NETWORK,
          partitionId: 0,
          hotWalletAddress: hotWallet,
          actor: name,
        });
        tally.registrations += 1;
      }
    } catch (error) {
      if (!(error instanceof Crash || error instanceof DatabaseAway)) failure ??= asError(error);
    }
  };

  const expectation = (): Expectation => ({
    chain,
    policy: POLICY,
    hotWallet,
    startId: start.id,
    startHeight: start.height,
    owners,
    countsFrom,
  });

  /** A database that starts at the tip starts where the tip was at that moment. */
  const learnStart = (now: Books): void => {
    if (now.state?.started !== true || started) return;
    started = true;
    start.id = now.state.last_block_hash ?? 'origin';
    start.index = chain.indexOf(start.id) ?? start.index;
    start.height = chain.block(start.id)?.height ?? -1;
  };
  const cursorHeight = (now: Books): number => {
    if (now.state?.started !== true) return Number.NEGATIVE_INFINITY;
    return chain.block(now.state.last_block_hash ?? 'origin')?.height ?? -1;
  };

  /** After every commit: learn what it registered, then hold everything against the devnet. */
  const inspect = async (actor: string, epoch: bigint | null | undefined): Promise<void> => {
    const before = books;
    const now = await readBooks(pool, before?.entries.last ?? '0');
    learnStart(now);
    const at = cursorHeight(now);
    for (const row of now.addresses) {
      owners.set(row.address, row.user_id);
      countsFrom.set(row.address, Math.min(countsFrom.get(row.address) ?? at, at));
    }
    const broken = violations(now, before, expectation());
    const spared = rolledBackInVain(chain, before, now);
    if (spared !== null) broken.push(`block ${spared} was rolled back and is still on the chain`);
    if (
      epoch !== undefined &&
      moved(before, now) &&
      epoch?.toString() !== now.state?.leader_epoch
    ) {
      broken.push(
        `6: ${actor} committed in epoch ${epoch}, the leader's is ${now.state?.leader_epoch}`,
      );
    }
    if (broken.length > 0) {
      throw new InvariantBroken(
        `seed ${seed}, step ${tally.steps}, ${actor}:\n  ${broken.slice(0, 12).join('\n  ')}`,
      );
    }
    books = now;
  };

  const step = async (): Promise<void> => {
    tally.steps += 1;
    if (random.chance(pace)) changeChain();
    if (down && random.chance(0.3)) down = false;
    if (faultsOn && random.chance(0.025)) await misfortune();
    for (const self of instances) {
      if (scheduler.standingAt(self.name) === null && random.chance(0.2)) {
        self.life += 1;
        await scheduler.spawn(self.name, () => live(self));
      }
    }
    for (const name of registrars) {
      if (scheduler.standingAt(name) === null && random.chance(0.1)) {
        await scheduler.spawn(name, () => register(name));
      }
    }
    await advance();
  };

  /** Runs one actor to its next gate; where that was a commit, looks at what it did. */
  const advance = async (): Promise<void> => {
    const standing = new Map(actors.map((name) => [name, scheduler.standingAt(name)]));
    const epochs = new Map(instances.map((one) => [one.name, one.epoch]));
    const actor = await scheduler.step();
    if (failure) throw failure;
    if (actor === null || standing.get(actor) !== 'commit') return;
    tally.commits += 1;
    await inspect(actor, epochs.get(actor));
  };

  const changeChain = (): void => {
    // Below its start point a database knows nothing to intersect with; that is a test of its own.
    const depth = chain.blocks().length - 1 - Math.max(start.index, 0);
    const forkable = started || start.point === 'origin';
    if (forkable && depth > 0 && random.chance(0.3)) {
      tally.forks += 1;
      const back = random.between(1, Math.min(depth, random.pick([1, 2, 5, 12])));
      // A node that is behind is behind on its own chain: it doesn't go back on a live connection.
      if (behind > 0) connections += 1;
      behind = 0;
      chain.rollBack(back);
      const more = random.between(0, back + 2);
      for (let i = 0; i < more; i += 1) chain.mine('random');
      tally.blocks += more;
      return;
    }
    tally.blocks += 1;
    chain.mine('random');
  };

  const misfortune = async (): Promise<void> => {
    switch (random.below(6)) {
      case 0: {
        const victim = random.pick(instances);
        await scheduler.strike(victim.name, new Crash('killed'));
        return;
      }
      case 1:
        if (lockHolder !== null) tally.lockSteals += 1;
        lockHolder = null;
        return;
      case 2:
        tally.drops += 1;
        connections += 1;
        down = true;
        return;
      case 3:
        tally.stalls += 1;
        stalled = !stalled;
        return;
      case 4:
        behind = behind > 0 ? 0 : random.between(1, 25);
        connections += 1;
        down = true;
        return;
      default:
        down = false;
        stalled = false;
        connections += behind > 0 ? 1 : 0;
        behind = 0;
    }
  };

  const run = async (): Promise<void> => {
    await emptyTables(pool);
    const steps = random.between(200, 700);
    for (let i = 0; i < steps; i += 1) await step();
    // All faults stop: everything must come to the tip by itself.
    faultsOn = false;
    down = false;
    stalled = false;
    behind = 0;
    for (const name of registrars) await scheduler.strike(name, new Crash('the end'));
    const tip = chain.mine('random').id;
    for (let i = 0; i < 3_000; i += 1) {
      if ((books as Books | null)?.state?.last_block_hash === tipOf(chain, tip)) break;
      tally.steps += 1;
      await calmStep();
    }
    if ((books as Books | null)?.state?.last_block_hash !== tipOf(chain, tip)) {
      throw new InvariantBroken(
        `seed ${seed}: the books stand at ${JSON.stringify((books as Books | null)?.state)} and never came to the tip ` +
          `${JSON.stringify(chain.tip)}; ${actors.map((name) => `${name}: ${scheduler.standingAt(name)}`).join()}`,
      );
    }
  };
  const end = async (): Promise<void> => {
    for (const name of actors) await scheduler.strike(name, new Crash('the end'));
  };

  const calmStep = async (): Promise<void> => {
    for (const self of instances) {
      if (scheduler.standingAt(self.name) === null)
        await scheduler.spawn(self.name, () => live(self));
    }
    await advance();
  };

  return { run, end, tally };
}

const tipOf = (chain: DevnetChain, fallback: string): string =>
  chain.tip === 'origin' ? fallback : chain.tip.id;

function chooseStart(random: Random, chain: DevnetChain) {
  const blocks = chain.blocks();
  const tip = blocks.at(-1);
  const kind = random.pick(['origin', 'tip', 'point'] as const);
  if (kind === 'origin' || tip === undefined) {
    return { point: 'origin' as StartPoint, id: 'origin', height: -1, index: -1 };
  }
  const block = kind === 'tip' ? tip : random.pick(blocks);
  const point: StartPoint = kind === 'tip' ? 'tip' : block.point;
  return { point, id: block.id, height: block.height as number, index: blocks.indexOf(block) };
}

/** The lowest block that the books gave up, if the node's chain still has it: it was behind, not forked. */
function rolledBackInVain(chain: DevnetChain, before: Books | null, now: Books): string | null {
  const from = before?.state?.last_block_hash ?? null;
  const to = now.state?.last_block_hash ?? 'origin';
  if (from === null || from === to) return null;
  let lowest: string | null = null;
  for (let at = from; at !== to; ) {
    const block = chain.block(at);
    // Not on the way down: the books went forward.
    if (block === undefined) return null;
    lowest = at;
    at = block.parent;
  }
  return lowest !== null && chain.indexOf(lowest) !== undefined ? lowest : null;
}

const moved = (before: Books | null, now: Books): boolean =>
  before?.state?.last_block_hash !== now.state?.last_block_hash ||
  before?.payments.length !== now.payments.length ||
  before.entries.count !== now.entries.count;

const emptyTables = (pool: pg.Pool) =>
  pool.query(
    'truncate sync_state, blocks, block_checkpoints, payment_addresses, incoming_payments, wallet_outputs, balance_transactions, user_balances, outbox, audit_log restart identity',
  );

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));
