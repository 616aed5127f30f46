import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';

const LOST = `
  with lost as (
    select w.tx_hash, w.output_index from unnest($2::text[], $3::int[]) as w (tx_hash, output_index)
     where not exists (select 1 from incoming_payments p
                        where p.tx_hash = w.tx_hash and p.output_index = w.output_index)
  ), told as (
    select l.tx_hash, l.output_index, o.data
      from lost l
      join lateral (select data from outbox o
                     where o.event_key = any (array[
                             'payment.detected:' || l.tx_hash || '#' || l.output_index || ':1',
                             'payment.detected:' || l.tx_hash || '#' || l.output_index || ':2'])
                     limit 1) o on true
  )
  insert into incoming_payments
    (partition_id, tx_hash, output_index, address, user_id, reference_type, reference_id, amount_lovelace,
     assets, status, inclusion, required_confirmations)
  select $1, t.tx_hash, t.output_index, a.address, a.user_id, t.data ->> 'referenceType',
         t.data ->> 'referenceId', (t.data ->> 'amountLovelace')::numeric, t.data -> 'assets', 'rolled_back',
         (select max(coalesce(b.inclusion, 1)) from balance_transactions b
           where b.tx_hash = t.tx_hash and b.output_index = t.output_index),
         (t.data ->> 'requiredConfirmations')::int
    from told t join payment_addresses a on a.address = t.data ->> 'address'
  on conflict do nothing
  returning tx_hash || '#' || output_index as reference`;

/**
 * Payments that were booked, whose rows are gone, and that are proven to be nowhere on the chain: they are put back as rolled
 * back. Without a row, a block that brings the output once more would book it under keys that exist already,
 * and stop there.
 */
export async function restoreLost(
  tx: Tx,
  partitionId: number,
  lost: readonly OutputReference[],
): Promise<OutputReference[]> {
  if (lost.length === 0) return [];
  const parts = lost.map((reference) => reference.split('#'));
  const { rows } = await tx.query<{ reference: string }>(LOST, [
    partitionId,
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
  ]);
  return rows.map((row) => row.reference);
}
