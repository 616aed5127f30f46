import type { Pool } from 'pg';
import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';

const BEHIND = `
  select p.tx_hash || '#' || p.output_index as reference
    from incoming_payments p
    join (select tx_hash, output_index, max(inclusion) as inclusion
            from balance_transactions where tx_hash is not null and correction_id is null
           group by tx_hash, output_index) b
   using (tx_hash, output_index)
   where p.partition_id = $1 and p.inclusion < b.inclusion`;

/** Payments whose inclusion is below what the ledger has of them; takes long, and locks nothing. */
export const paymentsBehindLedger = async (
  pool: Pool,
  partitionId: number,
): Promise<OutputReference[]> =>
  (await pool.query<{ reference: OutputReference }>(BEHIND, [partitionId])).rows.map(
    ({ reference }) => reference,
  );

// Nothing is behind any more that was healed meanwhile.
const RAISE = `
  with booked as (
    select tx_hash, output_index, max(inclusion) as inclusion
      from balance_transactions
      join unnest($2::text[], $3::int[]) as w (tx_hash, output_index) using (tx_hash, output_index)
     where correction_id is null
     group by tx_hash, output_index
  ), behind as (
    select p.tx_hash, p.output_index, p.inclusion as before, b.inclusion
      from incoming_payments p join booked b using (tx_hash, output_index)
     where p.partition_id = $1 and p.inclusion < b.inclusion
     order by p.tx_hash, p.output_index for update of p
  ), raised as (
    update incoming_payments p set inclusion = b.inclusion
      from behind b where p.tx_hash = b.tx_hash and p.output_index = b.output_index
    returning p.tx_hash, p.output_index, b.before, p.inclusion
  )
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  select 'payment.inclusion_corrected', 'payment', tx_hash || '#' || output_index, $4,
         jsonb_build_object('cause', $6::text, 'before', jsonb_build_object('inclusion', before),
                            'after', jsonb_build_object('inclusion', inclusion)), $5
    from raised`;

/** Who asked for it, and `repair job 3`. */
export type Correcting = {
  readonly partitionId: number;
  readonly actor: string;
  readonly cause: string;
};

/** What blocks book next has keys of its own only where no payment is behind its ledger. */
export const raiseInclusions = (
  tx: Tx,
  at: Date,
  by: Correcting,
  behind: readonly OutputReference[],
): Promise<number> => correct(tx, at, RAISE, by, behind);

const IS_ENDED = `
  p.partition_id = $1 and p.status in ('pending', 'confirmed')
       and exists (select 1 from balance_transactions b
                    where b.tx_hash = p.tx_hash and b.output_index = p.output_index
                      and b.inclusion = p.inclusion and b.correction_id is null
                      and b.reason = 'payment_rolled_back')`;
const ENDED = `select p.tx_hash || '#' || p.output_index as reference from incoming_payments p where ${IS_ENDED}`;

/** Payments that count although the ledger ended their inclusion; takes long, and locks nothing. */
export const paymentsEndedInLedger = async (
  pool: Pool,
  partitionId: number,
): Promise<OutputReference[]> =>
  (await pool.query<{ reference: OutputReference }>(ENDED, [partitionId])).rows.map(
    ({ reference }) => reference,
  );

/** What of a row may change here. */
const SHOWN = `
  jsonb_build_object('status', p.status, 'inclusion', p.inclusion, 'blockHash', p.block_hash,
                     'blockHeight', p.block_height, 'slot', p.slot, 'txPosition', p.tx_position,
                     'countedFrom', p.counted_from, 'spentBy', p.spent_by, 'spentHeight', p.spent_height,
                     'confirmedAt', p.confirmed_at)`;
const END_AGAIN = `
  with ended as (
    select p.tx_hash, p.output_index, ${SHOWN} as before
      from incoming_payments p
      join unnest($2::text[], $3::int[]) as w (tx_hash, output_index) using (tx_hash, output_index)
     where ${IS_ENDED}
     order by p.tx_hash, p.output_index for update of p
  ), corrected as (
    update incoming_payments p
       set status = 'rolled_back', block_hash = null, block_height = null, slot = null, tx_position = null,
           counted_from = null, confirmed_at = null, spent_by = null, spent_height = null
      from ended e where p.tx_hash = e.tx_hash and p.output_index = e.output_index
    returning p.tx_hash, p.output_index, e.before, ${SHOWN} as after
  )
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  select 'payment.rollback_corrected', 'payment', tx_hash || '#' || output_index, $4,
         jsonb_build_object('cause', $6::text, 'before', before, 'after', after), $5
    from corrected`;

/**
 * Payments that count although the ledger ended their inclusion become what the ledger says: rolled back. For
 * where a rollback stumbles over them, so that no node has the books' own block and nothing can be compared;
 * what is on the chain all the same is found once it can be, and comes back by an inclusion of its own.
 */
export const endAgain = (
  tx: Tx,
  at: Date,
  by: Correcting,
  ended: readonly OutputReference[],
): Promise<number> => correct(tx, at, END_AGAIN, by, ended);

/** @returns how many were corrected */
async function correct(
  tx: Tx,
  at: Date,
  statement: string,
  { partitionId, actor, cause }: Correcting,
  references: readonly OutputReference[],
): Promise<number> {
  const parts = references.map((reference) => reference.split('#'));
  const { rowCount } = await tx.query(statement, [
    partitionId,
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
    actor,
    at,
    cause,
  ]);
  return rowCount ?? 0;
}
