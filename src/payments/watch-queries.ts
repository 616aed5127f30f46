import { SECURITY_PARAMETER_BLOCKS } from '../chain/point.js';
import type { Queryable, Tx } from '../database/transaction.js';
import type { Owner } from './effects.js';

const LAST_WATCH_ID = 'select coalesce(max(watch_id), 0) as last from payment_addresses';

/** Only meaningful while the registration lock is held: then no lower id can still appear. */
export async function lastWatchId(tx: Tx): Promise<bigint> {
  const { rows } = await tx.query<{ last: string }>(LAST_WATCH_ID);
  return BigInt(rows[0]?.last ?? 0);
}

const ADDRESSES_BETWEEN = `
  select watch_id, address from payment_addresses
   where partition_id = $1 and watch_id > $2 and watch_id <= $3
   order by watch_id limit $4`;

export async function addressesBetween(
  db: Queryable,
  partitionId: number,
  after: bigint,
  upTo: bigint,
  limit: number,
): Promise<{ watchId: bigint; address: string }[]> {
  const { rows } = await db.query<{ watch_id: string; address: string }>(ADDRESSES_BETWEEN, [
    partitionId,
    after.toString(),
    upTo.toString(),
    limit,
  ]);
  return rows.map((row) => ({ watchId: BigInt(row.watch_id), address: row.address }));
}

/** By headers where any is kept: another hand may have raised the cursor, and the term goes on once it is found again. */
const DEEP = `(
  coalesce((select max(height) from blocks where partition_id = $1),
           (select last_block_height from sync_state where partition_id = $1), 0) - $5)`;

/**
 * Without what was spent so deep that no rollback within k brings it back: nothing on any chain spends
 * it again. With what is rolled back: a spend may be all that tells of its coming back.
 * Spent is what names who spent it.
 */
const PAYMENTS_AFTER = `
  select tx_hash, output_index from incoming_payments
   where partition_id = $1 and (tx_hash, output_index) > ($2, $3)
     and (spent_by is null or spent_height is null or spent_height > ${DEEP})
   order by tx_hash, output_index limit $4`;
const WALLET_OUTPUTS_AFTER = `
  select tx_hash, output_index from wallet_outputs
   where partition_id = $1 and (tx_hash, output_index) > ($2, $3)
     and (spent_height is null or spent_height > ${DEEP})
   order by tx_hash, output_index limit $4`;

type RecordedPage = readonly { readonly txHash: string; readonly index: number }[];

/** References of what is recorded and can still be spent, on this chain or after a rollback, in pages. */
export async function* recordedOutputs(
  db: Queryable,
  partitionId: number,
  pageRows: number,
): AsyncGenerator<RecordedPage> {
  for (const query of [PAYMENTS_AFTER, WALLET_OUTPUTS_AFTER]) {
    let after = { txHash: '', index: -1 };
    for (;;) {
      const { rows } = await db.query<{ tx_hash: string; output_index: number }>(query, [
        partitionId,
        after.txHash,
        after.index,
        pageRows,
        SECURITY_PARAMETER_BLOCKS,
      ]);
      const page = rows.map((row) => ({ txHash: row.tx_hash, index: row.output_index }));
      yield page;
      const last = page.at(-1);
      if (last === undefined || page.length < pageRows) break;
      after = last;
    }
  }
}

const OWNERS = `
  select address, user_id, reference_type, reference_id from payment_addresses
   where address = any($1::text[])`;

export async function ownersOf(tx: Tx, addresses: readonly string[]): Promise<Map<string, Owner>> {
  const { rows } = await tx.query<{
    address: string;
    user_id: string;
    reference_type: string | null;
    reference_id: string | null;
  }>(OWNERS, [addresses]);
  return new Map(
    rows.map((row) => [
      row.address,
      {
        address: row.address,
        userId: row.user_id,
        referenceType: row.reference_type,
        referenceId: row.reference_id,
      },
    ]),
  );
}
