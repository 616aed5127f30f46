import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { ANN, followedBooks, reconcileFully } from '../../../test/support/reconciling.js';
import type { OutputReference } from '../../chain/block.js';
import { inTransaction } from '../../database/transaction.js';
import { takeRegistrationLock } from '../../payments/registration-lock.js';
import { healReferences } from '../heal/heal-references.js';
import { followJob } from '../jobs/follow-job.js';
import { requestJob } from '../jobs/job-queries.js';
import { settleOwner } from './settle-owner.js';

const { net, copyBooks } = await followedBooks();

const MALLORYS = enterpriseAddress(66);
const [ANNS = '', OTHER = ''] = ANN;
const settle = (pool: Pool, address: string, userId: string) =>
  settleOwner(pool, 0, { address, userId, actor: 'operator:erin', reason: 'ticket 77' });

async function lastAudit(pool: Pool, address: string): Promise<unknown> {
  const { rows } = await pool.query<object>(
    `select action, actor, details from audit_log
      where entity_type = 'payment_address' and entity_id = $1 order by id desc limit 1`,
    [address],
  );
  return rows[0];
}

async function moneyIn(pool: Pool): Promise<readonly object[]> {
  const { rows } = await pool.query<object>(
    `select user_id, unit, available, held, pending from user_balances
      where (available, held, pending) <> (0, 0, 0) order by user_id, unit`,
  );
  return rows;
}

describe('a person says whose a disputed address is', () => {
  test('and what it was paid is that user’s after a repair', async () => {
    const database = await copyBooks();
    const { pool } = database;
    const sound = await moneyIn(pool);
    await pool.query(`
      update payment_addresses set user_id = 'mallory' where user_id = 'ann';
      update incoming_payments set user_id = 'mallory' where user_id = 'ann'`);
    expect((await reconcileFully(pool, net)).findings).not.toEqual([]);
    for (const address of ANN) {
      expect(await settle(pool, address, 'ann')).toMatchObject({
        type: 'settled',
        before: { userId: 'mallory', registeredFor: 'ann' },
      });
    }
    const leading = [provingJobs(net)];
    onTestFinished(openWorker(database, net, { hotWallet: net.chain.faucet, leading }).stop);
    const id = await requestJob(pool, {
      partitionId: 0,
      kind: 'repair',
      params: { addresses: null },
      requestedBy: 'test',
    });
    const job = await followJob(pool, id, () => undefined, AbortSignal.timeout(20_000));
    expect(job.result).toMatchObject({ open: 0, left: [], problem: null });
    expect(await moneyIn(pool)).toEqual(sound);
    expect(await reconcileFully(pool, net)).toMatchObject({ findings: [], problem: null });
  });

  test('also against its registration, in their own name, and its references stay', async () => {
    const { pool } = await copyBooks();
    await pool.query(
      `update audit_log set details = details || '{"referenceType": "order", "referenceId": "7"}'
        where entity_id = $1`,
      [ANNS],
    );
    await pool.query(`update payment_addresses set user_id = 'mallory' where address = $1`, [ANNS]);
    expect(await settle(pool, ANNS, 'zoe')).toMatchObject({ type: 'settled' });
    expect(await lastAudit(pool, ANNS)).toMatchObject({
      action: 'address.registered',
      actor: 'operator:erin',
      details: {
        userId: 'zoe',
        referenceType: 'order',
        referenceId: '7',
        reason: 'ticket 77',
        before: { userId: 'mallory', registeredFor: 'ann' },
      },
    });
    const { rows } = await pool.query('select user_id from payment_addresses where address = $1', [
      ANNS,
    ]);
    expect(rows).toEqual([{ user_id: 'zoe' }]);
    expect(await settle(pool, ANNS, 'mallory')).toEqual({ type: 'undisputed', userId: 'zoe' });
  });

  test('also where nobody registered it', async () => {
    const { pool } = await copyBooks();
    await pool.query(
      `insert into payment_addresses (address, partition_id, user_id, watched_from, backfilled_height)
       select $1, 0, 'mallory', last_block_height, last_block_height from sync_state`,
      [MALLORYS],
    );
    expect((await reconcileFully(pool, net)).problem).toContain('teller address settle');
    expect(await settle(pool, MALLORYS, 'mallory')).toMatchObject({ type: 'settled' });
    expect(await reconcileFully(pool, net)).toMatchObject({ findings: [], problem: null });
  });
});

test.each([null, 'order'])(
  'a person who says whose an address is says nothing of its references, such as %s',
  async (referenceType) => {
    const { pool } = await copyBooks();
    await pool.query(
      `delete from audit_log where entity_id = $1 and action = 'address.registered'`,
      [ANNS],
    );
    await pool.query('update payment_addresses set reference_type = $2 where address = $1', [
      ANNS,
      referenceType,
    ]);
    const { rows } = await pool.query<{ reference: OutputReference }>(
      `update incoming_payments set reference_type = 'other' where address = $1
       returning tx_hash || '#' || output_index as reference`,
      [ANNS],
    );
    expect(rows).not.toEqual([]);
    const differing = rows.map(({ reference }) => reference);
    const context = {
      partitionId: 0,
      policy: { tiers: [], minPaymentLovelace: 0n },
      height: 0,
      cursorHeight: 0,
      actor: 'job:1',
      cause: 'repair',
      learn: () => undefined,
    };
    for (const userId of ['mallory', 'ann']) {
      // Settled twice: what one entry left out the next one doesn't make up.
      await pool.query(`update payment_addresses set user_id = 'eve' where address = $1`, [ANNS]);
      expect(await settle(pool, ANNS, userId)).toMatchObject({ type: 'settled' });
    }
    const outcome = await inTransaction(pool, (tx) =>
      healReferences(tx, new Date(), context, differing),
    );
    expect(outcome).toEqual({ healed: 0, left: differing.length });
  },
);

describe('nobody says of an address whose it is', () => {
  test('where it is whose it was registered for, is gone, or was never heard of', async () => {
    const { pool } = await copyBooks();
    expect(await settle(pool, OTHER, 'mallory')).toEqual({ type: 'undisputed', userId: 'ann' });
    expect(await lastAudit(pool, OTHER)).not.toMatchObject({ actor: 'operator:erin' });
    expect(await settle(pool, MALLORYS, 'mallory')).toEqual({ type: 'not_found' });
    await pool.query(`delete from incoming_payments where address = $1`, [ANNS]);
    await pool.query(`delete from payment_addresses where address = $1`, [ANNS]);
    expect(await settle(pool, ANNS, 'ann')).toMatchObject({
      type: 'not_in_books',
      before: { registeredFor: 'ann' },
    });
  });

  test('while a block is written that may credit somebody', async () => {
    const { pool } = await copyBooks();
    await pool.query(`update payment_addresses set user_id = 'mallory' where address = $1`, [ANNS]);
    const order: string[] = [];
    let settling: Promise<unknown> | undefined;
    await inTransaction(pool, async (tx) => {
      await takeRegistrationLock(tx, 0);
      settling = settle(pool, ANNS, 'ann').then(() => order.push('settled'));
      await waitingForLock(pool);
      order.push('block');
    });
    await settling;
    expect(order).toEqual(['block', 'settled']);
  });
});

async function waitingForLock(pool: Pool): Promise<void> {
  for (;;) {
    const { rows } = await pool.query(
      `select 1 from pg_locks l join pg_database d on d.oid = l.database
        where d.datname = current_database() and l.locktype = 'advisory' and not l.granted`,
    );
    if (rows.length > 0) return;
  }
}
