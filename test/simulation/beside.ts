import type pg from 'pg';
import { ProtocolError } from '../../src/chain/fields.js';
import { inTransaction } from '../../src/database/transaction.js';
import { NotComparable } from '../../src/reconcile/runs/comparison-point.js';
import { RunTaken } from '../../src/reconcile/runs/run-work.js';
import type { BooksBetween } from '../../src/sync/between.js';
import { PlaceUnknown } from '../../src/sync/chain-view.js';
import { ConnectionEnded } from '../../src/sync/connection.js';
import { TermOver } from '../../src/sync/follower.js';
import { moveCursor } from '../../src/sync/queries.js';
import { NodeError } from '../../src/sync/requests.js';
import { refusedBySpoilt, whereToGoOn } from './actors.js';
import { chainViewOf } from './chain-view.js';
import { DatabaseAway } from './gated-pool.js';
import { compareBetweenNights } from './proving/comparing.js';
import { hasErrand } from './proving/errands.js';
import { workOnJob } from './proving/jobs.js';
import { compareNightly } from './proving/nightly.js';
import { readingPool } from './proving/reading-pool.js';
import { Crash } from './scheduler.js';
import { type Instance, isFilling, type Leading, type World } from './state.js';
import { poolOf } from './troubles.js';

/** A life beside following: what a leader does between two blocks, while blocks go on coming. */
export async function besideLife(world: World, self: Instance): Promise<void> {
  const { scheduler, random } = world;
  const pool = poolOf(world, self.beside);
  const reading = poolOf(world, self.beside, readingPool(world));
  try {
    for (;;) {
      await scheduler.idle(self.beside, 'beside');
      const { leading } = self;
      if (leading === null || random.chance(0.6)) continue;
      self.besideEpoch = leading.term.epoch;
      self.besidePolicy = leading.policy;
      try {
        await askForThePast(world, self, pool, leading);
        if (world.patience?.chance(0.5) === true) {
          await compareNightly(world, self, reading, leading);
        }
        if (world.proofs?.random.chance(0.6) === true) {
          await compareBetweenNights(world, self, reading, leading, world.proofs);
        }
        const isAsked = world.corrupted !== null || isFilling(world) || hasErrand(world);
        if (isAsked || random.chance(0.05)) {
          await workOnJob(world, self, { pool, reading }, leading);
        }
      } catch (told) {
        const error = causeOf(told);
        const isFilled = isFilling(world) && !(error instanceof Crash);
        const isRefused = refusedBySpoilt(world, error) || isFilled;
        if (!isExpected(error) && !isRefused) throw error;
        if (isRefused) world.trouble = String(error);
      }
    }
  } catch (error) {
    if (error instanceof Crash) world.tally.crashes += 1;
    else world.failure ??= error instanceof Error ? error : new Error(String(error));
  }
}

/** Whoever can't ask a node says so in words of his own. */
const causeOf = (error: unknown): unknown =>
  error instanceof Error && error.cause !== undefined ? causeOf(error.cause) : error;

/**
 * Databases that go away or hold no block yet, terms and runs that others go on with, nodes that fail, lag or tell what
 * nobody can read.
 */
const isExpected = (error: unknown): boolean =>
  error instanceof DatabaseAway ||
  (error instanceof NotComparable && error.passesByItself) ||
  error instanceof PlaceUnknown ||
  error instanceof RunTaken ||
  error instanceof ProtocolError ||
  error instanceof TermOver ||
  error instanceof NodeError ||
  error instanceof ConnectionEnded;

async function askForThePast(
  world: World,
  self: Instance,
  pool: pg.Pool,
  { term, handlers }: Leading,
): Promise<void> {
  const cursor = await whereToGoOn(world, { pool, handlers });
  if (cursor === null || cursor.point === 'origin' || cursor.height === null) return;
  const { point, height } = cursor;
  const view = chainViewOf(world, self.beside);
  const never = new AbortController().signal;
  const books: BooksBetween = {
    pool,
    point,
    height,
    unspentAt: async (addresses) => (await view.ledgerAt(point, never)).atAddresses(addresses),
    unspentAmong: async (references) => (await view.ledgerAt(point, never)).among(references),
    write: (work) =>
      inTransaction(pool, async (tx) => {
        const at = await moveCursor(tx, term, cursor, cursor, world.chain.tip);
        return at === null ? null : work(tx, at);
      }),
  };
  const outcome = await handlers.between?.(books);
  if (typeof outcome === 'object') world.tally.backfills += 1;
}
