import type pg from 'pg';
import { approvePayout } from '../../../src/payouts/accepting/approval.js';
import { resumePayouts } from '../../../src/payouts/accepting/pause.js';
import { gatePool } from '../gated-pool.js';
import { InvariantBroken } from '../inspect.js';
import { Crash } from '../scheduler.js';
import type { World } from '../state.js';
import { booksLag, mineBlock } from '../troubles.js';
import { askFor } from './actors.js';
import { endViolations, readPayoutBooks } from './invariants.js';
import { OPERATOR, type PayoutWorld } from './state.js';

const SECOND = { kind: 'key', name: 'second' } as const;
const STEPS_MAX = 40_000;
const STEPS_A_BLOCK = 12;

/**
 * All faults have stopped: whoever asked asks again, as clients do that got no answer, a person ends
 * every pause, and then each payout must come to its end by itself.
 */
export async function payAll(
  world: World,
  payouts: PayoutWorld,
  step: () => Promise<void>,
): Promise<void> {
  const work = { asked: false };
  await world.scheduler.spawn(OPERATOR, () => attend(world, payouts, work));
  for (let i = 0; i < STEPS_MAX; i += 1) {
    if (i % STEPS_A_BLOCK === 0 && booksLag(world) < 3) mineBlock(world);
    if (i % STEPS_A_BLOCK === 0 && work.asked && (await isOver(world))) break;
    await step();
  }
  const books = await readPayoutBooks(world.pool);
  const broken = endViolations(world, payouts, books);
  if (broken.length === 0) return;
  const told = broken.slice(0, 12).join('\n  ');
  throw new InvariantBroken(
    `seed ${world.seed}, at the end (held: ${books.held}, paused: ${books.paused}, waiting: ${world.lastWaiting}):\n  ${told}`,
  );
}

/** What people do: ask again, approve, and end a pause. */
async function attend(world: World, payouts: PayoutWorld, work: { asked: boolean }): Promise<void> {
  const { scheduler } = world;
  const pool = gatePool(
    world.pool,
    () => OPERATOR,
    scheduler,
    () => 'none',
  );
  try {
    for (;;) {
      await scheduler.idle(OPERATOR, 'resting');
      // A deadlock that it lost is asked again.
      await attendOnce(world, payouts, work, pool).catch((error: unknown) => {
        if (error instanceof Crash) throw error;
        if (!(error instanceof Error && 'code' in error)) throw error;
      });
    }
  } catch (error) {
    if (!(error instanceof Crash)) world.failure ??= error instanceof Error ? error : null;
  }
}

async function attendOnce(
  world: World,
  payouts: PayoutWorld,
  work: { asked: boolean },
  pool: pg.Pool,
): Promise<void> {
  if (!work.asked) {
    for (const id of payouts.asked.keys()) await askFor(pool, world, payouts, id);
    work.asked = true;
  }
  await resumePayouts(pool, 'operator:sim');
  const { rows } = await pool.query<{ id: string }>(
    "select id from outbound_payments where status = 'awaiting_approval'",
  );
  for (const { id } of rows) {
    if (payouts.asked.has(id)) await approvePayout(pool, id, SECOND);
  }
}

async function isOver({ pool }: World): Promise<boolean> {
  const { rows } = await pool.query(
    "select 1 from outbound_payments where status in ('awaiting_approval', 'queued', 'submitted', 'in_block') limit 1",
  );
  return rows.length === 0;
}
