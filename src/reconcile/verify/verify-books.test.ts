import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CORRUPTIONS } from '../../../test/support/corruptions.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { handMadeBooks, hashOf, TOKEN } from '../../../test/support/hand-made-books.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { inTransaction } from '../../database/transaction.js';
import { entriesOfConfirmation, entriesOfDetection } from '../../payments/ledger.js';
import { entriesOfHold, entriesOfPayoutConfirmation } from '../../payouts/model/entries.js';
import { sealAppended } from '../seals/sealing.js';
import { type Verification, verifyBooks } from './verify-books.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const change = (text: string, values: unknown[] = []) => database.pool.query(text, values);
const verify = () => verifyBooks(database.pool);

/** Of a pool of the program it is longer. */
const CONNECT_TIMEOUT_MS = 200;
const PAID_BY = hashOf('transaction');
const SPENT = hashOf('spent');
const UNSPENT = hashOf('wallet');
const STORE_TRANSACTIONS = `
  with batches as (
    insert into payout_batches (kind, anchor_tx_hash, anchor_index)
    values ('payout', $2, 0), ('payout', $3, 0) returning id, anchor_tx_hash),
  transactions as (
    insert into payout_transactions (tx_hash, batch_id, fee_lovelace, block_hash, block_height, slot)
    select case anchor_tx_hash when $2 then $1 else repeat('9', 64) end, id,
           case anchor_tx_hash when $2 then 340000 else 170000 end,
           case anchor_tx_hash when $2 then repeat('b', 64) end,
           case anchor_tx_hash when $2 then 30 end, case anchor_tx_hash when $2 then 600 end
      from batches)
  update outbound_payments p
     set batch_id = b.id, tx_hash = coalesce(p.tx_hash, repeat('9', 64)),
         fee_lovelace = coalesce(p.fee_lovelace, 170000)
    from batches b
   where p.status in ('in_block', 'confirmed') and b.anchor_tx_hash = $2
      or p.status = 'submitted' and b.anchor_tx_hash = $3`;
const STORE_ATTEMPTS = `
  with attempts as (
    insert into payout_attempts (payout_id, tx_hash, output_index, fee_share)
    select id, $1, 0, 170000 from outbound_payments where status in ('in_block', 'confirmed')
    union all
    select id, repeat('9', 64), 1, 170000 from outbound_payments where status = 'submitted'),
  inputs as (
    insert into payout_transaction_inputs (tx_hash, input_tx_hash, input_index)
    values ($1, $2, 0), (repeat('9', 64), $3, 0))
  insert into payout_change (tx_hash, output_index, amount_lovelace) values ($1, 2, 400000)`;
const TELL_CONFIRMED = `
  insert into outbox (type, event_key, data)
  select 'payout.confirmed', 'payout.confirmed:' || id || ':' || turn, '{}'::jsonb
    from outbound_payments where status = 'confirmed'
  union all
  select 'payout.submitted', 'payout.submitted:' || payout_id || ':' || tx_hash, '{}'::jsonb from payout_attempts`;
const AUDIT = `
  insert into audit_log (action, entity_type, entity_id, actor) values ('payout.cancelled', 'payout', 'p', 'key:clerk')`;
const WALLET = `
  insert into wallet_outputs (tx_hash, output_index, partition_id, address, amount_lovelace, assets, block_hash,
                              block_height, slot, spent_by, spent_height)
  values ($1, 0, 0, 'hot', 12000000, '{}', repeat('b', 64), 3, 60, $3, 30),
         ($2, 0, 0, 'hot', 600000, '{}', repeat('b', 64), 3, 60, null, null),
         ($3, 2, 0, 'hot', 400000, '{}', repeat('b', 64), 30, 600, null, null)`;

/** Books in which all agrees: payments and payouts of many statuses, of two users, sealed. */
beforeEach(async () => {
  await change(
    `truncate incoming_payments, outbound_payments, payout_transactions, payout_attempts, balance_transactions,
       user_balances, audit_log, seals, wallet_outputs, payment_addresses, state_digests, outbox, payout_batches cascade`,
  );
  const books = handMadeBooks(database.pool);
  const assets = new Map([[TOKEN, 100n]]);
  const settled = await books.payment({ status: 'confirmed', amountLovelace: 50_000_000n, assets });
  await books.enter([...entriesOfDetection(settled), ...entriesOfConfirmation(settled)]);
  await books.enter(entriesOfDetection(await books.payment({ status: 'pending', userId: 'bob' })));
  const fee = { feeLovelace: 170_000n, txHash: PAID_BY, blockHeight: 30 };
  for (const status of ['queued', 'submitted', 'in_block', 'confirmed'] as const) {
    const isPaid = status === 'in_block' || status === 'confirmed';
    const payout = await books.payout({ status, ...(isPaid && fee) });
    const confirmation = status === 'confirmed' ? entriesOfPayoutConfirmation(payout) : [];
    await books.enter([...entriesOfHold(payout), ...confirmation]);
  }
  await books.payout({ status: 'queued', userId: null, booked: false });
  await change(STORE_TRANSACTIONS, [PAID_BY, SPENT, UNSPENT]);
  await change(STORE_ATTEMPTS, [PAID_BY, SPENT, UNSPENT]);
  await change(TELL_CONFIRMED);
  await change(AUDIT);
  await change(WALLET, [SPENT, UNSPENT, PAID_BY]);
  for (const chain of ['ledger', 'audit'] as const) {
    await sealAppended(
      {
        pool: database.pool,
        signal: new AbortController().signal,
        write: (work) => inTransaction(database.pool, (tx) => work(tx, new Date(), null)),
      },
      chain,
      () => undefined,
    );
  }
});

const namesOf = (found: Verification): string[] =>
  [
    found.mismatchCount > 0 ? 'balance' : '',
    found.ledger.count > 0 ? 'ledger' : '',
    found.orphans.count > 0 ? 'orphan' : '',
    found.unfounded.count > 0 ? 'unfounded' : '',
    found.held.count > 0 ? 'held' : '',
    ...found.payouts.shown.map((payout) => payout.problem),
    ...found.seals.changed.shown.map((seal) => `sealed ${seal.chain}`),
    ...found.seals.broken.shown.map((seal) => `seal ${seal.chain}`),
    found.reserves.some((one) => !one.agrees) ? 'reserves' : '',
  ].filter((name) => name !== '');

test('books in which all agrees agree', async () => {
  const found = await verify();
  expect(namesOf(found)).toEqual([]);
  expect(found).toMatchObject({ balances: 3, mismatchCount: 0, totalMismatches: 0 });
  expect(found.entries).toBe(19);
});

test('proves reserves: what users are owed, what the wallets hold, and the rest', async () => {
  const { reserves } = await verify();
  // 55 deposited; confirmed payouts took 5.17, one in a block is on its way with as much.
  expect(reserves[0]).toEqual({
    unit: 'lovelace',
    users: '49830000',
    byPaymentsAndPayouts: '49830000',
    agrees: true,
    inFlight: '5170000',
    owed: '44660000',
    owedByUsers: '0',
    deposits: '55000000',
    hotWallet: '1000000',
    treasury: '11340000',
    shortfall: false,
  });
  expect(reserves[1]).toMatchObject({ unit: TOKEN, owed: '100', deposits: '100', treasury: '0' });
});

test('tells a shortfall, which is no mismatch: money may be in cold storage', async () => {
  await change("update incoming_payments set spent_by = repeat('7', 64), spent_height = 50");
  const { reserves, shortfall, totalMismatches } = await verify();
  expect(reserves.map((one) => [one.shortfall, one.treasury])).toEqual([
    [true, '-43660000'],
    [true, '-100'],
  ]);
  expect(shortfall).toEqual({ units: 2, lovelace: '43660000' });
  expect(totalMismatches).toBe(0);
});

describe('what a hand did by SQL is found and named', () => {
  test.each(CORRUPTIONS)('%s', async (_, text, names) => {
    await change(text);
    const found = await verify();
    expect(namesOf(found).sort()).toEqual([...names].sort());
    expect(found.totalMismatches).toBeGreaterThan(0);
  });

  test('both values are told', async () => {
    await change(
      "update incoming_payments set amount_lovelace = 51000000 where status = 'confirmed'",
    );
    expect((await verify()).ledger).toMatchObject({
      count: 1,
      shown: [
        {
          userId: 'ann',
          unit: 'lovelace',
          bucket: 'available',
          booked: '50000000',
          expected: '51000000',
        },
      ],
    });
    await change("update user_balances set held = 0 where user_id = 'ann' and unit = 'lovelace'");
    expect((await verify()).held.shown).toEqual([
      { userId: 'ann', unit: 'lovelace', held: '0', openPayouts: '15600000' },
    ]);
  });

  test('a digest that another hand changed', async () => {
    await change(
      "insert into sync_state (partition_id, total_partitions, network, started) values (0, 1, 'preprod', true)",
    );
    try {
      const { digests, totalMismatches } = await verify();
      // The hand-made payments were never folded into a digest.
      expect(digests).toMatchObject([{ partitionId: 0, firstDifference: { height: 3 } }]);
      expect(totalMismatches).toBe(1);
      await change("update incoming_payments set assets = jsonb_build_object($1::text, 'lots')", [
        TOKEN,
      ]);
      const [odd] = (await verify()).digests;
      expect(odd).toMatchObject({ partitionId: 0, firstDifference: { height: 3 } });
      expect(odd).not.toEqual(digests[0]);
    } finally {
      await change('delete from sync_state');
    }
  });

  test('lists end somewhere, counts don’t', async () => {
    await change(
      `insert into balance_transactions (user_id, unit, bucket, type, amount, reason, payout_id, payout_turn)
       select 'u' || n, 'lovelace', 'available', 'credit', n, 'payout_released', 'none', n from generate_series(1, 1200) as n`,
    );
    const { ledger, orphans } = await verify();
    expect([ledger.count, ledger.shown.length]).toEqual([1200, 1000]);
    expect([orphans.count, orphans.shown.length]).toEqual([1200, 1000]);
  });
});

describe('rows that no seal covers', () => {
  test('are told of where none is sealed though they are old', async () => {
    expect((await verify()).overdueSealings).toEqual([]);
    await change("update audit_log set created_at = now() - interval '1 hour'");
    await change('delete from seals');
    const { overdueSealings, totalMismatches } = await verify();
    expect(overdueSealings).toMatchObject([
      { chain: 'ledger', areNoneSealed: true },
      { chain: 'audit', areNoneSealed: true },
    ]);
    expect(totalMismatches).toBe(0);
  });

  test('are told of where only what came last isn’t sealed', async () => {
    await change("delete from seals where chain = 'audit'");
    await change(
      `insert into balance_transactions (user_id, unit, bucket, type, amount, reason, created_at)
       values ('bob', 'lovelace', 'available', 'credit', 5, 'goodwill', now() - interval '6 minutes')`,
    );
    const { overdueSealings } = await verify();
    expect(overdueSealings).toMatchObject([{ chain: 'ledger', areNoneSealed: false }]);
  });
});

test('changes nothing and locks nobody out', async () => {
  const writer = await database.pool.connect();
  try {
    await writer.query('begin');
    await writer.query('lock table balance_transactions, user_balances in row exclusive mode');
    await writer.query('update user_balances set available = available + 1');
    expect((await verify()).totalMismatches).toBe(0);
    await writer.query('rollback');
  } finally {
    writer.release();
  }
});

test('tells how far it is, up to the end', async () => {
  const told: (readonly [number, number])[] = [];
  await verifyBooks(database.pool, { onProgress: (done, known) => told.push([done, known]) });
  expect(told.map(([done]) => done)).toEqual(told.map((_, place) => place + 1));
  expect(told.at(-1)?.[0]).toBe(told.at(-1)?.[1]);
  expect(told.length).toBeGreaterThan(8);
});

test('waits for a connection for as long as it takes, where there are few', async () => {
  const few = new pg.Pool({
    connectionString: database.url,
    max: 2,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  const holder = await database.pool.connect();
  try {
    await holder.query('begin');
    await holder.query('lock table balance_transactions, state_digests, seals');
    const verifying = verifyBooks(few);
    await sleep(3 * CONNECT_TIMEOUT_MS);
    await holder.query('rollback');
    expect((await verifying).totalMismatches).toBe(0);
  } finally {
    holder.release();
    await few.end();
  }
});
