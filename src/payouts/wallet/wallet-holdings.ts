import type { OutputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import { parseAssets } from '../../payments/payment.js';
import { knownUnits } from '../paying/wallet-queries.js';
import { type Holding, type JudgedHolding, judgeHoldings } from './wallet.js';

/** The largest first. */
const HOLDINGS = `
  select w.tx_hash || '#' || w.output_index as reference, w.amount_lovelace as lovelace, w.assets,
         w.has_script, w.block_height::float8 as "blockHeight", r.batch_id as "batchId", b.kind,
         (select t.tx_hash from payout_transactions t where t.batch_id = r.batch_id
           order by t.created_at desc, t.tx_hash limit 1) as "txHash"
    from wallet_outputs w
    left join wallet_reservations r using (tx_hash, output_index)
    left join payout_batches b on b.id = r.batch_id
   where w.address = $1 and w.partition_id = $2 and w.spent_by is null
   order by w.amount_lovelace desc, w.tx_hash, w.output_index`;

type HoldingRow = {
  readonly reference: OutputReference;
  readonly lovelace: string;
  readonly assets: Record<string, string>;
  readonly has_script: boolean;
  readonly blockHeight: number | null;
  readonly batchId: string | null;
  readonly kind: 'payout' | 'fence' | 'tidy' | null;
  readonly txHash: string | null;
};

/** All that the hot wallet holds in blocks, and why not all of it may be spent; the largest first. */
export async function readHoldings(
  db: Queryable,
  address: string,
  partitionId: number,
): Promise<JudgedHolding[]> {
  const { rows } = await db.query<HoldingRow>(HOLDINGS, [address, partitionId]);
  const units = rows.every((row) => Object.keys(row.assets).length === 0)
    ? new Set<string>()
    : await knownUnits(db);
  return judgeHoldings(rows.map(holdingFrom), units);
}

const holdingFrom = (row: HoldingRow): Holding => ({
  reference: row.reference,
  lovelace: BigInt(row.lovelace),
  assets: parseAssets(row.assets),
  hasScript: row.has_script,
  blockHeight: row.blockHeight,
  reserved:
    row.batchId === null || row.kind === null
      ? null
      : { batchId: row.batchId, kind: row.kind, txHash: row.txHash },
});

const BALANCE = `
  select (select coalesce(sum(w.amount_lovelace), 0) from wallet_outputs w
           where w.address = $1 and w.partition_id = $2 and w.spent_by is null) as lovelace
    from sync_state s where s.partition_id = $2 and s.last_block_height is not null`;

/** All that is unspent at the cursor; null while no block was followed, when nobody knows. */
export async function walletBalance(
  db: Queryable,
  address: string,
  partitionId: number,
): Promise<bigint | null> {
  const { rows } = await db.query<{ lovelace: string }>(BALANCE, [address, partitionId]);
  return rows[0] === undefined ? null : BigInt(rows[0].lovelace);
}

/** A slot is a second on every public network. What the wallet pays itself costs its fee. */
const OUTFLOW = `
  select coalesce(sum(t.fee_lovelace), 0) + coalesce(sum(
           (select sum(p.amount_lovelace)
              from payout_attempts a join outbound_payments p on p.id = a.payout_id
             where a.tx_hash = t.tx_hash)), 0) as lovelace
    from payout_transactions t join sync_state s on s.partition_id = $1
   where t.block_height is not null and t.slot > s.last_slot - 86400`;

/** What left the wallet in payouts and fees, in blocks of the last 24 hours before the cursor. */
export const outflowOfDay = async (db: Queryable, partitionId: number): Promise<bigint> =>
  BigInt((await db.query<{ lovelace: string }>(OUTFLOW, [partitionId])).rows[0]?.lovelace ?? 0);
