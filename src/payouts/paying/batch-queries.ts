import type { Queryable, Tx } from '../../database/transaction.js';
import type { AttemptFacts, BatchFacts } from './settle.js';

const OPEN_BATCHES = `
  select b.id, b.kind, b.anchor_tx_hash || '#' || b.anchor_index as anchor,
         exists (select 1 from wallet_outputs w
                  where w.tx_hash = b.anchor_tx_hash and w.output_index = b.anchor_index
                    and w.spent_by is null)
         or exists (select 1 from payout_change c join payout_transactions t using (tx_hash)
                     where c.tx_hash = b.anchor_tx_hash and c.output_index = b.anchor_index
                       and t.block_height is null and t.refused_reason is null
                       and t.invalid_hereafter > $1
                       and not exists (select 1 from payout_transactions n
                                        where n.batch_id = t.batch_id and n.created_at > t.created_at)
                       and not exists (select 1 from payout_transaction_inputs i
                                         join wallet_outputs w on w.tx_hash = i.input_tx_hash
                                                              and w.output_index = i.input_index
                                        where i.tx_hash = t.tx_hash and w.spent_by <> t.tx_hash))
           as anchor_spendable,
         b.kind <> 'payout' or exists (select 1 from outbound_payments p
           where p.batch_id = b.id and p.status in ('queued', 'submitted')) as owes
    from payout_batches b
   where b.released_at is null
     and ((b.kind = 'payout' and b.id in
            (select batch_id from outbound_payments
              where status in ('queued', 'submitted') and batch_id is not null))
       or (b.kind in ('payout', 'tidy') and b.id in
            (select batch_id from payout_transactions where block_height is null)
          and not exists
            (select 1 from payout_transactions t where t.batch_id = b.id and t.block_height is not null)))
   order by b.id`;

const ATTEMPTS = `
  select t.batch_id, t.tx_hash as "txHash", t.invalid_hereafter::float8 as "invalidHereafter",
         t.cbor is not null as "hasBytes", t.refused_reason is not null as refused,
         t.block_height is not null as "inBlock", t.next_submission_at as "nextSubmissionAt",
         t.created_at as "createdAt",
         b.kind <> 'payout' or exists (
           select 1 from payout_attempts a join outbound_payments p on p.id = a.payout_id
            where a.tx_hash = t.tx_hash and p.status in ('queued', 'submitted')) as "paysOpen",
         (select min(w.spent_height) from payout_transaction_inputs i
            join wallet_outputs w on w.tx_hash = i.input_tx_hash and w.output_index = i.input_index
           where i.tx_hash = t.tx_hash and w.spent_by <> t.tx_hash)::float8 as "lostInputHeight",
         exists (select 1 from payout_transaction_inputs i
                  where i.tx_hash = t.tx_hash
                    and not exists (select 1 from wallet_outputs w
                                     where w.tx_hash = i.input_tx_hash and w.output_index = i.input_index)
                    and not exists (select 1 from payout_transactions m
                                     where m.tx_hash = i.input_tx_hash
                                       and (m.block_height is not null
                                            or m.refused_reason is null and m.invalid_hereafter > $2)))
           as "missesInput"
    from payout_transactions t join payout_batches b on b.id = t.batch_id
   where t.batch_id = any($1::bigint[])
   order by t.created_at, t.tx_hash`;

export type OpenBatch = BatchFacts & {
  readonly id: string;
  readonly kind: 'payout' | 'tidy';
  readonly anchor: string;
};

/** Batches with something in them that isn't in a block, oldest first, with all that was ever signed for them. */
export async function openBatches(db: Queryable, slot: number): Promise<OpenBatch[]> {
  type Row = {
    id: string;
    kind: OpenBatch['kind'];
    anchor: string;
    anchor_spendable: boolean;
    owes: boolean;
  };
  const { rows } = await db.query<Row>(OPEN_BATCHES, [slot]);
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const found = await db.query<AttemptFacts & { batch_id: string }>(ATTEMPTS, [ids, slot]);
  return rows.map(({ id, kind, anchor, anchor_spendable: anchorSpendable, owes }) => ({
    id,
    kind,
    anchor,
    owes,
    anchorSpendable,
    attempts: found.rows.filter((attempt) => attempt.batch_id === id),
  }));
}

const LOCK_BATCH = `
  select 1 from payout_batches where id = $1 and released_at is null for update`;
const REQUEUE = `
  update outbound_payments set status = 'queued', updated_at = $2
   where batch_id = $1 and status = 'submitted'`;

/** What was submitted can't come into a block as it is: its payouts wait for another attempt. */
export const requeue = async (tx: Tx, batchId: string, at: Date): Promise<number> => {
  await tx.query(LOCK_BATCH, [batchId]);
  return (await tx.query(REQUEUE, [batchId, at])).rowCount ?? 0;
};

const RELEASE = `
  update payout_batches set released_at = $2, release_reason = $3
   where id = $1 and released_at is null`;
const LET_GO = `
  update outbound_payments
     set status = 'queued', batch_id = null, tx_hash = null, fee_lovelace = null,
         alone = alone or $3, updated_at = $2
   where batch_id = $1 and status in ('queued', 'submitted')
  returning id`;
const FREE = 'delete from wallet_reservations where batch_id = $1';

/**
 * Lets the payouts of a batch go that nothing signed can pay any more. Answers their ids.
 *
 * @param alone each is to be paid by a transaction of its own: one of them may be what was refused
 */
export async function releaseBatch(
  tx: Tx,
  at: Date,
  batchId: string,
  reason: string,
  alone: boolean,
): Promise<string[]> {
  const { rowCount } = await tx.query(RELEASE, [batchId, at, reason]);
  if (rowCount === 0) return [];
  const { rows } = await tx.query<{ id: string }>(LET_GO, [batchId, at, alone]);
  await tx.query(FREE, [batchId]);
  return rows.map((row) => row.id);
}
