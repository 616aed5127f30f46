import type { Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { NETWORK, viewOf } from '../../../test/support/following.js';
import { followedBooks } from '../../../test/support/reconciling.js';
import { createLeadership } from '../../sync/leadership.js';
import { beginTerm } from '../../sync/queries.js';
import type { ProofEvent } from '../model/proof-events.js';
import { NotComparable } from '../runs/comparison-point.js';
import { compareRound, NOTHING_COMPARED } from './continuous.js';
import { reconcilePlan } from './reconcile-nightly.js';
import { schedules } from './schedules.js';

const { net, copyBooks } = await followedBooks();

/** As a restore of what is critical leaves them: a settled payment isn't there, and a rebuild is queued. */
async function restoredBooks(): Promise<Pool> {
  const { pool } = await copyBooks();
  await pool.query("delete from incoming_payments where status = 'confirmed'");
  await pool.query(`
    insert into schedules (name, last_due, last_outcome, attempt)
    values ('reconcile', now() - interval '2 days', 'noted', 0)`);
  await pool.query(`
    insert into chain_jobs (kind, params, requested_by)
    values ('rebuild', '{"from": "origin", "dryRun": false, "after": "restore"}', 'test')`);
  return pool;
}

const endRebuild = (pool: Pool, state: 'done' | 'failed') =>
  pool.query('update chain_jobs set state = $1', [state]);

const traces = async (pool: Pool): Promise<number> => {
  const { rows } = await pool.query<{ count: number }>(`
    select (select count(*) from reconciliation_runs)::int
         + (select count(*) from outbox where type = 'reconciliation.discrepancy')::int as count`);
  return rows[0]?.count ?? Number.NaN;
};

async function leading(pool: Pool) {
  const term = await beginTerm(pool, 0, 1, NETWORK);
  if ('refused' in term) throw new Error(term.refused);
  const end = new AbortController();
  const leadership = createLeadership(pool, term, () => undefined, end.signal);
  return { leadership, end };
}

const parts = (observe: (event: ProofEvent) => void) => ({
  chain: viewOf(net),
  hotWallet: net.chain.faucet,
  observe,
  now: () => new Date(),
  pacing: { pauseMs: 0, pauseShare: 0 },
});

test.each([
  ['done', 'reconciliation_finished'],
  ['failed', 'schedule_failed'],
] as const)(
  'the nightly comparison is put off while a restore fills the books in; once that is %s it says %s',
  async (state, after) => {
    const pool = await restoredBooks();
    const told: ProofEvent[] = [];
    const { leadership, end } = await leading(pool);
    const plan = reconcilePlan(
      '* * * * * *',
      parts((event) => void told.push(event)),
    );
    const tasks = schedules({ now: Date.now, observe: (event) => void told.push(event) }, [plan]);
    const ended = Promise.all(tasks.map((task) => task(leadership)));
    onTestFinished(async () => {
      end.abort(new Error('the test ended'));
      await ended;
    });
    await expect.poll(() => told, { timeout: 20_000 }).toHaveLength(1);
    expect(told).toMatchObject([
      {
        type: 'schedule_postponed',
        schedule: 'reconcile',
        reason: expect.stringContaining('after a restore (it is queued)') as string,
      },
    ]);
    expect(await traces(pool)).toBe(0);
    await endRebuild(pool, state);
    await expect.poll(() => told.map(({ type }) => type), { timeout: 30_000 }).toContain(after);
  },
);

test('between the nights nothing is told of books that a restore left unfinished, until they are made again', async () => {
  const pool = await restoredBooks();
  const told: ProofEvent[] = [];
  const { leadership } = await leading(pool);
  const deps = { ...parts((event) => void told.push(event)), random: () => 0 };
  const round = () => compareRound(deps, leadership, NOTHING_COMPARED);
  await expect(round()).rejects.toThrow(NotComparable);
  await endRebuild(pool, 'failed');
  await expect(round()).rejects.toThrow('run `teller rebuild --from origin` first');
  expect([await traces(pool), told]).toEqual([0, []]);
  await endRebuild(pool, 'done');
  await round();
  expect(told).toMatchObject([{ type: 'reconciliation_finished', scope: 'continuous' }]);
});
