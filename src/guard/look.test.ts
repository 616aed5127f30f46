import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { createLeadership } from '../sync/leadership.js';
import { beginTerm } from '../sync/queries.js';
import type { GuardEvent } from './events.js';
import { createLook } from './look.js';
import { type Reason, withTrouble } from './reasons.js';

const database = await createTestDatabase();
afterAll(() => database.drop());

const NAME = 'wss://w.example';
const split = { kind: 'witness', witness: NAME, common: 990, ours: 10, theirs: 7 } as const;
const since = (at: string): readonly Reason[] => withTrouble([], split, at);

test('a hold that took the place of one that was let pass between two looks is told', async () => {
  const { pool } = database;
  const term = await beginTerm(pool, 0, 1, 'custom:42');
  if ('refused' in term) throw new Error('no term');
  const leadership = createLeadership(pool, term, () => undefined, new AbortController().signal);
  const told: GuardEvent[] = [];
  const deps = { splitDepth: 5, rollbackDepth: null, activeSlots: null, now: () => new Date() };
  const observe = (event: GuardEvent) => told.push(event);
  const look = createLook({ ...deps, observe }, leadership, [{ name: NAME }], new Map());
  await pool.query('insert into chain_guard (partition_id) values (0)');
  for (const reasons of [since('2026-01-01'), since('2026-01-01'), since('2026-01-02')]) {
    await pool.query('update chain_guard set held_at = now(), reasons = $1', [
      JSON.stringify(reasons),
    ]);
    await look();
  }
  expect(told.map(({ type }) => type)).toEqual(['chain_guard_held', 'chain_guard_held']);
});
