import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import { deltasOf, type Entry } from '../../payments/ledger.js';
import { post } from '../../payments/ledger-queries.js';
import { showAssets } from '../../payments/payment.js';
import type { Payout } from './payout.js';

const MOVE = `
  update outbound_payments p
     set status = m.status, turn = m.turn, booked = m.booked, tx_hash = m.tx_hash,
         fee_lovelace = m.fee, block_height = m.block_height, confirmed_at = m.confirmed_at,
         failure_reason = m.failure_reason, destination_address = m.destination,
         amount_lovelace = m.amount, assets = m.assets, updated_at = $1
    from unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::boolean[], $7::text[], $8::numeric[],
                $9::bigint[], $10::timestamptz[], $11::text[], $12::text[], $13::numeric[], $14::jsonb[])
      as m (id, before, status, turn, booked, tx_hash, fee, block_height, confirmed_at, failure_reason,
            destination, amount, assets)
   where p.id = m.id and p.status = m.before`;

/** A payout as it was and as it is to be. */
export type Move = { readonly before: Payout; readonly after: Payout };

/** Writes what changed. Answers how many rows still were what they were believed to be. */
export async function movePayouts(tx: Tx, at: Date, moves: readonly Move[]): Promise<number> {
  const after = moves.map((move) => move.after);
  const { rowCount } = await tx.query(MOVE, [
    at,
    after.map((payout) => payout.id),
    moves.map((move) => move.before.status),
    after.map((payout) => payout.status),
    after.map((payout) => payout.turn),
    after.map((payout) => payout.booked),
    after.map((payout) => payout.txHash),
    after.map((payout) => payout.feeLovelace?.toString() ?? null),
    after.map((payout) => payout.blockHeight),
    after.map((payout) => payout.confirmedAt),
    after.map((payout) => payout.failureReason),
    after.map((payout) => payout.destinationAddress),
    after.map((payout) => payout.amountLovelace.toString()),
    after.map((payout) => JSON.stringify(showAssets(payout.assets))),
  ]);
  return rowCount ?? 0;
}

export async function postEntries(tx: Tx, at: Date, entries: readonly Entry[]): Promise<void> {
  if (entries.length > 0) await post(tx, at, entries, deltasOf(entries));
}

const AUDIT = `
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  select action, entity_type, entity_id, actor, details, $1
    from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[])
      with ordinality as a (action, entity_type, entity_id, actor, details, ord)
   order by ord`;

export type AuditEntry = {
  readonly action: string;
  readonly entityType: 'payout' | 'payout_transaction' | 'payouts';
  readonly entityId: string;
  readonly actor: string;
  readonly details: object;
};

export const audit = (tx: Tx, at: Date, entries: readonly AuditEntry[]) =>
  tx.query(AUDIT, [
    at,
    entries.map((entry) => entry.action),
    entries.map((entry) => entry.entityType),
    entries.map((entry) => entry.entityId),
    entries.map((entry) => entry.actor),
    entries.map((entry) => JSON.stringify(entry.details)),
  ]);

export const splitReference = (reference: OutputReference): { txHash: string; index: number } => {
  const [txHash = '', index = ''] = reference.split('#');
  return { txHash, index: Number(index) };
};
