import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { createLeadership } from '../sync/leadership.js';
import { beginTerm } from '../sync/queries.js';
import { readGuard } from './guard-queries.js';
import type { Verdict } from './judge.js';
import { createNotes, type Heard } from './notes.js';

const database = await createTestDatabase();
afterAll(() => database.drop());
beforeEach(() => database.pool.query('truncate sync_state, chain_guard cascade'));

const NAME = 'wss://w.example';
const agrees: Verdict = { type: 'agrees', common: 990 };
const forked = (ours: number): Verdict => ({ type: 'forked', common: 990, ours, theirs: 1 });

/** A leader that notes what its witness says, at the second of its term that it is told. */
async function notes() {
  const { pool } = database;
  const term = await beginTerm(pool, 0, 1, 'custom:42');
  if ('refused' in term) throw new Error('no term');
  const leadership = createLeadership(pool, term, () => undefined, new AbortController().signal);
  const heard = new Map<string, Heard>();
  let ms = Date.parse('2026-01-01T00:00:00Z');
  const began = ms;
  const deps = { splitDepth: 5, now: () => new Date(ms) };
  const note = createNotes(deps, leadership, [NAME], heard);
  return async (second: number, verdict: Verdict, isNews = false): Promise<unknown[]> => {
    ms = began + second * 1_000;
    const testimony = { verdict, on: null, lacks: null, agreements: 0, fork: null };
    heard.set(NAME, { testimony, at: new Date(ms), wasHeard: true });
    const guard = await readGuard(pool, 0);
    await note(guard, isNews);
    return (await readGuard(pool, 0)).witnesses.map(({ heardAt }) => {
      return (Date.parse(heardAt) - began) / 1_000;
    });
  };
}

describe('what witnesses say is written', () => {
  test('once a minute while all is well', async () => {
    const note = await notes();
    expect(await note(0, agrees)).toEqual([0]);
    expect(await note(59, agrees)).toEqual([0]);
    expect(await note(60, agrees)).toEqual([60]);
  });

  test('every ten seconds while one is on another chain, however little', async () => {
    const note = await notes();
    expect(await note(0, agrees)).toEqual([0]);
    expect(await note(5, forked(1))).toEqual([5]);
    expect(await note(14, forked(2))).toEqual([5]);
    expect(await note(15, forked(2))).toEqual([15]);
    expect(await note(20, agrees)).toEqual([20]);
    expect(await note(40, agrees)).toEqual([20]);
  });

  test('every ten seconds while something holds', async () => {
    const note = await notes();
    await note(0, agrees);
    await database.pool.query('update chain_guard set held_at = now()');
    expect(await note(9, agrees)).toEqual([0]);
    expect(await note(10, agrees)).toEqual([10]);
  });

  test('at once when what holds changes', async () => {
    const note = await notes();
    await note(0, forked(6));
    expect(await note(1, forked(7), true)).toEqual([1]);
    expect(await note(2, forked(7))).toEqual([1]);
  });
});
