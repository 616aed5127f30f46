import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { createLeadership } from '../sync/leadership.js';
import { beginTerm } from '../sync/queries.js';
import type { GuardEvent } from './events.js';
import { readGuard } from './guard-queries.js';
import { type WatchDeps, watchChain } from './watch.js';

const database = await createTestDatabase();
afterAll(() => database.drop());
beforeEach(() => database.pool.query('truncate sync_state, chain_guard cascade'));

const SOON = { timeout: 20_000 };
const guard = () => readGuard(database.pool, 0);

/** A leader that watches density alone. */
async function watching(activeSlots: WatchDeps['activeSlots'], pause?: WatchDeps['pause']) {
  const { pool } = database;
  const term = await beginTerm(pool, 0, 1, 'custom:42');
  if ('refused' in term) throw new Error('no term');
  const over = new AbortController();
  const told: GuardEvent[] = [];
  const deps = { openWitnesses: () => [], splitDepth: 5, rollbackDepth: null, checkMs: 20 };
  const task = watchChain({
    ...deps,
    activeSlots,
    now: () => new Date(),
    observe: (event) => told.push(event),
    ...(pause === undefined ? {} : { pause }),
  });
  const done = task(createLeadership(pool, term, () => undefined, over.signal));
  const end = async (): Promise<void> => {
    over.abort(new Error('done'));
    await done;
  };
  return { told, end };
}

test('that no node says how dense a healthy chain is, is told once, stands in the status, and is asked each minute', async () => {
  const minutes: (() => void)[] = [];
  const answers = ['refused', 'refused again', 0.05];
  const { told, end } = await watching(
    () => {
      const answer = answers.shift() ?? 'asked too often';
      return typeof answer === 'number'
        ? Promise.resolve(answer)
        : Promise.reject(new Error(answer));
    },
    (ms, signal) =>
      ms < 60_000
        ? sleep(ms, undefined, { signal })
        : new Promise((resolve) => minutes.push(resolve)),
  );
  const unknown = async () => (await guard()).densityUnknown;
  await expect.poll(unknown, SOON).toBe('refused');
  await expect.poll(() => minutes.length, SOON).toBe(1);
  minutes.pop()?.();
  await expect.poll(unknown, SOON).toBe('refused again');
  await expect.poll(() => minutes.length, SOON).toBe(1);
  minutes.pop()?.();
  await expect.poll(unknown, SOON).toBeNull();
  expect(told).toEqual([{ type: 'density_unknown', reason: 'refused' }]);
  expect(answers).toEqual([]);
  await end();
});

test('a node that never answers keeps nothing held that is over', async () => {
  const unheard = { kind: 'unheard', detail: 'a leader has just begun', since: '', released: null };
  await database.pool.query(
    'insert into chain_guard (partition_id, held_at, reasons) values (0, now(), $1)',
    [JSON.stringify([unheard])],
  );
  const { end } = await watching(
    (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('over')), { once: true });
      }),
  );
  await database.pool.query(
    "update sync_state set last_slot = 100, last_block_height = 5, last_block_hash = repeat('aa', 32)",
  );
  await expect.poll(async () => (await guard()).heldAt, SOON).toBeNull();
  await end();
});

test('what another leader could not learn is forgotten where density is off', async () => {
  await database.pool.query(
    "insert into chain_guard (partition_id, density_unknown) values (0, 'refused')",
  );
  const { told, end } = await watching(null);
  await expect.poll(async () => (await guard()).densityUnknown, SOON).toBeNull();
  expect(told).toEqual([]);
  await end();
});
