import { EventEmitter, once } from 'node:events';
import type { Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { rolledBack } from '../../test/support/guard-reasons.js';
import type { Height, Slot } from '../chain/point.js';
import { createLeadership } from '../sync/leadership.js';
import { beginTerm } from '../sync/queries.js';
import { readGuard } from './guard-queries.js';
import { type WatchDeps, watchChain } from './watch.js';
import type { Witness } from './witness.js';

const CHECK_MS = 10_000;
const hashAt = (height: number): string => height.toString().padStart(64, '0');

const BOOKS = `
  insert into blocks (partition_id, height, slot, hash)
  select 0, height, height * 20, lpad(height::text, 64, '0') from generate_series(980, 999) height`;
const CURSOR = `
  update sync_state
     set started = true, last_slot = 999 * 20, last_block_height = 999, last_block_hash = $1`;

async function lead() {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { pool } = database;
  const term = await beginTerm(pool, 0, 1, 'custom:42');
  if ('refused' in term) throw new Error('no term');
  await pool.query(BOOKS);
  await pool.query(CURSOR, [hashAt(999)]);
  const stop = new AbortController();
  const leadership = createLeadership(pool, term, () => undefined, stop.signal);
  const watch = (deps: Pick<WatchDeps, 'openWitnesses' | 'rollbackDepth' | 'pause'>) =>
    watchChain({
      splitDepth: 5,
      activeSlots: null,
      observe: () => undefined,
      checkMs: CHECK_MS,
      now: () => new Date(),
      ...deps,
    })(leadership);
  return { pool, stop, watch };
}

const holdsFor = async (pool: Pool, wanted: 'witness' | 'rollback'): Promise<boolean> =>
  (await readGuard(pool, 0)).reasons.some(({ kind }) => kind === wanted);

test('a split that holds nothing yet does when its witness tells it once more', async () => {
  const { pool, stop, watch } = await lead();
  const looking = new EventEmitter();
  const looked = once(looking, 'done');
  const held: boolean[] = [];
  const witness: Witness = {
    name: 'wss://w.example',
    findIntersection: async (points) => {
      await looked;
      held.push(await holdsFor(pool, 'witness'));
      if (held.length > 3) stop.abort();
      // As if a look had found another block in the place of the one that was spoken of.
      await pool.query("update chain_guard set held_at = null, reasons = '[]'");
      const point = points.find(({ id }) => id === hashAt(990)) ?? null;
      const tip = { slot: (996 * 20) as Slot, height: 996 as Height, id: 'f'.repeat(64) };
      return { point, tip };
    },
    close: () => undefined,
  };
  await watch({
    openWitnesses: () => [witness],
    rollbackDepth: null,
    // What looks without being asked to does so once, before the witness says anything.
    pause: (ms) => {
      if (ms !== CHECK_MS || held.length > 0) return Promise.resolve();
      looking.emit('done');
      return new Promise((_, reject) => {
        stop.signal.addEventListener('abort', () => reject(new Error('stopped')));
      });
    },
  });
  expect(held).toEqual([false, false, true, true]);
});

const HOLD = `
  insert into chain_guard (partition_id, held_at, reasons) values (0, now(), $1)
  on conflict (partition_id) do update set held_at = excluded.held_at, reasons = excluded.reasons`;
const REPLACE_TIP = `
  with replaced as (update blocks set hash = $1 where height = 999)
  update sync_state set last_block_hash = $1`;

test('what a witness vouched for ends with the chain that it spoke of', async () => {
  const { pool, stop, watch } = await lead();
  await pool.query(HOLD, [JSON.stringify([rolledBack])]);
  const looking = new EventEmitter();
  const held: boolean[] = [];
  const witness: Witness = {
    name: 'wss://w.example',
    findIntersection: async ([newest]) => {
      // While it is waited for nobody else pauses: one whole look lies between two pauses.
      await once(looking, 'done');
      await once(looking, 'done');
      held.push(await holdsFor(pool, 'rollback'));
      // It vouched twice, and what it says now is of a block that is gone when it was said.
      if (held.length === 3) await pool.query(REPLACE_TIP, [hashAt(4242)]);
      if (held.length === 7) stop.abort();
      const tip = { slot: (999 * 20) as Slot, height: 999 as Height, id: newest?.id ?? '' };
      return { point: newest ?? null, tip };
    },
    close: () => undefined,
  };
  await watch({
    openWitnesses: () => [witness],
    rollbackDepth: 30,
    pause: () => {
      looking.emit('done');
      return Promise.resolve();
    },
  });
  expect(held).toEqual([true, true, true, true, true, true, false]);
});
