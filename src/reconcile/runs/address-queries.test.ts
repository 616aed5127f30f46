import { expect, test } from 'vitest';
import { followedBooks } from '../../../test/support/reconciling.js';
import { outputReference } from '../../chain/block.js';
import { referencesAt, type WalletPast } from './address-queries.js';
import { BEFORE_ALL_OUTPUTS } from './run-progress.js';

const { net, copyBooks } = await followedBooks();

type Row = { tx_hash: string; output_index: number; spent_height: number | null };

test('of the wallet what is spent by now is listed where it was unspent at the height, or where all is wanted', async () => {
  const { pool } = await copyBooks();
  const { rows } = await pool.query<Row>(
    'select tx_hash, output_index, spent_height::int from wallet_outputs order by tx_hash, output_index',
  );
  const all = rows.map((row) => outputReference(row.tx_hash, row.output_index));
  const heights = [...new Set(rows.flatMap((row) => row.spent_height ?? []))];
  expect(heights.length).toBeGreaterThan(2);
  const listed = (ofWallet: WalletPast, height: number) =>
    referencesAt(
      pool,
      0,
      { addresses: [net.chain.faucet], ofWallet, height },
      BEFORE_ALL_OUTPUTS,
      1_000,
    );
  for (const height of heights) {
    const unspent = rows.filter((row) => row.spent_height === null || row.spent_height > height);
    expect(await listed('unspent', height)).toEqual(
      unspent.map((row) => outputReference(row.tx_hash, row.output_index)),
    );
    expect(await listed('all', height)).toEqual(all);
  }
});
