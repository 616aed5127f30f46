import type pg from 'pg';
import { decodeNextBlock } from '../../src/chain/decode.js';
import { isTransient } from '../../src/database/pool.js';
import { withGuard } from '../../src/guard/rollback.js';
import { createPaymentHandlers } from '../../src/payments/apply.js';
import { registerAddresses } from '../../src/payments/registration.js';
import { type BooksSummary, withPayouts } from '../../src/payouts/tracking/tracking.js';
import { ConnectionEnded } from '../../src/sync/connection.js';
import { BooksContradict } from '../../src/sync/contradiction.js';
import type { Cursor } from '../../src/sync/events.js';
import {
  type BlockHandlers,
  BrokenSequence,
  createFollower,
  type Follower,
  TermOver,
  UndecodableBlock,
} from '../../src/sync/follower.js';
import { tryIntersect } from '../../src/sync/intersect.js';
import { beginTerm, readCursor, type Term } from '../../src/sync/queries.js';
import type { ChainSyncSession } from '../../src/sync/session.js';
import { takeUpCursor } from '../../src/sync/taking-up.js';
import { DatabaseAway } from './gated-pool.js';
import { NETWORK } from './network.js';
import { connectTo } from './node-session.js';
import { CONFIRMATIONS } from './payouts/state.js';
import { policyOfStart } from './policies.js';
import { Crash } from './scheduler.js';
import { asksForPast, type Instance, type World } from './state.js';
import { poolOf, weatherOn } from './troubles.js';

/** A life of an instance: waits for the lock, leads, and waits again until it is killed. */
export async function live(world: World, self: Instance): Promise<void> {
  const pool = poolOf(world, self.name);
  self.policy = policyOfStart(world, self.policy);
  try {
    for (;;) {
      await world.scheduler.idle(self.name, 'standby');
      if (world.lockHolder !== null) continue;
      world.lockHolder = self.name;
      await lead(world, self, pool);
      giveBackLock(world, self);
    }
  } catch (error) {
    giveBackLock(world, self);
    self.epoch = null;
    self.leading = null;
    if (!(error instanceof Crash)) world.failure ??= asError(error);
    else world.tally.crashes += 1;
  }
}

/** Only what is still its own: the lock may have been stolen and taken by the other. */
function giveBackLock(world: World, self: Instance): void {
  if (world.lockHolder === self.name) world.lockHolder = null;
}

/** What a leader has for as long as its term lasts, over all its connections. */
type Leadership = {
  readonly name: string;
  readonly pool: pg.Pool;
  readonly term: Term;
  readonly handlers: BlockHandlers<BooksSummary>;
};

async function lead(world: World, self: Instance, pool: pg.Pool): Promise<void> {
  const { hotWallet, random, tally } = world;
  try {
    const term = await beginTerm(pool, 0, 1, NETWORK.name);
    if ('refused' in term) throw new Error(term.refused);
    self.epoch = term.epoch;
    const { policy } = self;
    const payments = createPaymentHandlers({ partitionId: 0, policy, hotWallet });
    const booking = withPayouts(payments, { partitionId: 0, confirmations: CONFIRMATIONS });
    const handlers = guarded(world, booking);
    await handlers.prepare(pool);
    self.leading = { term, handlers, policy };
    // Who lost the lock mostly doesn't notice at once: that is what fencing is for.
    while (world.lockHolder === self.name || random.chance(0.7)) {
      await follow(world, { name: self.name, pool, term, handlers });
    }
  } catch (error) {
    if (error instanceof TermOver) tally.fencedOff += 1;
    else if (!(error instanceof DatabaseAway)) throw error;
  } finally {
    self.epoch = null;
    self.leading = null;
  }
}

const guarded = (
  { guard }: World,
  handlers: BlockHandlers<BooksSummary>,
): BlockHandlers<BooksSummary> =>
  guard === null
    ? handlers
    : withGuard(handlers, {
        partitionId: 0,
        rollbackDepth: guard.rollbackDepth,
        hasWitnesses: guard.witnesses.length > 0,
      });

/** One connection: from the stored cursor on, until something breaks. */
async function follow(world: World, leader: Leadership): Promise<void> {
  const { random, scheduler } = world;
  try {
    const follower = await followerOf(world, leader);
    const session = connectTo(world.source, random.pick([6, 7]), weatherOn(world), () =>
      scheduler.idle(leader.name, 'waiting for a block'),
    );
    await agreeWithNode(world, leader, session, follower);
    session.begin();
    for (;;) {
      await follower.apply(await session.take({ frames: random.between(1, 30), bytes: 1e9 }));
    }
  } catch (error) {
    // Who was deposed and doesn't know compares the node's answers with headers that another wrote.
    const isDeposed = leader.term.epoch.toString() !== world.books?.state?.leader_epoch;
    if (
      refusedBySpoilt(world, error) ||
      (error instanceof BrokenSequence && isDeposed) ||
      error instanceof ConnectionEnded ||
      error instanceof UndecodableBlock ||
      error instanceof DatabaseAway
    ) {
      await scheduler.idle(leader.name, 'reconnecting');
      return;
    }
    if (error instanceof BrokenSequence) world.failure ??= error;
    throw error;
  }
}

/** What says that books are not as the worker left them. */
const MOVED = ['BooksMoved', 'PayoutsMoved'];

/** Who is told may hear it a moment after the cursor was put back. */
const saidOfCursor = ({ tally }: World, error: unknown): boolean =>
  tally.cursorsMisplaced > 0 && error instanceof BooksContradict;

/** Books that another hand changed may refuse what blocks do to them, in these words only, until they are healed. */
export function refusedBySpoilt(world: World, error: unknown): boolean {
  const { corrupted, tally } = world;
  if (saidOfCursor(world, error)) {
    tally.contradictions += 1;
    return true;
  }
  if (corrupted === null || !(error instanceof Error)) return false;
  if (error instanceof BooksContradict) tally.contradictions += 1;
  return error instanceof BooksContradict || MOVED.includes(error.name) || isTransient(error);
}

/**
 * Where the books are, for whoever goes on from there; of sound books nothing is told. Where nobody changes the cursor
 * there is nothing to happen between its questions.
 */
export async function whereToGoOn(
  { cursorHand, scheduler, pool }: World,
  leader: Pick<Leadership, 'pool' | 'handlers'>,
): Promise<Cursor | null> {
  if (cursorHand !== null) return takeUpCursor(leader.pool, 0, leader.handlers);
  await scheduler.busy(() => takeUpCursor(pool, 0, leader.handlers));
  return readCursor(leader.pool, 0);
}

async function followerOf(world: World, leader: Leadership): Promise<Follower> {
  const { tally } = world;
  const cursor = await whereToGoOn(world, leader);
  return createFollower(
    {
      pool: leader.pool,
      term: leader.term,
      handlers: leader.handlers,
      decode: decodeNextBlock,
      observe: (event) => {
        if (event.type === 'backward') {
          tally.rollbacks += 1;
          tally.payoutsRolledBack += event.summary.payouts.rolledBack.length;
        }
        if (event.type !== 'forward') return;
        tally.payoutsConfirmed += event.summary.payouts.confirmed.length;
        tally.adopted += event.summary.payouts.adoptions.length;
        tally.comeBacks += event.summary.detected.filter((one) => one.inclusion > 1).length;
      },
      clock: () => 0,
    },
    cursor,
  );
}

/** Finds the common point; a node that is behind the cursor is waited for. */
async function agreeWithNode(
  { scheduler, start, tally }: World,
  { name, pool }: Leadership,
  session: ChainSyncSession,
  follower: Follower,
): Promise<void> {
  const deps = { pool, partitionId: 0, startPoint: start.point, observe: () => undefined };
  for (
    let waited = 0;
    (await tryIntersect(session, follower, deps, waited)) === 'wait';
    waited += 5_000
  ) {
    tally.nodeBehind += 1;
    await scheduler.idle(name, 'waiting for the node');
  }
}

/** A life of a registrar: registers two addresses now and then, often some that are known already. */
export async function register(world: World, name: string): Promise<void> {
  const { random, scheduler, deposits, hotWallet, tally } = world;
  const pool = poolOf(world, name);
  try {
    for (;;) {
      for (let rest = random.between(1, 8); rest > 0; rest -= 1) {
        await scheduler.idle(name, 'resting');
      }
      const wanted = [random.pick(deposits), random.pick(deposits)].map((one) => ({
        address: one,
        userId: `user-${deposits.indexOf(one) % 3}`,
        backfill: asksForPast(world, one),
      }));
      try {
        await registerAddresses(pool, wanted, {
          network: NETWORK,
          partitionId: 0,
          hotWalletAddress: hotWallet,
          actor: name,
        });
        tally.registrations += 1;
      } catch (error) {
        // Nobody knows from where they would count: it is asked again.
        if (!saidOfCursor(world, error)) throw error;
      }
    }
  } catch (error) {
    if (!(error instanceof Crash || error instanceof DatabaseAway)) {
      world.failure ??= asError(error);
    }
  }
}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));
