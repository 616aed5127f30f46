import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { viewOf } from '../../../test/support/following.js';
import {
  ANN,
  CAROL,
  depsOf,
  FULL,
  followedBooks,
  reconcileFully,
  startWorker,
} from '../../../test/support/reconciling.js';
import type { ChainView, LedgerView } from '../../sync/chain-view.js';
import type { ProofEvent } from '../model/proof-events.js';
import { NotComparable } from './comparison-point.js';
import { GENTLE } from './ledger-questions.js';
import { reconcile } from './reconcile.js';
import { latestRun, listDiscrepancies, readRun } from './run-reads.js';

const { net, copyBooks } = await followedBooks();

async function books() {
  const database = await copyBooks();
  return database;
}

const SPOIL = `update incoming_payments set user_id = 'mallory' where (tx_hash, output_index) in
  (select tx_hash, output_index from incoming_payments where spent_by is null and status = 'confirmed' limit 1)`;

/** A chain whose ledger does something else before it answers by address. */
function viewThat(chain: ChainView, before: () => Promise<void> | void): ChainView {
  const wrap = (view: LedgerView): LedgerView => ({
    ...view,
    atAddresses: async (addresses) => {
      await before();
      return view.atAddresses(addresses);
    },
  });
  return { ...chain, ledgerAt: async (...args) => wrap(await chain.ledgerAt(...args)) };
}

describe('a reconciliation', () => {
  test('is stored with its point, counts and totals, and told of', async () => {
    const { pool } = await books();
    await pool.query(SPOIL);
    const events: ProofEvent[] = [];
    const told: number[] = [];
    const deps = depsOf(pool, net, {
      observe: (event) => events.push(event),
      onProgress: ({ done }) => told.push(done),
    });
    const result = await reconcile(deps, FULL);
    const tip = net.chain.blocks().at(-1);
    expect(await readRun(pool, result.runId)).toMatchObject({
      state: 'finished',
      slot: tip?.slot,
      blockHash: tip?.id,
      blockHeight: tip?.height,
      matched: result.matched,
      mismatched: 1,
      missing: 0,
      extra: 0,
      open: 1,
    });
    expect((await latestRun(pool, 'full'))?.id).toBe(result.runId);
    expect(events).toMatchObject([
      { type: 'reconciliation_finished', open: { owner_mismatch: 1 }, matched: result.matched },
    ]);
    expect(told.length).toBeGreaterThan(0);
    const { rows } = await pool.query(
      `select data from outbox where type = 'reconciliation.discrepancy'`,
    );
    expect(rows).toHaveLength(1);
  });

  test('is gentle with the node where nobody asks for another pace', async () => {
    const { pool } = await books();
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
    onTestFinished(() => clock.mockRestore());
    const rests: number[] = [];
    const pause = (ms: number): Promise<void> => {
      rests.push(ms);
      return Promise.resolve();
    };
    const { pacing, ...deps } = depsOf(pool, net, { pause });
    expect(pacing).not.toEqual(GENTLE);
    await reconcile(deps, FULL);
    // Its outputs, the wallet and the addresses are three questions.
    expect(rests).toEqual([GENTLE.pauseMs, GENTLE.pauseMs]);
  });

  test('closes what an earlier one left open: seen again, or no longer there', async () => {
    const { pool } = await books();
    await pool.query(SPOIL);
    const first = await reconcileFully(pool, net);
    const second = await reconcileFully(pool, net);
    const listed = await listDiscrepancies(pool, { runId: first.runId }, { limit: 10 });
    expect(listed.items).toMatchObject([
      {
        state: 'explained',
        reason: `seen again in run ${second.runId}`,
        closedBy: `run ${second.runId}`,
      },
    ]);
    await pool.query(`update incoming_payments p set user_id = a.user_id from payment_addresses a
                       where a.address = p.address`);
    const third = await reconcileFully(pool, net);
    const again = await listDiscrepancies(pool, { runId: second.runId }, { limit: 10 });
    expect(again.items).toMatchObject([{ reason: `no longer there in run ${third.runId}` }]);
    expect(third.findings).toEqual([]);
  });

  test('of some addresses finds what differs there, and nothing elsewhere', async () => {
    const { pool } = await books();
    await pool.query(`delete from incoming_payments where address = $1`, [CAROL]);
    const only = (addresses: readonly string[]) =>
      reconcile(depsOf(pool, net), { ...FULL, scope: { addresses } });
    expect((await only(ANN)).findings).toEqual([]);
    const { findings, addresses } = await only([CAROL]);
    expect(findings.map(({ type }) => type)).toEqual(['missing_in_db']);
    expect(addresses).toBe(1);
    await expect(only(['addr_test1unknown'])).rejects.toThrow(/addr_test1unknown/);
  });

  test('says what to do where nothing was followed yet', async () => {
    const empty = await createTestDatabase();
    onTestFinished(() => empty.drop());
    const attempt = reconcileFully(empty.pool, net);
    await expect(attempt).rejects.toThrow(NotComparable);
    await expect(attempt).rejects.toThrow(/teller run/);
  });

  test('that is stopped in the middle goes on where it was', async () => {
    const { pool } = await books();
    await pool.query(SPOIL);
    const stop = new AbortController();
    const chain = viewThat(viewOf(net), () => stop.abort(new Error('stopped')));
    await expect(
      reconcile(depsOf(pool, net, { chain, signal: stop.signal }), FULL),
    ).rejects.toThrow();
    let asked = 0;
    const counting: ChainView = {
      ...viewOf(net),
      ledgerAt: async (...args) => {
        const view = await viewOf(net).ledgerAt(...args);
        return {
          ...view,
          among: (references) => {
            asked += 1;
            return view.among(references);
          },
        };
      },
    };
    const result = await reconcile(depsOf(pool, net, { chain: counting }), {
      ...FULL,
      resume: true,
    });
    expect(asked).toBe(0);
    expect(result.runId).toBe('1');
    expect(result.findings.map(({ type }) => type)).toEqual(['owner_mismatch']);
    expect(result.totals.recorded).toEqual(result.totals.onChain);
    expect(result.matched).toBeGreaterThan(0);
  });

  test('tells where tables and digest differ, and whose addresses are disputed, also where it went on from there', async () => {
    const { pool } = await books();
    await pool.query(`
      update state_digests set digest = repeat('ef', 32) where height = (select max(height) from state_digests);
      delete from incoming_payments where user_id = 'carol';
      delete from payment_addresses where user_id = 'carol'`);
    const whole = await reconcile(depsOf(pool, net), FULL);
    expect(whole.differing).not.toEqual([]);
    expect(whole.disputed).toContain('registered for carol');
    await pool.query(`
      update reconciliation_runs
         set state = 'failed', progress = progress || '{"interrupted": true, "phase": "ledger"}'`);
    const resumed = await reconcile(depsOf(pool, net), { ...FULL, resume: true });
    expect(resumed).toMatchObject({
      runId: whole.runId,
      differing: whole.differing,
      disputed: whole.disputed,
    });
    const some = await reconcile(depsOf(pool, net), { ...FULL, scope: { addresses: ANN } });
    expect(some.differing).toBeNull();
  });

  test('of which somebody else took over writes nothing more', async () => {
    const { pool } = await books();
    const chain = viewThat(viewOf(net), async () => {
      await pool.query(
        `update reconciliation_runs set progress = progress || '{"runner": "another"}'`,
      );
    });
    await expect(reconcile(depsOf(pool, net, { chain }), FULL)).rejects.toThrow(/somebody else/);
    const { rows } = await pool.query('select state from reconciliation_runs');
    expect(rows).toEqual([{ state: 'running' }]);
  });

  test('that lost its ledger in the middle asks for it again on another connection', async () => {
    const { pool } = await books();
    let asked = 0;
    const chain = viewThat(viewOf(net), () => {
      asked += 1;
      if (asked === 1) net.inject({ kind: 'drop' });
    });
    const pause = (): Promise<void> => Promise.resolve();
    const { findings } = await reconcile(depsOf(pool, net, { chain, pause }), FULL);
    expect(findings).toEqual([]);
    expect(asked).toBeGreaterThan(1);
  });
});

describe('while the chain moves on', () => {
  test('blocks that are followed meanwhile change nothing about the comparison', async () => {
    const database = await books();
    const worker = startWorker(database, net);
    onTestFinished(worker.stop);
    const chain = viewThat(viewOf(net), async () => {
      net.mine();
      await worker.untilAtTip();
    });
    const before = net.chain.blocks().at(-1)?.height;
    const { findings, height } = await reconcile(depsOf(database.pool, net, { chain }), FULL);
    expect(height).toBe(before);
    expect(findings).toEqual([]);
    expect((await reconcileFully(database.pool, net)).findings).toEqual([]);
  });

  test('a rollback below its block makes it begin again at another one', async () => {
    const database = await books();
    const worker = startWorker(database, net);
    onTestFinished(worker.stop);
    await worker.untilAtTip();
    let forks = 0;
    const chain = viewThat(viewOf(net), async () => {
      if (forks > 0) return;
      forks += 1;
      net.fork(2);
      await worker.untilAtTip();
    });
    const { findings, point } = await reconcile(depsOf(database.pool, net, { chain }), FULL);
    expect(forks).toBe(1);
    expect(findings).toEqual([]);
    expect(point.id).toBe(net.chain.blocks().at(-1)?.id);
  });

  test('one that is gone on with waits for books that have not followed the node yet', async () => {
    const database = await books();
    const { pool } = database;
    const first = startWorker(database, net);
    await first.untilAtTip();
    await first.stop();
    const stop = new AbortController();
    const stopping = viewThat(viewOf(net), () => stop.abort(new Error('stopped')));
    const stopped = depsOf(pool, net, { chain: stopping, signal: stop.signal });
    await expect(reconcile(stopped, FULL)).rejects.toThrow();
    net.fork(2);
    let pauses = 0;
    const pause = async (): Promise<void> => {
      pauses += 1;
      if (pauses !== 3) return;
      const worker = startWorker(database, net);
      onTestFinished(worker.stop);
      await worker.untilAtTip();
    };
    const { findings, point, runId } = await reconcile(depsOf(pool, net, { pause }), {
      ...FULL,
      resume: true,
    });
    expect(pauses).toBe(3);
    expect(runId).toBe('1');
    expect(findings).toEqual([]);
    expect(point.id).toBe(net.chain.blocks().at(-1)?.id);
  });
});
