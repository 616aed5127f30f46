import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { handMadeBooks, hashOf } from '../../../test/support/hand-made-books.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { inTransaction } from '../../database/transaction.js';
import { writeEvents } from '../../payments/ledger-queries.js';
import { type Payout, type PayoutEvent, payoutEvent } from '../../payouts/model/payout.js';
import { toldAmong } from './proven-queries.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(() => database.pool.query('truncate outbox, outbound_payments cascade'));

const TX = hashOf('transaction');

/** A payout, of which something was told before its row became what it is. */
async function toldOf(type: PayoutEvent['type'], row: Partial<Payout>, told: Partial<Payout> = {}) {
  const payout = await handMadeBooks(database.pool).payout({ txHash: TX, ...row });
  const event = payoutEvent(type, { ...payout, ...told });
  await inTransaction(database.pool, (tx) => writeEvents(tx, new Date(), [event]));
  return (await toldAmong(database.pool, [payout.id])).length;
}

describe('the row of a payout is proven by what was told of it', () => {
  test.each([
    ['submitted', 'payout.submitted'],
    ['in_block', 'payout.submitted'],
    ['confirmed', 'payout.confirmed'],
  ] as const)('that it is %s, by %s', async (status, type) => {
    expect(await toldOf(type, { status })).toBe(1);
  });

  test.each(['failed', 'cancelled', 'awaiting_approval', 'queued', 'confirmed'] as const)(
    'a submission doesn’t prove that it is %s',
    async (status) => {
      const booked = status !== 'failed' && status !== 'cancelled';
      expect(await toldOf('payout.submitted', { status, booked })).toBe(0);
    },
  );

  test.each(['failed', 'cancelled', 'queued', 'submitted', 'in_block'] as const)(
    'a confirmation doesn’t prove that it is %s',
    async (status) => {
      const booked = status !== 'failed' && status !== 'cancelled';
      expect(await toldOf('payout.confirmed', { status, booked })).toBe(0);
    },
  );

  test.each([
    ['another amount', { amountLovelace: 1_000_001n }],
    ['another user', { userId: 'eve' }],
    ['other assets', { assets: new Map([[`${'cd'.repeat(28)}01`, 1n]]) }],
    ['another transaction', { txHash: hashOf('another') }],
  ] satisfies [string, Partial<Payout>][])('not by an event of %s', async (_, told) => {
    expect(await toldOf('payout.submitted', { status: 'submitted' }, told)).toBe(0);
  });

  test.each([
    ['another user', '{"userId": "eve"}'],
    ['another destination', '{"destinationAddress": "addr_test1eve"}'],
  ])('not where it was asked for with %s', async (_, details) => {
    const payout = await handMadeBooks(database.pool).payout({ txHash: TX, status: 'submitted' });
    const event = payoutEvent('payout.submitted', payout);
    await inTransaction(database.pool, (tx) => writeEvents(tx, new Date(), [event]));
    expect(await toldAmong(database.pool, [payout.id])).toEqual([payout.id]);
    await database.pool.query(
      'update audit_log set details = details || $2::jsonb where entity_id = $1',
      [payout.id, details],
    );
    expect(await toldAmong(database.pool, [payout.id])).toEqual([]);
  });

  test('not where its hold is denied', async () => {
    expect(await toldOf('payout.submitted', { status: 'submitted', booked: false })).toBe(0);
  });
});
