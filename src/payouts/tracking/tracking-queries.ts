import type { Queryable, Tx } from '../../database/transaction.js';
import type { Payout } from '../model/payout.js';
import { PAYOUT_COLUMNS, type PayoutRow, payoutFrom } from '../model/payout-row.js';

const WALLET_SPENDS = `
  select distinct spent_by, spent_height from wallet_outputs
   where partition_id = $1 and spent_height between $2 and $3
   order by spent_height, spent_by`;

/** Transactions of these blocks that spent outputs of the hot wallet: ours, or somebody has its key. */
export async function walletSpends(
  tx: Tx,
  partitionId: number,
  fromHeight: number,
  toHeight: number,
): Promise<string[]> {
  const { rows } = await tx.query<{ spent_by: string }>(WALLET_SPENDS, [
    partitionId,
    fromHeight,
    toHeight,
  ]);
  return rows.map((row) => row.spent_by);
}

const KNOWN = 'select tx_hash from payout_transactions where tx_hash = any($1::text[])';

export const knownTransactions = async (
  tx: Tx,
  hashes: readonly string[],
): Promise<ReadonlySet<string>> =>
  new Set((await tx.query<{ tx_hash: string }>(KNOWN, [hashes])).rows.map((row) => row.tx_hash));

const INCLUDE = `
  update payout_transactions t set block_hash = b.hash, block_height = b.height, slot = b.slot
    from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) as b (tx_hash, hash, height, slot)
   where t.tx_hash = b.tx_hash`;

/** Where a transaction is. */
export type Inclusion = {
  readonly txHash: string;
  readonly blockHash: string;
  readonly height: number;
  readonly slot: number;
};

export const includeTransactions = (tx: Tx, included: readonly Inclusion[]) =>
  tx.query(INCLUDE, [
    included.map((one) => one.txHash),
    included.map((one) => one.blockHash),
    included.map((one) => one.height),
    included.map((one) => one.slot),
  ]);

const PAID_BY = `
  select ${PAYOUT_COLUMNS}, a.tx_hash as paid_by, a.fee_share
    from payout_attempts a join outbound_payments p on p.id = a.payout_id
   where a.tx_hash = any($1::text[])
   order by p.id for update of p`;

/** A payout, and the transaction of these blocks that pays it. */
export type PaidBy = {
  readonly payout: Payout;
  readonly paidBy: string;
  readonly feeShare: bigint;
};

export async function payoutsPaidBy(tx: Tx, hashes: readonly string[]): Promise<PaidBy[]> {
  const { rows } = await tx.query<PayoutRow & { paid_by: string; fee_share: string }>(PAID_BY, [
    hashes,
  ]);
  return rows.map(paidByFrom);
}

const paidByFrom = (row: PayoutRow & { paid_by: string; fee_share: string }): PaidBy => ({
  payout: payoutFrom(row),
  paidBy: row.paid_by,
  feeShare: BigInt(row.fee_share),
});

const STILL_PAID = `
  select ${PAYOUT_COLUMNS}, a.tx_hash as paid_by, a.fee_share, t.block_hash, t.block_height::float8 as height,
         t.slot::float8 as slot
    from payout_attempts a
    join outbound_payments p on p.id = a.payout_id
    join payout_transactions t on t.tx_hash = a.tx_hash
   where p.id = any($1::text[]) and t.block_height is not null
   order by p.id for update of p`;

/** Of payouts that a rollback took back, those that yet another transaction in a block pays. */
export async function payoutsStillPaid(
  tx: Tx,
  ids: readonly string[],
): Promise<{ paid: PaidBy[]; where: Map<string, Inclusion> }> {
  type Row = PayoutRow & {
    paid_by: string;
    fee_share: string;
    block_hash: string;
    height: number;
    slot: number;
  };
  const { rows } = await tx.query<Row>(STILL_PAID, [ids]);
  return {
    paid: rows.map(paidByFrom),
    where: new Map(
      rows.map(({ paid_by: txHash, block_hash: blockHash, height, slot }) => [
        txHash,
        { txHash, blockHash, height, slot },
      ]),
    ),
  };
}

const REOPEN = `
  update payout_batches b set released_at = null, release_reason = null
    from payout_transactions t join outbound_payments p on p.tx_hash = t.tx_hash
   where p.id = any($1::text[]) and b.id = t.batch_id and b.released_at is not null
     and not exists (select 1 from payout_batches o
                      where o.kind = 'payout' and o.released_at is null
                        and o.anchor_tx_hash = b.anchor_tx_hash and o.anchor_index = b.anchor_index)`;
const REBIND = `
  update outbound_payments p set batch_id = o.id
    from payout_transactions t join payout_batches b on b.id = t.batch_id
    join payout_batches o on o.anchor_tx_hash = b.anchor_tx_hash and o.anchor_index = b.anchor_index
                         and o.kind = 'payout' and o.released_at is null
   where p.id = any($1::text[]) and t.tx_hash = p.tx_hash and p.batch_id is distinct from o.id`;

/** What is to be paid again is bound to the anchor of what had paid it, also where that was let go. */
export async function rebind(tx: Tx, ids: readonly string[]): Promise<void> {
  await tx.query(REOPEN, [ids]);
  await tx.query(REBIND, [ids]);
}

const DUE = `
  select ${PAYOUT_COLUMNS} from outbound_payments p
   where p.status = 'in_block' and p.block_height <= $1
     and not exists (select 1 from chain_guard where held_at is not null)
   order by p.id for update of p`;

/** Deep enough to be confirmed; none while the chain can't be relied on. */
export const payoutsDue = async (tx: Tx, upToHeight: number): Promise<Payout[]> =>
  (await tx.query<PayoutRow>(DUE, [upToHeight])).rows.map(payoutFrom);

const ABOVE = `
  select ${PAYOUT_COLUMNS} from outbound_payments p
   where p.status in ('in_block', 'confirmed') and p.block_height > $1
   order by p.id for update`;

export const payoutsAbove = async (tx: Tx, height: number): Promise<Payout[]> =>
  (await tx.query<PayoutRow>(ABOVE, [height])).rows.map(payoutFrom);

const EXCLUDE = `
  update payout_transactions
     set block_hash = null, block_height = null, slot = null, next_submission_at = $2
   where block_height > $1`;

export const excludeTransactionsAbove = (tx: Tx, height: number, at: Date) =>
  tx.query(EXCLUDE, [height, at]);

const FREE_UNSPENT = `
  delete from wallet_reservations r using payout_transactions t
   where t.tx_hash = any($1::text[]) and r.batch_id = t.batch_id
     and not exists (select 1 from payout_transaction_inputs i
                      where i.tx_hash = t.tx_hash and i.input_tx_hash = r.tx_hash
                        and i.input_index = r.output_index)`;

/** What another attempt would have spent is free again; what these spent stays theirs, should they be rolled back. */
export const freeUnspent = (tx: Tx, confirmed: readonly string[]) =>
  tx.query(FREE_UNSPENT, [confirmed]);

const SIGNED = 'select exists (select 1 from payout_transactions where not adopted) as known';

/** Whether anything was ever paid from here: before that, whoever spent from the wallet was its owner. */
export const hasPaidOut = async (tx: Queryable): Promise<boolean> =>
  (await tx.query<{ known: boolean }>(SIGNED)).rows[0]?.known === true;
