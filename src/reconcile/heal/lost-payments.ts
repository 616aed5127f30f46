import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import type { HealContext } from './context.js';
import { firstTold } from './first-told.js';
import { healPayments } from './heal-payments.js';
import { auditPayments } from './payment-audit.js';

// What the row's columns take: one event that they don't take would undo all that is healed with it.
const READABLE = `
  o.data ->> 'amountLovelace' ~ '^[0-9]{1,30}$'
  and o.data ->> 'requiredConfirmations' ~ '^[1-9][0-9]{0,8}$'
  and case when jsonb_typeof(o.data -> 'assets') = 'object'
           then not exists (select from jsonb_each(o.data -> 'assets') a
                             where coalesce(a.value #>> '{}', '') !~ '^[0-9]{1,30}$') end
  and exists (select from payment_addresses a where a.address = o.data ->> 'address')`;

const LOST = `
  with lost as (
    select w.tx_hash, w.output_index from unnest($2::text[], $3::int[]) as w (tx_hash, output_index)
     where w.tx_hash ~ '^[0-9a-f]{64}$' and w.output_index >= 0
       and not exists (select 1 from incoming_payments p
                        where p.tx_hash = w.tx_hash and p.output_index = w.output_index)
  ), told as (${firstTold('lost', READABLE)}
  ), restored as (
    insert into incoming_payments
      (partition_id, tx_hash, output_index, address, user_id, reference_type, reference_id, amount_lovelace,
       assets, status, inclusion, required_confirmations)
    select $1, t.tx_hash, t.output_index, a.address, a.user_id, t.data ->> 'referenceType',
           t.data ->> 'referenceId', (t.data ->> 'amountLovelace')::numeric, t.data -> 'assets', 'rolled_back',
           (select greatest(max(b.inclusion), 1) from balance_transactions b
             where b.tx_hash = t.tx_hash and b.output_index = t.output_index),
           (t.data ->> 'requiredConfirmations')::int
      from told t join payment_addresses a on a.address = t.data ->> 'address'
     where t.readable
    on conflict do nothing
    returning tx_hash, output_index
  )
  select t.tx_hash || '#' || t.output_index as reference, t.readable from told t`;

export type LostPayments = {
  readonly restored: readonly OutputReference[];
  /** Their events were edited: they say nothing that a row could be made of. */
  readonly unreadable: readonly OutputReference[];
};

/**
 * Payments that were booked, whose rows are gone, and that are proven to be nowhere on the chain: they are put back as rolled
 * back, each with an audit entry. Without a row, a block that brings the output once more would book it under keys
 * that exist already, and stop there.
 */
export async function restoreLost(
  tx: Tx,
  at: Date,
  context: HealContext,
  lost: readonly OutputReference[],
): Promise<LostPayments> {
  if (lost.length === 0) return { restored: [], unreadable: [] };
  const parts = lost.map((reference) => reference.split('#'));
  const { rows } = await tx.query<{ reference: string; readable: boolean }>(LOST, [
    context.partitionId,
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
  ]);
  const those = (readable: boolean): OutputReference[] =>
    rows.flatMap((row) => (row.readable === readable ? [row.reference] : []));
  const restored = those(true);
  const nowhere = { kind: 'payment', isRecorded: true, onChain: null } as const;
  const truths = restored.map((reference) => ({ reference, ...nowhere }));
  const healed = await healPayments(tx, at, context, truths);
  const putBack = healed.map((one) => ({ ...one, before: null }));
  await auditPayments(tx, at, context, putBack);
  return { restored, unreadable: those(false) };
}
