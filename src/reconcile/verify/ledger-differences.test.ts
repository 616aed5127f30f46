import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { handMadeBooks, hashOf, TOKEN } from '../../../test/support/hand-made-books.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import {
  entriesOfConfirmation,
  entriesOfDetection,
  entriesOfRollback,
} from '../../payments/ledger.js';
import type { Payment } from '../../payments/payment.js';
import {
  entriesOfHold,
  entriesOfPayoutConfirmation,
  entriesOfPayoutRollback,
  entriesOfRelease,
} from '../../payouts/model/entries.js';
import type { Payout } from '../../payouts/model/payout.js';
import { LEDGER_DIFFERENCES } from './ledger-differences.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(() =>
  database.pool.query(
    'truncate incoming_payments, outbound_payments, balance_transactions, user_balances cascade',
  ),
);

const books = () => handMadeBooks(database.pool);
const change = (text: string, values: unknown[] = []) => database.pool.query(text, values);
/** [user, unit, bucket, booked, expected] of each difference. */
const differences = async (): Promise<string[][]> => {
  const { rows } = await database.pool.query<Record<string, string>>(LEDGER_DIFFERENCES);
  return rows
    .map((row) =>
      ['user_id', 'unit', 'bucket', 'booked', 'expected'].map((name) => String(row[name])),
    )
    .sort();
};
const ASSETS = new Map([[TOKEN, 2n ** 64n - 1n]]);
const MOST = (2n ** 64n - 1n).toString();

describe('the ledger of payments', () => {
  const life = {
    seen: () => [],
    ignored: () => [],
    pending: (payment: Payment) => entriesOfDetection(payment),
    confirmed: (payment: Payment) => [
      ...entriesOfDetection(payment),
      ...entriesOfConfirmation(payment),
    ],
    rolled_back: (payment: Payment) => [
      ...entriesOfDetection(payment),
      ...entriesOfConfirmation(payment),
      ...entriesOfRollback({ ...payment, status: 'confirmed' }),
    ],
  } as const;
  const write = async (fields: Partial<Payment>): Promise<Payment> => {
    const payment = await books().payment({ assets: ASSETS, ...fields });
    await books().enter(life[payment.status](payment));
    return payment;
  };

  test.each(['seen', 'ignored', 'pending', 'confirmed', 'rolled_back'] as const)(
    'of one that is %s is as its life was',
    async (status) => {
      await write({ status });
      expect(await differences()).toEqual([]);
    },
  );

  test('may hold several inclusions of one output', async () => {
    const first = await write({ status: 'rolled_back' });
    await change("update incoming_payments set status = 'pending', inclusion = 2");
    await books().enter(entriesOfDetection({ ...first, inclusion: 2 }));
    expect(await differences()).toEqual([]);
  });

  test.each([
    [
      'pending',
      [
        ['ann', TOKEN, 'pending', '0', MOST],
        ['ann', 'lovelace', 'pending', '0', '5000000'],
      ],
    ],
    [
      'confirmed',
      [
        ['ann', TOKEN, 'available', '0', MOST],
        ['ann', 'lovelace', 'available', '0', '5000000'],
      ],
    ],
  ] as const)('lacks a %s one without entries, in every unit', async (status, expected) => {
    await books().payment({ status, assets: ASSETS });
    expect(await differences()).toEqual(expected);
  });

  test.each(['seen', 'ignored', 'rolled_back'] as const)(
    'has too much where one that was credited is %s',
    async (status) => {
      await write({ status: 'confirmed', assets: new Map() });
      await change('update incoming_payments set status = $1', [status]);
      expect(await differences()).toEqual([['ann', 'lovelace', 'available', '5000000', '0']]);
    },
  );

  test('shows where the money stands and where it should', async () => {
    await write({ status: 'pending', assets: new Map() });
    await change("update incoming_payments set status = 'confirmed'");
    expect(await differences()).toEqual([
      ['ann', 'lovelace', 'available', '0', '5000000'],
      ['ann', 'lovelace', 'pending', '5000000', '0'],
    ]);
  });

  test('shows who was credited and who should have been', async () => {
    await write({ status: 'confirmed', assets: new Map() });
    await change("update incoming_payments set user_id = 'bob'");
    expect(await differences()).toEqual([
      ['ann', 'lovelace', 'available', '5000000', '0'],
      ['bob', 'lovelace', 'available', '0', '5000000'],
    ]);
  });

  test('tells its corrections from its errors', async () => {
    await write({ status: 'confirmed', assets: new Map() });
    await change('update incoming_payments set amount_lovelace = 5000001');
    expect(await differences()).toEqual([['ann', 'lovelace', 'available', '5000000', '5000001']]);
    await change(
      `insert into balance_transactions
         (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion, correction_id)
       select user_id, 'lovelace', 'available', 'credit', 1, 'correction', tx_hash, output_index, 1,
              nextval('correction_ids') from incoming_payments`,
    );
    expect(await differences()).toEqual([]);
  });

  test('is judged though a stored quantity can’t be read', async () => {
    await write({ status: 'confirmed' });
    await change(`update incoming_payments set assets = jsonb_build_object($1::text, 'many')`, [
      TOKEN,
    ]);
    expect(await differences()).toEqual([['ann', TOKEN, 'available', MOST, '0']]);
  });

  test('names the payment, with the inclusion that it has now', async () => {
    const { txHash } = await write({ status: 'rolled_back', assets: new Map() });
    await change("update incoming_payments set status = 'confirmed', inclusion = 3");
    const { rows } = await change(LEDGER_DIFFERENCES);
    expect(rows).toMatchObject([
      { tx_hash: txHash, output_index: 0, inclusion: 3, payout_id: null, payout_turn: null },
    ]);
  });

  test('has too much of a payment that doesn’t exist', async () => {
    const { txHash } = await write({ status: 'pending', assets: new Map() });
    await change('delete from incoming_payments');
    const { rows } = await change(LEDGER_DIFFERENCES);
    expect(rows).toMatchObject([
      { tx_hash: txHash, inclusion: 1, booked: '5000000', expected: '0' },
    ]);
  });
});

describe('the ledger of payouts', () => {
  const FEE = { heldFee: 200_000n, feeLovelace: 170_000n };
  const write = async (
    fields: Partial<Payout>,
    entries: (payout: Payout) => ReturnType<typeof entriesOfHold>,
  ): Promise<Payout> => {
    const payout = await books().payout({ ...FEE, assets: ASSETS, ...fields });
    await books().enter(entries(payout));
    return payout;
  };
  const held = (payout: Payout) => entriesOfHold(payout);
  const released = (payout: Payout) => [...entriesOfHold(payout), ...entriesOfRelease(payout)];
  const paid = (payout: Payout) => [
    ...entriesOfHold(payout),
    ...entriesOfPayoutConfirmation(payout),
  ];

  test.each([
    ['awaiting_approval', true, held],
    ['queued', true, held],
    ['submitted', true, held],
    ['in_block', true, held],
    ['confirmed', true, paid],
    ['failed', false, released],
    ['cancelled', false, released],
  ] as const)('of one that is %s is as its life was', async (status, booked, entries) => {
    await write({ status, booked }, entries);
    expect(await differences()).toEqual([]);
  });

  test.each([
    ['less than was held', { heldFee: 200_000n, feeLovelace: 170_000n }],
    ['more than was held', { heldFee: 200_000n, feeLovelace: 210_000n }],
    ['unknown', { heldFee: 200_000n, feeLovelace: null }],
    ['the treasury’s', { heldFee: 0n, feeLovelace: 170_000n }],
  ])('takes a fee that is %s as the program does', async (_, fees) => {
    await write({ status: 'confirmed', ...fees }, paid);
    expect(await differences()).toEqual([]);
  });

  test('may hold several turns of one payout', async () => {
    const before = await write({ status: 'confirmed' }, paid);
    await change("update outbound_payments set status = 'submitted', turn = 1");
    await books().enter(entriesOfPayoutRollback(before));
    expect(await differences()).toEqual([]);
    await change("update outbound_payments set status = 'confirmed'");
    await books().enter(entriesOfPayoutConfirmation({ ...before, turn: 1 }));
    expect(await differences()).toEqual([]);
  });

  test('expects nothing of the treasury’s payouts, nor of one that nobody has claimed', async () => {
    await books().payout({ userId: null, booked: false, status: 'queued' });
    await books().payout({ userId: null, booked: false, adopted: true, status: 'in_block' });
    expect(await differences()).toEqual([]);
  });

  test('lacks an accepted one without entries', async () => {
    const payout = await write({ status: 'queued', turn: 2 }, () => []);
    const taken = (payout.amountLovelace + FEE.heldFee).toString();
    expect(await differences()).toEqual([
      ['ann', TOKEN, 'available', '0', `-${MOST}`],
      ['ann', TOKEN, 'held', '0', MOST],
      ['ann', 'lovelace', 'available', '0', `-${taken}`],
      ['ann', 'lovelace', 'held', '0', taken],
    ]);
    const { rows } = await change(LEDGER_DIFFERENCES);
    expect(rows[0]).toMatchObject({ payout_id: payout.id, payout_turn: 2, tx_hash: null });
  });

  test('lacks the confirmation of one that is confirmed', async () => {
    const payout = await write({ status: 'confirmed', assets: new Map() }, held);
    const taken = payout.amountLovelace + FEE.heldFee;
    expect(await differences()).toEqual([
      ['ann', 'lovelace', 'available', `-${taken}`, `-${payout.amountLovelace + 170_000n}`],
      ['ann', 'lovelace', 'held', taken.toString(), '0'],
    ]);
  });

  test.each(['failed', 'cancelled'] as const)(
    'holds too much where one that ended as %s wasn’t released',
    async (status) => {
      const payout = await write({ status, booked: false, assets: new Map() }, held);
      const taken = payout.amountLovelace + FEE.heldFee;
      expect(await differences()).toEqual([
        ['ann', 'lovelace', 'available', `-${taken}`, '0'],
        ['ann', 'lovelace', 'held', taken.toString(), '0'],
      ]);
    },
  );
});

test('entries without a cause are people’s', async () => {
  await change(
    `insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
     values ('ann', 'lovelace', 'available', 'credit', 5, 'goodwill')`,
  );
  expect(await differences()).toEqual([]);
});

test('an entry of a payment and a payout at once is no cause that there is', async () => {
  await change(
    `insert into balance_transactions
       (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion, payout_id, payout_turn)
     values ('ann', 'lovelace', 'available', 'credit', 5, 'odd', $1, 0, 1, 'p', 0)`,
    [hashOf('odd')],
  );
  expect(await differences()).toEqual([['ann', 'lovelace', 'available', '5', '0']]);
});
