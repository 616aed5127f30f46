import { EventEmitter, once } from 'node:events';
import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import type { Height, Slot } from '../chain/point.js';
import { createLeadership } from '../sync/leadership.js';
import { beginTerm } from '../sync/queries.js';
import { readGuard } from './guard-queries.js';
import { watchChain } from './watch.js';
import type { Witness } from './witness.js';

const database = await createTestDatabase();
afterAll(() => database.drop());

const CHECK_MS = 10_000;
const hashAt = (height: number): string => height.toString().padStart(64, '0');

const BOOKS = `
  insert into blocks (partition_id, height, slot, hash)
  select 0, height, height * 20, lpad(height::text, 64, '0') from generate_series(980, 999) height`;
const CURSOR = `
  update sync_state
     set started = true, last_slot = 999 * 20, last_block_height = 999, last_block_hash = $1`;

test('a split that holds nothing yet does when its witness tells it once more', async () => {
  const { pool } = database;
  const term = await beginTerm(pool, 0, 1, 'custom:42');
  if ('refused' in term) throw new Error('no term');
  await pool.query(BOOKS);
  await pool.query(CURSOR, [hashAt(999)]);
  const stop = new AbortController();
  const looking = new EventEmitter();
  const looked = once(looking, 'done');
  const held: boolean[] = [];
  const witness: Witness = {
    name: 'wss://w.example',
    findIntersection: async (points) => {
      await looked;
      const { reasons } = await readGuard(pool, 0);
      held.push(reasons.some(({ kind }) => kind === 'witness'));
      if (held.length > 3) stop.abort();
      // As if a look had found another block in the place of the one that was spoken of.
      await pool.query("update chain_guard set held_at = null, reasons = '[]'");
      const point = points.find(({ id }) => id === hashAt(990)) ?? null;
      const tip = { slot: (996 * 20) as Slot, height: 996 as Height, id: 'f'.repeat(64) };
      return { point, tip };
    },
    close: () => undefined,
  };
  await watchChain({
    openWitnesses: () => [witness],
    splitDepth: 5,
    rollbackDepth: null,
    activeSlots: null,
    observe: () => undefined,
    checkMs: CHECK_MS,
    now: () => new Date(),
    // What looks without being asked to does so once, before the witness says anything.
    pause: (ms) => {
      if (ms !== CHECK_MS || held.length > 0) return Promise.resolve();
      looking.emit('done');
      return new Promise((_, reject) => {
        stop.signal.addEventListener('abort', () => reject(new Error('stopped')));
      });
    },
  })(createLeadership(pool, term, () => undefined, stop.signal));
  expect(held).toEqual([false, false, true, true]);
});
