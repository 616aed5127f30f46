import { type OutputReference, outputReference } from '../chain/block.js';
import type { Point } from '../chain/point.js';
import type { UnspentOutput } from '../chain/utxo.js';
import type { Queryable, Tx } from '../database/transaction.js';
import { showAssets } from './payment.js';

const IS_BACKFILLED = 'select 1 from wallet_backfills where partition_id = $1 and address = $2';

export const isBackfilled = async (
  db: Queryable,
  partitionId: number,
  address: string,
): Promise<boolean> => (await db.query(IS_BACKFILLED, [partitionId, address])).rows.length > 0;

const DROP_VANISHED = `
  delete from wallet_outputs w
   where w.partition_id = $1 and w.address = $2 and w.block_height is null and w.spent_by is null
     and w.counted_from is null
     and not exists (
       select 1 from unnest($3::text[], $4::int[]) as f (tx_hash, output_index)
        where f.tx_hash = w.tx_hash and f.output_index = w.output_index)`;

/** Rows that a rollback left uncounted, that no block spent and that the ledger doesn't hold: of a chain that lost. */
export const dropVanished = (
  tx: Tx,
  partitionId: number,
  address: string,
  found: readonly UnspentOutput[],
) =>
  tx.query(DROP_VANISHED, [
    partitionId,
    address,
    found.map(({ txHash }) => txHash),
    found.map(({ output }) => output.index),
  ]);

const COUNT_BACKFILLED = `
  insert into wallet_outputs
    (partition_id, counted_from, tx_hash, output_index, address, amount_lovelace, assets, has_script)
  select $1, $2, * from unnest(
    $3::text[], $4::int[], $5::text[], $6::numeric[], $7::jsonb[], $8::boolean[])
  on conflict (tx_hash, output_index) do update set counted_from = excluded.counted_from
   where wallet_outputs.block_height is null and wallet_outputs.counted_from is null
     and wallet_outputs.spent_by is null
  returning tx_hash, output_index`;

/**
 * From that height on they count. Answers which didn't before: what a followed block made is recorded
 * already, with its block.
 */
export async function countBackfilled(
  tx: Tx,
  partitionId: number,
  height: number,
  found: readonly UnspentOutput[],
): Promise<Set<OutputReference>> {
  const { rows } = await tx.query<{ tx_hash: string; output_index: number }>(COUNT_BACKFILLED, [
    partitionId,
    height,
    found.map(({ txHash }) => txHash),
    found.map(({ output }) => output.index),
    found.map(({ output }) => output.address),
    found.map(({ output }) => output.value.lovelace.toString()),
    found.map(({ output }) => JSON.stringify(showAssets(output.value.assets))),
    found.map(({ output }) => output.hasScript),
  ]);
  return new Set(rows.map((row) => outputReference(row.tx_hash, row.output_index)));
}

const FORGET_OTHERS = `
  delete from wallet_backfills where partition_id = $1 and address is distinct from $2`;

/**
 * Blocks are about to be followed without watching any other address as the hot wallet: should one be it
 * once more, it has a past again.
 */
export const forgetOtherWallets = (tx: Tx, partitionId: number, hotWallet: string | null) =>
  tx.query(FORGET_OTHERS, [partitionId, hotWallet]);

const RECORD_BACKFILL = `
  insert into wallet_backfills (partition_id, address, slot, block_hash, block_height, found)
  values ($1, $2, $3, $4, $5, $6)`;

export async function recordBackfill(
  tx: Tx,
  backfill: {
    readonly partitionId: number;
    readonly address: string;
    readonly point: Point;
    readonly height: number;
  },
  found: number,
): Promise<void> {
  const { partitionId, address, point, height } = backfill;
  await tx.query(RECORD_BACKFILL, [partitionId, address, point.slot, point.id, height, found]);
}

const FORGET_ABOVE = 'delete from wallet_backfills where partition_id = $1 and block_height > $2';

export const forgetBackfillsAbove = (tx: Tx, partitionId: number, height: number) =>
  tx.query(FORGET_ABOVE, [partitionId, height]);
