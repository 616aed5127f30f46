import type { Queryable } from '../../database/transaction.js';
import { parseAssets } from '../payment.js';
import type { Fact } from './facts.js';

/** A fact and the block that it belongs to. */
export type PlacedFact = { readonly height: number; readonly fact: Fact };

/** Heights from which (exclusive) and up to which facts are read. */
export type Heights = { readonly above: number; readonly upTo: number };

const PAYMENTS_IN_BLOCKS = `
  select block_height as height, tx_hash, output_index, address, amount_lovelace, assets, block_hash, slot
    from incoming_payments
   where partition_id = $1 and block_height >= $2 and block_height <= $5
     and (block_height, tx_hash, output_index) > ($2::bigint, $3::text, $4::int)
     and status <> 'rolled_back'
   order by block_height, tx_hash, output_index limit $6`;
const PAYMENTS_BEFORE = `
  select counted_from as height, tx_hash, output_index, address, amount_lovelace, assets,
         null as block_hash, null as slot
    from incoming_payments
   where partition_id = $1 and counted_from >= $2 and counted_from <= $5
     and (counted_from, tx_hash, output_index) > ($2::bigint, $3::text, $4::int)
     and status <> 'rolled_back' and block_height is null
   order by counted_from, tx_hash, output_index limit $6`;
const WALLET_IN_BLOCKS = `
  select block_height as height, tx_hash, output_index, address, amount_lovelace, assets, block_hash, slot
    from wallet_outputs
   where partition_id = $1 and block_height >= $2 and block_height <= $5
     and (block_height, tx_hash, output_index) > ($2::bigint, $3::text, $4::int)
   order by block_height, tx_hash, output_index limit $6`;
const WALLET_BEFORE = `
  select counted_from as height, tx_hash, output_index, address, amount_lovelace, assets,
         null as block_hash, null as slot
    from wallet_outputs
   where partition_id = $1 and counted_from >= $2 and counted_from <= $5
     and (counted_from, tx_hash, output_index) > ($2::bigint, $3::text, $4::int)
     and block_height is null
   order by counted_from, tx_hash, output_index limit $6`;
const PAYMENT_SPENDS = `
  select spent_height as height, tx_hash, output_index, spent_by
    from incoming_payments
   where partition_id = $1 and spent_height >= $2 and spent_height <= $5
     and (spent_height, tx_hash, output_index) > ($2::bigint, $3::text, $4::int)
     and status <> 'rolled_back' and (block_height is not null or counted_from is not null)
   order by spent_height, tx_hash, output_index limit $6`;
const WALLET_SPENDS = `
  select spent_height as height, tx_hash, output_index, spent_by
    from wallet_outputs
   where partition_id = $1 and spent_height >= $2 and spent_height <= $5
     and (spent_height, tx_hash, output_index) > ($2::bigint, $3::text, $4::int)
     and (block_height is not null or counted_from is not null)
   order by spent_height, tx_hash, output_index limit $6`;

type Placed = { height: string; tx_hash: string; output_index: number };
type OutputRow = Placed & {
  address: string;
  amount_lovelace: string;
  assets: Record<string, string>;
  block_hash: string | null;
  slot: string | null;
};
type SpendRow = Placed & { spent_by: string };
type FactRow = OutputRow | SpendRow;

/** All that is folded into the digest, as the live tables have it: each source in the order of heights. */
export const factSources = (
  db: Queryable,
  partitionId: number,
  heights: Heights,
): AsyncGenerator<PlacedFact[], void, void>[] => [
  pages(db, PAYMENTS_IN_BLOCKS, partitionId, heights),
  pages(db, PAYMENTS_BEFORE, partitionId, heights),
  pages(db, WALLET_IN_BLOCKS, partitionId, heights),
  pages(db, WALLET_BEFORE, partitionId, heights),
  pages(db, PAYMENT_SPENDS, partitionId, heights),
  pages(db, WALLET_SPENDS, partitionId, heights),
];

/** Some 10 MB at a time for each source. */
const PAGE_ROWS = 10_000;
const AFTER_ALL_HASHES = 'g';

async function* pages(
  db: Queryable,
  query: string,
  partitionId: number,
  { above, upTo }: Heights,
): AsyncGenerator<PlacedFact[], void, void> {
  let after: Placed = { height: String(above), tx_hash: AFTER_ALL_HASHES, output_index: 0 };
  for (;;) {
    const values = [partitionId, after.height, after.tx_hash, after.output_index, upTo, PAGE_ROWS];
    const { rows } = await db.query<FactRow>(query, values);
    yield rows.map((row) => ({ height: Number(row.height), fact: factFrom(row) }));
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) return;
    after = last;
  }
}

function factFrom(row: FactRow): Fact {
  const { tx_hash: txHash, output_index: outputIndex } = row;
  if ('spent_by' in row) return { type: 'spend', txHash, outputIndex, spentBy: row.spent_by };
  return {
    type: 'output',
    txHash,
    outputIndex,
    address: row.address,
    lovelace: BigInt(row.amount_lovelace),
    assets: parseAssets(row.assets),
    block: row.block_hash === null ? null : { hash: row.block_hash, slot: Number(row.slot) },
  };
}
