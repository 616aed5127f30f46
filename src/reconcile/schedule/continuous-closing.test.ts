import type { Pool } from 'pg';
import { expect, test, vi } from 'vitest';
import { ADA } from '../../../test/support/follow.js';
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
import { createLeadership } from '../../sync/leadership.js';
import { beginTerm, readCursor } from '../../sync/queries.js';
import { reconcile } from '../runs/reconcile.js';
import { compareContinuously } from './continuous.js';

const { net, copyBooks } = await followedBooks();
const [ANNS = ''] = ANN;

/** Another payment comes to the address, which is why it is compared once more. */
async function comparedOnceMore(
  database: Awaited<ReturnType<typeof copyBooks>>,
  address: string,
): Promise<void> {
  const { pool } = database;
  const worker = startWorker(database, net);
  net.payNow({ address, lovelace: 3n * ADA });
  await worker.untilAtTip();
  await worker.stop();
  const height = (await readCursor(pool, 0))?.height;
  const end = new AbortController();
  const term = await beginTerm(pool, 0, 1, 'custom:42');
  if ('refused' in term) throw new Error(term.refused);
  const done = compareContinuously({
    chain: viewOf(net),
    hotWallet: net.chain.faucet,
    observe: () => undefined,
    now: () => new Date(),
    random: Math.random,
    lookMs: 10,
  })(createLeadership(pool, term, () => undefined, end.signal));
  await vi.waitFor(
    async () => {
      const { rows } = await pool.query(
        'select 1 from address_checks where address = $1 and checked_height = $2',
        [address, height],
      );
      expect(rows).toHaveLength(1);
    },
    { timeout: 20_000, interval: 20 },
  );
  end.abort(new Error('compared'));
  await done;
}

const found = async (pool: Pool, address: string) =>
  (
    await pool.query<{ run: string; state: string; reason: string | null }>(
      `select run_id::text as run, state, reason from reconciliation_discrepancies
        where address = $1 order by id`,
      [address],
    )
  ).rows;

const DELETE_SPENT = `
  delete from incoming_payments where address = $1 and block_height is not null and spent_by is not null`;
const RAISE_SPENT = `
  update incoming_payments set amount_lovelace = amount_lovelace + $2
   where address = $1 and block_height is not null and spent_by is not null`;
/** What a ledger told of; what comes later blocks made. */
const CHANGE_FIRST = `
  update incoming_payments set amount_lovelace = amount_lovelace + $2
   where address = $1 and counted_from is not null`;

test('what a whole run found deleted of spent outputs stays open, though a run of some addresses sees nothing of it', async () => {
  const database = await copyBooks();
  const { pool } = database;
  expect((await pool.query(DELETE_SPENT, [ANNS])).rowCount).toBeGreaterThan(0);
  const whole = await reconcileFully(pool, net);
  expect(whole.findings.length).toBeGreaterThan(0);
  await comparedOnceMore(database, ANNS);
  for (const one of await found(pool, ANNS)) {
    expect(one).toMatchObject({ run: whole.runId, state: 'open' });
  }
});

test('what somebody found of spent outputs at an address stays open, and the next night looks at it', async () => {
  const database = await copyBooks();
  const { pool } = database;
  const { rowCount } = await pool.query(RAISE_SPENT, [ANNS, 1]);
  expect(rowCount).toBeGreaterThan(0);
  await reconcile(depsOf(pool, net), { ...FULL, scope: { addresses: [ANNS] } });
  await comparedOnceMore(database, ANNS);
  const raised = await found(pool, ANNS);
  expect(raised).toHaveLength(rowCount ?? 0);
  for (const one of raised) expect(one).toMatchObject({ state: 'open' });
});

test('what such a run found is over once the next one sees nothing of it', async () => {
  const database = await copyBooks();
  const { pool } = database;
  await reconcileFully(pool, net);
  await pool.query(CHANGE_FIRST, [CAROL, 1]);
  await comparedOnceMore(database, CAROL);
  const before = await found(pool, CAROL);
  expect(before.length).toBeGreaterThan(0);
  for (const one of before) expect(one).toMatchObject({ state: 'open' });
  await pool.query(CHANGE_FIRST, [CAROL, -1]);
  await comparedOnceMore(database, CAROL);
  for (const one of await found(pool, CAROL)) {
    expect(one).toMatchObject({
      state: 'explained',
      reason: expect.stringMatching(/^no longer there in run/) as string,
    });
  }
});
