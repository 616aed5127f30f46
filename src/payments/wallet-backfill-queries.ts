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
     and not exists (
       select 1 from unnest($3::text[], $4::int[]) as f (tx_hash, output_index)
        where f.tx_hash = w.tx_hash and f.output_index = w.output_index)`;

/** Backfilled rows that no block spent and that the ledger doesn't hold: of a chain that lost. */
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

const STORE_BACKFILLED = `
  insert into wallet_outputs
    (partition_id, tx_hash, output_index, address, amount_lovelace, assets, has_script)
  select $1, * from unnest(
    $2::text[], $3::int[], $4::text[], $5::numeric[], $6::jsonb[], $7::boolean[])
  on conflict (tx_hash, output_index) do nothing`;

/** What a followed block made is recorded already, with its block. */
export const storeBackfilled = (tx: Tx, partitionId: number, found: readonly UnspentOutput[]) =>
  tx.query(STORE_BACKFILLED, [
    partitionId,
    found.map(({ txHash }) => txHash),
    found.map(({ output }) => output.index),
    found.map(({ output }) => output.address),
    found.map(({ output }) => output.value.lovelace.toString()),
    found.map(({ output }) => JSON.stringify(showAssets(output.value.assets))),
    found.map(({ output }) => output.hasScript),
  ]);

// Of an address that was the hot wallet before, blocks are no longer watched: should it be the hot
// wallet once more, it has a past again.
const FORGET_OTHERS = 'delete from wallet_backfills where partition_id = $1 and address <> $2';
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
  await tx.query(FORGET_OTHERS, [partitionId, address]);
  await tx.query(RECORD_BACKFILL, [partitionId, address, point.slot, point.id, height, found]);
}

const FORGET_ABOVE = 'delete from wallet_backfills where partition_id = $1 and block_height > $2';

export const forgetBackfillsAbove = (tx: Tx, partitionId: number, height: number) =>
  tx.query(FORGET_ABOVE, [partitionId, height]);
