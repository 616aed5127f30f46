import type { OutputReference } from '../chain/block.js';
import type { Tx } from '../database/transaction.js';
import type { Spend } from './effects.js';
import type { OutputHit } from './match.js';
import { showAssets } from './payment.js';

const STORE_WALLET_OUTPUTS = `
  insert into wallet_outputs
    (partition_id, tx_hash, output_index, address, amount_lovelace, assets, has_script,
     block_hash, block_height, slot)
  select $1, * from unnest(
    $2::text[], $3::int[], $4::text[], $5::numeric[], $6::jsonb[], $7::boolean[],
    $8::text[], $9::bigint[], $10::bigint[])
  on conflict (tx_hash, output_index) do update
     set block_hash = excluded.block_hash, block_height = excluded.block_height, slot = excluded.slot,
         counted_from = null
   where wallet_outputs.block_height is null and wallet_outputs.partition_id = excluded.partition_id`;

/**
 * Answers how many were stored. One that was backfilled comes in a block after a rollback to before it
 * was made; one that stands in a block already can't come once more, and isn't stored.
 */
export async function storeWalletOutputs(
  tx: Tx,
  partitionId: number,
  hits: readonly OutputHit[],
): Promise<number> {
  const { rowCount } = await tx.query(STORE_WALLET_OUTPUTS, [
    partitionId,
    hits.map((hit) => hit.txHash),
    hits.map((hit) => hit.output.index),
    hits.map((hit) => hit.output.address),
    hits.map((hit) => hit.output.value.lovelace.toString()),
    hits.map((hit) => JSON.stringify(showAssets(hit.output.value.assets))),
    hits.map((hit) => hit.output.hasScript),
    hits.map((hit) => hit.block.block.id),
    hits.map((hit) => hit.block.block.height),
    hits.map((hit) => hit.block.slot),
  ]);
  return rowCount ?? 0;
}

/** Another hand wrote a payment for an output of the wallet, and it was taken back: nothing brings it again. */
export const NOT_THE_WALLETS = `
  not exists (select from wallet_outputs w
               where w.tx_hash = p.tx_hash and w.output_index = p.output_index
                 and coalesce(w.block_height, w.counted_from) is not null)`;

const SPEND_PAYMENTS = `
  update incoming_payments p set spent_by = s.spent_by, spent_height = s.height
    from unnest($1::text[], $2::int[], $3::text[], $4::bigint[]) as s (tx_hash, output_index, spent_by, height)
   where p.tx_hash = s.tx_hash and p.output_index = s.output_index
     and (p.spent_by, p.spent_height) is distinct from (s.spent_by, s.height)
     and (p.status <> 'rolled_back' or ${NOT_THE_WALLETS})
  returning p.tx_hash, p.output_index, p.spent_by, p.spent_height,
            p.status <> 'rolled_back' and coalesce(p.block_height, p.counted_from) is not null as counts`;
const SPEND_WALLET_OUTPUTS = `
  update wallet_outputs p set spent_by = s.spent_by, spent_height = s.height
    from unnest($1::text[], $2::int[], $3::text[], $4::bigint[]) as s (tx_hash, output_index, spent_by, height)
   where p.tx_hash = s.tx_hash and p.output_index = s.output_index
     and (p.spent_by, p.spent_height) is distinct from (s.spent_by, s.height)
  returning p.tx_hash, p.output_index, p.spent_by, p.spent_height,
            coalesce(p.block_height, p.counted_from) is not null as counts`;

/** No ledger output has a larger index; one that is larger is a false hit. */
const OUTPUT_INDEX_MAX = 65_535;

/** References in two parts; without those that no ledger can have. */
export const placesOf = (references: readonly OutputReference[]) =>
  references
    .map((reference) => {
      const [txHash = '', index = ''] = reference.split('#');
      return { txHash, index: Number(index) };
    })
    .filter(({ index }) => index <= OUTPUT_INDEX_MAX);

/** An output that was marked as spent. */
export type MarkedSpend = {
  readonly txHash: string;
  readonly outputIndex: number;
  readonly spentBy: string;
  readonly height: number;
  /** Whether the output is on the chain as the books have it: then its spend is a fact as well. */
  readonly counts: boolean;
};

type SpendRow = {
  tx_hash: string;
  output_index: number;
  spent_by: string;
  spent_height: string;
  counts: boolean;
};

/** Answers what was really changed: most of what is spent was never recorded. */
export async function markSpent(tx: Tx, spends: readonly Spend[]): Promise<MarkedSpend[]> {
  const rows = spends.flatMap((spend) =>
    placesOf([spend.reference]).map((place) => ({ ...spend, ...place })),
  );
  const columns = [
    rows.map((row) => row.txHash),
    rows.map((row) => row.index),
    rows.map((row) => row.spentBy),
    rows.map((row) => row.height),
  ];
  const payments = await tx.query<SpendRow>(SPEND_PAYMENTS, columns);
  const wallet = await tx.query<SpendRow>(SPEND_WALLET_OUTPUTS, columns);
  return [...payments.rows, ...wallet.rows].map((row) => ({
    txHash: row.tx_hash,
    outputIndex: row.output_index,
    spentBy: row.spent_by,
    height: Number(row.spent_height),
    counts: row.counts,
  }));
}

const UNSPEND_PAYMENTS = `
  update incoming_payments set spent_by = null, spent_height = null
   where partition_id = $1 and spent_height > $2`;
const UNSPEND_WALLET_OUTPUTS = `
  update wallet_outputs set spent_by = null, spent_height = null
   where partition_id = $1 and spent_height > $2`;
const DELETE_WALLET_OUTPUTS = `
  delete from wallet_outputs where partition_id = $1 and block_height > $2`;
// Nearly all of them are older than the fork, and the new chain's blocks may spend them before the node
// is asked again: a spend of a row that is gone would never be known.
const UNCOUNT_WALLET_OUTPUTS = `
  update wallet_outputs set counted_from = null where partition_id = $1 and counted_from > $2`;
const ROLL_BACK_PAYMENTS = `
  update incoming_payments
     set status = 'rolled_back', block_hash = null, block_height = null, slot = null,
         tx_position = null, counted_from = null, confirmed_at = null, spent_by = null, spent_height = null
   where partition_id = $1 and (block_height > $2 or counted_from > $2)
     and status in ('pending', 'confirmed', 'ignored')`;

/** Takes chain facts above a height back. Answers how many payments it marked. */
export async function undoAbove(tx: Tx, partitionId: number, height: number): Promise<number> {
  const scope = [partitionId, height];
  await tx.query(UNSPEND_PAYMENTS, scope);
  await tx.query(DELETE_WALLET_OUTPUTS, scope);
  await tx.query(UNSPEND_WALLET_OUTPUTS, scope);
  await tx.query(UNCOUNT_WALLET_OUTPUTS, scope);
  const { rowCount } = await tx.query(ROLL_BACK_PAYMENTS, scope);
  return rowCount ?? 0;
}
