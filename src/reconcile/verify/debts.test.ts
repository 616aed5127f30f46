import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { handMadeBooks, hashOf, TOKEN } from '../../../test/support/hand-made-books.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { entriesOfConfirmation, entriesOfDetection } from '../../payments/ledger.js';
import { entriesOfHold } from '../../payouts/model/entries.js';
import { verifyBooks } from './verify-books.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const ADA = 1_000_000n;
const change = (text: string, values: unknown[] = []) => database.pool.query(text, values);
const books = () => handMadeBooks(database.pool);
const ENTER = `
  insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
  values ($1, $2, 'available', case when $3::numeric < 0 then 'debit' else 'credit' end, abs($3::numeric), 'by hand')`;
const BALANCE = `
  insert into user_balances (user_id, unit, available) values ($1, $2, $3)
  on conflict (user_id, unit) do update set available = user_balances.available + excluded.available`;

async function deposit(userId: string, amountLovelace: bigint): Promise<void> {
  const payment = await books().payment({ status: 'confirmed', userId, amountLovelace });
  await books().enter([...entriesOfDetection(payment), ...entriesOfConfirmation(payment)]);
}

async function enter(userId: string, amount: bigint, unit = 'lovelace'): Promise<void> {
  await change(ENTER, [userId, unit, amount.toString()]);
  await change(BALANCE, [userId, unit, amount.toString()]);
}

/** A payout of mallory, who has nothing. */
async function payOut(status: 'queued' | 'in_block', lovelace: bigint): Promise<void> {
  const sent = { feeLovelace: 0n, txHash: hashOf('sent'), blockHeight: 30 };
  const payout = await books().payout({
    userId: 'mallory',
    status,
    amountLovelace: lovelace,
    heldFee: 0n,
    ...(status === 'in_block' && sent),
  });
  await books().enter(entriesOfHold(payout));
}

const reserveOf = async (unit: string) => {
  const { reserves, shortfall } = await verifyBooks(database.pool);
  return { ...reserves.find((one) => one.unit === unit), shortfall };
};

beforeEach(async () => {
  await change(
    'truncate incoming_payments, outbound_payments, balance_transactions, user_balances cascade',
  );
  await deposit('ann', 400n * ADA);
  await deposit('bob', 200n * ADA);
});

describe('what a user owes', () => {
  test('isn’t taken off what others are owed', async () => {
    await enter('mallory', -399n * ADA);
    await change('update incoming_payments set amount_lovelace = amount_lovelace - 199500000');
    expect(await reserveOf('lovelace')).toMatchObject({
      users: '201000000',
      owed: '600000000',
      owedByUsers: '399000000',
      deposits: '201000000',
      treasury: '-399000000',
      shortfall: { units: 1, lovelace: '399000000' },
    });
  });

  test('is nothing where nobody is below zero', async () => {
    expect(await reserveOf('lovelace')).toMatchObject({
      users: '600000000',
      owed: '600000000',
      owedByUsers: '0',
      treasury: '0',
      shortfall: { units: 0, lovelace: '0' },
    });
  });

  test.each([
    ['queued', '0', '600000000', '0'],
    ['in_block', '399000000', '600000000', '399000000'],
  ] as const)('counts as soon as a payout is %s', async (status, inFlight, owed, owedByUsers) => {
    await payOut(status, 399n * ADA);
    expect(await reserveOf('lovelace')).toMatchObject({
      users: '600000000',
      inFlight,
      owed,
      owedByUsers,
    });
  });

  test('counts also where the balance of a payout in flight is gone', async () => {
    await payOut('in_block', 7n * ADA);
    await change("delete from user_balances where user_id = 'mallory'");
    expect(await reserveOf('lovelace')).toMatchObject({
      owed: '600000000',
      owedByUsers: '7000000',
    });
  });

  test('is less by what they have pending, and each of many counts for itself', async () => {
    await enter('carl', -5n * ADA);
    await books().enter(
      entriesOfDetection(
        await books().payment({ status: 'pending', userId: 'carl', amountLovelace: 3n * ADA }),
      ),
    );
    await enter('dora', -4n * ADA);
    await deposit('dora', 6n * ADA);
    await enter('mallory', -1n * ADA);
    expect(await reserveOf('lovelace')).toMatchObject({
      owed: '602000000',
      owedByUsers: '3000000',
    });
  });

  test('is told of each unit', async () => {
    await enter('ann', 10n, TOKEN);
    await enter('bob', -4n, TOKEN);
    expect(await reserveOf(TOKEN)).toMatchObject({
      users: '6',
      owed: '10',
      owedByUsers: '4',
      treasury: '-10',
    });
    expect(await reserveOf('lovelace')).toMatchObject({ owedByUsers: '0' });
  });
});
