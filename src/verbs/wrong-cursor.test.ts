import { beforeEach, expect, test } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import { booksOf, emptyBooks } from '../../test/support/rebuilding.js';
import { tellerInTests } from '../../test/support/teller.js';
import { paidBooks } from '../../test/support/verbs-books.js';
import { beginTerm } from '../sync/queries.js';

const { under, teller } = tellerInTests();
const ANN = enterpriseAddress(1);
beforeEach(() => emptyBooks(under.database.pool));

/** Books of a chain that nobody follows any more. */
async function leftBooks() {
  const { pool, worker } = await paidBooks(under, { address: ANN, lovelace: [5_000_000n] });
  await worker.stop();
  return pool;
}

test.each([
  [
    'set to the origin',
    'update sync_state set last_block_hash = null, last_slot = null, last_block_height = null',
    'the cursor is the origin, and the highest of blocks is ',
  ],
  [
    'raised by one',
    'update sync_state set last_block_height = last_block_height + 1',
    'and the highest of blocks is ',
  ],
  [
    'raised beyond all heights',
    'update sync_state set last_block_height = 9223372036854775807',
    "the cursor's height is 9223372036854775807",
  ],
  [
    'deleted',
    'delete from blocks; delete from sync_state',
    'there is no cursor, and blocks up to ',
  ],
  [
    'set back with its headers',
    `update sync_state set (last_slot, last_block_hash, last_block_height) =
       (select slot, hash, height from blocks
         where height < (select max(block_height) from incoming_payments) order by height desc limit 1);
     delete from blocks where height > (select last_block_height from sync_state)`,
    ', and outputs and state digest of block ',
  ],
])(
  'where the cursor was %s, one line says so, and nobody leads by it',
  async (_what, sql, told) => {
    const pool = await leftBooks();
    await pool.query(sql);
    const before = await booksOf(pool);
    for (const words of [
      ['reconcile'],
      ['reconcile', '--repair'],
      ['rebuild', '--from', 'origin', '--dry-run'],
      ['rebuild', '--from', 'origin'],
    ]) {
      const { exitCode, out, err } = await teller(words);
      expect({ words, exitCode, out }).toEqual({ words, exitCode: 1, out: '' });
      expect(err).toContain('teller: another hand changed sync_state or blocks: ');
      expect(err).toContain(told);
      expect(err.trimEnd().split('\n')).toHaveLength(1);
    }
    expect(await booksOf(pool)).toEqual(before);
    const left = await pool.query(
      'select 1 from chain_jobs union all select 1 from reconciliation_runs',
    );
    expect(left.rows).toEqual([]);
    // Whoever begins to lead puts back a row that was deleted, and it says nothing of blocks.
    await beginTerm(pool, 0, 1, 'custom:42');
    for (const words of [
      ['digest', '--check'],
      ['balance', 'verify'],
    ]) {
      const { exitCode, out, err } = await teller(words);
      expect({ words, exitCode, err }).toEqual({ words, exitCode: 3, err: '' });
      expect(out).toMatch(
        /^another hand changed sync_state or blocks: .*teller (?:run|restore FILE)`/m,
      );
      expect(out).toContain(told);
      expect(out).not.toContain('--repair');
    }
  },
);

test('where nobody follows and the node went to another chain, one line says what to do', async () => {
  const { pool, worker, net } = await paidBooks(under, { address: ANN, lovelace: [5_000_000n] });
  await worker.stop();
  net.fork(2);
  const before = await booksOf(pool);
  const { exitCode, out, err } = await teller(['reconcile']);
  expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
  expect(err).toMatch(
    /^teller: the last block of the books, [0-9a-f]{64} at height \d+, is no longer on/m,
  );
  expect(err).toContain('start `teller run`, which rolls it back');
  expect(err).not.toContain('    at ');
  expect(await booksOf(pool)).toEqual(before);
});
