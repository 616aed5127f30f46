import { expect, test } from 'vitest';
import { CAROL, DAVE, followedBooks, reconcileFully } from '../../../test/support/reconciling.js';

const { net, copyBooks } = await followedBooks();

/** Books of the same chain that may be spoilt. */
async function books() {
  const database = await copyBooks();
  return database.pool;
}

const ONE = (where: string): string =>
  `(tx_hash, output_index) = (select tx_hash, output_index from incoming_payments
     where ${where} order by tx_hash, output_index limit 1)`;
const WALLET = (where: string): string =>
  `(tx_hash, output_index) = (select tx_hash, output_index from wallet_outputs
     where ${where} order by tx_hash, output_index limit 1)`;
const HELD = `spent_by is null and status = 'confirmed' and block_height is not null`;
const SPENT = `spent_by is not null and status = 'confirmed' and block_height is not null`;

const COPIED_TO_WALLET = (address: string, where: string): string => `
  insert into wallet_outputs (partition_id, tx_hash, output_index, address, amount_lovelace, assets, block_hash,
                              block_height, slot, counted_from, spent_by, spent_height)
  select partition_id, tx_hash, output_index, ${address}, amount_lovelace, assets, block_hash, block_height,
         slot, counted_from, spent_by, spent_height from incoming_payments p where ${where}`;
const MOVED_TO_WALLET = (where: string): string =>
  `with gone as (delete from incoming_payments where ${where}) ${COPIED_TO_WALLET('address', where)}`;
const COPIED_TO_PAYMENTS = (where: string): string => `
  insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, assets, status,
                                 block_hash, block_height, slot, tx_position, spent_by, spent_height)
  select tx_hash, output_index, '${CAROL}', 'carol', amount_lovelace, assets, 'confirmed', block_hash,
         block_height, slot, 0, spent_by, spent_height from wallet_outputs where ${WALLET(where)}`;
const MOVED_TO_PAYMENTS = (where: string): string =>
  `with gone as (delete from wallet_outputs where ${WALLET(where)}) ${COPIED_TO_PAYMENTS(where)}`;
const UNFOLLOWED = (where: string): string => `
  update incoming_payments set counted_from = block_height, block_height = null, block_hash = null, slot = null,
         tx_position = null where ${where}`;
/** Money made of what Dave's address held before it was registered: row, ledger and balance agree. */
const COUNTED = `
  with booked as (
    insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion)
    select user_id, 'lovelace', 'available', 'credit', amount_lovelace, 'payment_confirmed', tx_hash, output_index,
           inclusion from incoming_payments where address = '${DAVE}' returning user_id, amount
  ), balance as (
    insert into user_balances (user_id, unit, available) select user_id, 'lovelace', amount from booked
  )
  update incoming_payments set status = 'confirmed', confirmed_at = now() where address = '${DAVE}'`;

test.each<[string, string, readonly string[]]>([
  [
    'a payment is moved among the outputs of the wallet',
    MOVED_TO_WALLET(ONE(HELD)),
    ['extra_in_db', 'missing_in_db'],
  ],
  [
    'a spent payment is moved among the outputs of the wallet',
    MOVED_TO_WALLET(ONE(SPENT)),
    ['extra_in_db', 'missing_in_db'],
  ],
  [
    'a payment from before its address was watched is moved among the outputs of the wallet',
    MOVED_TO_WALLET(`address = '${CAROL}'`),
    ['extra_in_db', 'missing_in_db'],
  ],
  [
    'a payment stands among the outputs of the wallet too',
    COPIED_TO_WALLET('p.address', ONE(HELD)),
    ['extra_in_db'],
  ],
  [
    'a payment stands among the outputs of the wallet too, at the wallet’s address',
    COPIED_TO_WALLET('(select address from wallet_backfills)', ONE(SPENT)),
    ['extra_in_db'],
  ],
  [
    'an output of the wallet is moved among the payments',
    MOVED_TO_PAYMENTS('spent_by is null and block_height is not null'),
    ['extra_in_db', 'missing_in_db'],
  ],
  [
    'a spent output of the wallet stands among the payments too',
    COPIED_TO_PAYMENTS('spent_by is not null and block_height is not null'),
    ['extra_in_db'],
  ],
  [
    'an address of the wallet’s output is changed to a payment’s',
    `update wallet_outputs set address = '${CAROL}' where ${WALLET('spent_by is null')}`,
    ['owner_mismatch'],
  ],
  [
    'what was held before its address was watched counts, and its ledger says so',
    COUNTED,
    ['status_mismatch'],
  ],
  [
    'a followed payment is said to have been there before',
    UNFOLLOWED(ONE(HELD)),
    ['status_mismatch'],
  ],
  ['a spent one is said to have been there before', UNFOLLOWED(ONE(SPENT)), ['status_mismatch']],
])('it is found where %s', async (_what, sql, types) => {
  const pool = await books();
  expect((await pool.query(sql)).rowCount).toBeGreaterThan(0);
  const { findings } = await reconcileFully(pool, net);
  expect(findings.map(({ type }) => type).sort()).toEqual(types);
  for (const { type, recorded, onChain, unexplained } of findings) {
    expect([recorded === null, onChain === null]).toEqual([
      type === 'missing_in_db',
      type === 'extra_in_db',
    ]);
    expect(unexplained).toBeNull();
  }
});
