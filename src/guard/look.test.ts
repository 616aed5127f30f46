import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { createLeadership } from '../sync/leadership.js';
import { beginTerm } from '../sync/queries.js';
import type { GuardEvent } from './events.js';
import { readGuard } from './guard-queries.js';
import { createLook } from './look.js';
import type { Heard } from './notes.js';
import { type Reason, withTrouble } from './reasons.js';
import { releaseGuard } from './release.js';

const database = await createTestDatabase();
afterAll(() => database.drop());

const NAME = 'wss://w.example';
const split = { kind: 'witness', witness: NAME, common: 990, ours: 10, theirs: 7 } as const;
const split9 = { ...split, ours: 9 };
const since = (at: string): readonly Reason[] => withTrouble([], split, at);

/** A leader that looks, and what it tells. */
async function leader(heard: ReadonlyMap<string, Heard> = new Map()) {
  const { pool } = database;
  await pool.query('truncate sync_state, chain_guard cascade');
  const term = await beginTerm(pool, 0, 1, 'custom:42');
  if ('refused' in term) throw new Error('no term');
  const leadership = createLeadership(pool, term, () => undefined, new AbortController().signal);
  const told: GuardEvent[] = [];
  const look = createLook(
    {
      splitDepth: 5,
      rollbackDepth: null,
      now: () => new Date(),
      observe: (event) => told.push(event),
    },
    leadership,
    [NAME],
    { heard, leastBlocks: () => null },
  );
  await pool.query('insert into chain_guard (partition_id) values (0)');
  const hold = (reasons: readonly Reason[]) =>
    pool.query('update chain_guard set held_at = now(), reasons = $1', [JSON.stringify(reasons)]);
  return { told, look, hold };
}

test('a hold that took the place of one that was let pass between two looks is told', async () => {
  const { told, look, hold } = await leader();
  for (const reasons of [since('2026-01-01'), since('2026-01-01'), since('2026-01-02')]) {
    await hold(reasons);
    await look();
  }
  expect(told.map(({ type }) => type)).toEqual(['chain_guard_held', 'chain_guard_held']);
});

test('who let pass what held is told, not who let another thing pass before', async () => {
  const { pool } = database;
  const { told, look, hold } = await leader();
  const rollback = { kind: 'rollback', common: 900, depth: 40 } as const;
  await hold(since('2026-01-01'));
  await releaseGuard(pool, 0, 'operator:ann', 'ours won');
  const [passed] = (await readGuard(pool, 0)).reasons;
  await hold(withTrouble(passed === undefined ? [] : [passed], rollback, '2026-01-02'));
  await look();
  await releaseGuard(pool, 0, 'operator:bob', 'seen');
  await look();
  expect(told.at(-1)).toEqual({ type: 'chain_guard_released', by: 'operator:bob' });

  await hold(withTrouble(passed === undefined ? [] : [passed], rollback, '2026-01-03'));
  await look();
  await pool.query('update chain_guard set held_at = null, reasons = $1', [
    JSON.stringify([passed]),
  ]);
  await look();
  expect(told.at(-1)).toEqual({ type: 'chain_guard_released', by: null });
});

test('what ends with the first look of a term is told, although its predecessor told that it held', async () => {
  const { pool } = database;
  const { told, look, hold } = await leader();
  await pool.query(
    'update sync_state set last_slot = 5000, last_block_height = 999, last_block_hash = $1',
    ['f'.repeat(64)],
  );
  const rollback = { kind: 'rollback', common: 900, depth: 40, limit: 30 } as const;
  await hold(withTrouble([], rollback, '2026-01-01'));
  await look();
  expect((await readGuard(pool, 0)).reasons).toMatchObject([{ kind: 'unheard' }]);
  await look();
  expect(told).toEqual([{ type: 'chain_guard_released', by: null }]);
});

test('a split holds although the newest of the blocks that it was told of was replaced meanwhile', async () => {
  const { pool } = database;
  const standing = (height: number) => ({ height, hash: height.toString().padStart(64, '0') });
  const testimony = {
    verdict: { type: 'forked', common: 990, ours: 9, theirs: 7 },
    on: standing(999),
    lacks: standing(991),
    agreements: 0,
    fork: { common: 990, theirs: 6, seen: 2 },
  } as const;
  const heard = new Map([[NAME, { testimony, at: new Date(), wasHeard: true }]]);
  const { look } = await leader(heard);
  await pool.query(
    'update sync_state set last_slot = 5000, last_block_height = 999, last_block_hash = $1',
    ['f'.repeat(64)],
  );
  await look();
  expect((await readGuard(pool, 0)).reasons).toEqual([]);
  await pool.query(
    'insert into blocks (partition_id, height, slot, hash) values (0, 991, 4900, $1)',
    [testimony.lacks.hash],
  );
  await look();
  expect((await readGuard(pool, 0)).reasons).toMatchObject([split9]);
});
