import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { inTransaction } from '../../src/database/transaction.js';
import { deltasOf, type Entry } from '../../src/payments/ledger.js';
import { post } from '../../src/payments/ledger-queries.js';
import { type Payment, showAssets } from '../../src/payments/payment.js';
import type { Payout } from '../../src/payouts/model/payout.js';
import { enterpriseAddress } from './addresses.js';
import { QUEUED_PAYOUT } from './sample-payout.js';

/** A hash that is always the same for the same words. */
export const hashOf = (words: string): string => createHash('sha256').update(words).digest('hex');
export const TOKEN = `${'ab'.repeat(28)}746f6b`;
const AT = new Date('2026-01-01T00:00:00Z');

const PAYMENT: Omit<Payment, 'txHash'> = {
  outputIndex: 0,
  address: enterpriseAddress(1),
  userId: 'ann',
  referenceType: null,
  referenceId: null,
  amountLovelace: 5_000_000n,
  assets: new Map(),
  status: 'pending',
  inclusion: 1,
  requiredConfirmations: 6,
  blockHash: hashOf('block'),
  blockHeight: 7,
  countedFrom: null,
  slot: 140,
  spentBy: null,
  detectedAt: AT,
  confirmedAt: null,
};

const STORE_ADDRESS = `
  insert into payment_addresses (address, partition_id, user_id) values ($1, 0, $2)
  on conflict do nothing`;
const STORE_PAYMENT = `
  insert into incoming_payments
    (tx_hash, output_index, address, user_id, amount_lovelace, assets, status, inclusion,
     block_hash, block_height, slot, spent_by, spent_height)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
          case when $12::text is not null then $10::bigint + 1 end)`;
const STORE_PAYOUT = `
  insert into outbound_payments
    (id, user_id, destination_address, amount_lovelace, assets, status, turn, held_fee, booked,
     tx_hash, fee_lovelace, block_height, confirmed_at, created_by)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, case $6 when 'confirmed' then now() end, 'test')`;

const AUDIT_PAYOUT = `
  insert into audit_log (action, entity_type, entity_id, actor, details)
  select 'payout.created', 'payout', id, created_by,
         jsonb_build_object('userId', user_id, 'destinationAddress', destination_address,
                            'lovelace', amount_lovelace::text, 'assets', assets, 'status', 'queued')
    from outbound_payments where id = $1
  union all
  select 'payout.' || status, 'payout', id, created_by, '{}'
    from outbound_payments where id = $1 and status in ('failed', 'cancelled')`;

let made = 0;

/** Books that a test writes row by row, each with the entries that the program would have made. */
export function handMadeBooks(pool: Pool) {
  const enter = (entries: readonly Entry[]): Promise<void> =>
    inTransaction(pool, (tx) => post(tx, AT, entries, deltasOf(entries)));
  return {
    enter,
    async payment(fields: Partial<Payment>): Promise<Payment> {
      made += 1;
      const payment = { ...PAYMENT, txHash: hashOf(`payment ${made}`), ...fields };
      await pool.query(STORE_ADDRESS, [payment.address, payment.userId]);
      await pool.query(STORE_PAYMENT, [
        payment.txHash,
        payment.outputIndex,
        payment.address,
        payment.userId,
        payment.amountLovelace.toString(),
        JSON.stringify(showAssets(payment.assets)),
        payment.status,
        payment.inclusion,
        payment.blockHash,
        payment.blockHeight,
        payment.slot,
        payment.spentBy,
      ]);
      return payment;
    },
    async payout(fields: Partial<Payout>): Promise<Payout> {
      made += 1;
      const id = hashOf(`payout ${made}`).slice(0, 32);
      const payout = { ...QUEUED_PAYOUT, id, ...fields };
      await pool.query(STORE_PAYOUT, [
        payout.id,
        payout.userId,
        payout.destinationAddress,
        payout.amountLovelace.toString(),
        JSON.stringify(showAssets(payout.assets)),
        payout.status,
        payout.turn,
        payout.heldFee.toString(),
        payout.booked,
        payout.txHash,
        payout.feeLovelace?.toString() ?? null,
        payout.blockHeight,
      ]);
      await pool.query(AUDIT_PAYOUT, [payout.id]);
      return payout;
    },
  };
}
