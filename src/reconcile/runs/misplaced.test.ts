import { expect, test } from 'vitest';
import {
  COPIED_TO_PAYMENTS,
  COPIED_TO_WALLET,
  COUNTED,
  HELD,
  MOVED_TO_PAYMENTS,
  MOVED_TO_WALLET,
  ONE,
  SPENT,
  UNFOLLOWED,
  WALLET,
} from '../../../test/support/misplaced-rows.js';
import { CAROL, followedBooks, reconcileFully } from '../../../test/support/reconciling.js';

const { net, copyBooks } = await followedBooks();

/** Books of the same chain that may be spoilt. */
async function books() {
  const database = await copyBooks();
  return database.pool;
}

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
