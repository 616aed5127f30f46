import { describe, expect, test } from 'vitest';
import { depsOf, FULL, followedBooks, reconcileFully } from '../../../test/support/reconciling.js';
import type { ProofEvent } from '../model/proof-events.js';
import { explainDiscrepancy } from './explain.js';
import { reconcile } from './reconcile.js';
import { listDiscrepancies } from './run-reads.js';

const { net, copyBooks } = await followedBooks();

const SPOIL = `update incoming_payments set user_id = 'mallory' where (tx_hash, output_index) in
  (select tx_hash, output_index from incoming_payments where spent_by is null and status = 'confirmed'
    order by tx_hash, output_index limit 1)`;

/** Books with one difference, and what the first run made of it. */
async function spoiltBooks() {
  const database = await copyBooks();
  const { pool } = database;
  await pool.query(SPOIL);
  const found = async (runId: string) =>
    (await listDiscrepancies(pool, { runId }, { limit: 10 })).items;
  const { runId } = await reconcileFully(pool, net);
  const id = (await found(runId))[0]?.id ?? '';
  const explain = () => explainDiscrepancy(pool, id, 'operator:zoe', 'ours', new Date());
  const told = async () =>
    (await pool.query("select 1 from outbox where type = 'reconciliation.discrepancy'")).rowCount;
  return { pool, found, explain, told };
}

const EXPLAINED = { state: 'explained', reason: 'ours', closedBy: 'operator:zoe' };

describe('a difference that somebody answered for', () => {
  test('stays explained by them in each run after, and is told no more', async () => {
    const { pool, found, explain, told } = await spoiltBooks();
    await explain();
    for (let night = 0; night < 2; night += 1) {
      const events: ProofEvent[] = [];
      const observe = (event: ProofEvent): void => void events.push(event);
      const run = await reconcile(depsOf(pool, net, { observe }), FULL);
      expect(await found(run.runId)).toMatchObject([EXPLAINED]);
      expect(run.findings).toEqual([]);
      expect(events).toMatchObject([{ type: 'reconciliation_finished', open: {} }]);
      expect(await told()).toBe(1);
    }
  });

  test('is open again where a value is another one than then', async () => {
    const { pool, found, explain, told } = await spoiltBooks();
    await explain();
    await pool.query("update incoming_payments set user_id = 'trudy' where user_id = 'mallory'");
    const changed = await reconcileFully(pool, net);
    expect(await found(changed.runId)).toMatchObject([{ state: 'open' }]);
    expect(await told()).toBe(2);
    // What was said of the value before is of the past, also where that one is back.
    await pool.query("update incoming_payments set user_id = 'mallory' where user_id = 'trudy'");
    const back = await reconcileFully(pool, net);
    expect(await found(back.runId)).toMatchObject([{ state: 'open' }]);
  });

  test('that only a later run closed stays open in the next', async () => {
    const { pool, found } = await spoiltBooks();
    const second = await reconcileFully(pool, net);
    expect(await found(second.runId)).toMatchObject([{ state: 'open' }]);
  });
});

describe('a run that was interrupted', () => {
  /** The first run, as if it had been begun so long ago, so many blocks below where the books are. */
  async function interrupted(minutes: number, blocks: number, silentMinutes = 0) {
    const { pool } = await spoiltBooks();
    await pool.query(
      `update reconciliation_runs
          set state = 'failed', started_at = now() - $1::int * interval '1 minute',
              heartbeat_at = now() - $2::int * interval '1 minute'`,
      [minutes, silentMinutes],
    );
    await pool.query('update reconciliation_runs set block_height = block_height - $1::int', [
      blocks,
    ]);
    const events: ProofEvent[] = [];
    const observe = (event: ProofEvent): void => void events.push(event);
    const run = await reconcile(depsOf(pool, net, { observe }), { ...FULL, resume: true });
    return { runId: run.runId, resumed: events.filter((one) => one.type.endsWith('_resumed')) };
  }

  test.each([
    ['a moment ago', 5, 0],
    ['longer ago, where the books have hardly moved on', 50, 0],
    ['longer ago, while the books moved on', 50, 40],
  ])('%s is continued, which is told', async (_, minutes, blocks) => {
    const { runId, resumed } = await interrupted(minutes, blocks);
    expect(runId).toBe('1');
    expect(resumed).toMatchObject([{ runId: '1', startedAt: expect.any(Date) as unknown }]);
  });

  test.each([
    ['by the leader', { ownName: 'schedule' }, false],
    ['by a repair', { repairBegunSince: new Date(0) }, true],
  ])('%s is continued too, however long it was at work', async (_, resume, repair) => {
    const { pool } = await spoiltBooks();
    await pool.query(
      `update reconciliation_runs
          set state = 'running', heartbeat_at = now(), started_at = now() - interval '40 minutes',
              block_height = block_height - 120, repair = $1, requested_by = 'schedule'`,
      [repair],
    );
    const run = await reconcile(depsOf(pool, net), { ...FULL, resume, repair });
    expect(run.runId).toBe('1');
  });

  test.each([
    ['goes on with its own', true, '1 minute', '1'],
    ["leaves another one's alone, that only compared", false, '1 minute', '2'],
    ['leaves what was begun before it was asked for alone', true, '-1 minute', '2'],
  ])('by a repair: it %s', async (_, repair, ago, runId) => {
    const { pool } = await spoiltBooks();
    await pool.query(
      "update reconciliation_runs set state = 'running', repair = $1, heartbeat_at = now()",
      [repair],
    );
    const { rows } = await pool.query<{ since: Date }>(
      'select started_at - $1::interval as since from reconciliation_runs',
      [ago],
    );
    const resume = { repairBegunSince: rows[0]?.since ?? new Date(0) };
    const run = await reconcile(depsOf(pool, net), { ...FULL, resume, repair: true });
    expect(run.runId).toBe(runId);
  });

  test('and was not heard of for an hour is left alone: it answers for the past', async () => {
    expect(await interrupted(50, 0, 59)).toMatchObject({ runId: '1' });
    expect(await interrupted(61, 0, 61)).toEqual({ runId: '2', resumed: [] });
  });
});
