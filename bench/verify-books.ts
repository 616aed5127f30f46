import type { Pool } from 'pg';
import { inTransaction, type Tx } from '../src/database/transaction.js';

/** Of each user: two payments that are confirmed, one that is pending, a payout that is confirmed; of some one that was rolled back. */
export const ENTRIES_PER_USER = 10;
/** Payouts that share a transaction. */
const SHARED_BY = 20;

const PAYMENTS = `
  insert into incoming_payments
    (tx_hash, output_index, address, user_id, amount_lovelace, assets, status, required_confirmations,
     block_hash, block_height, slot, detected_at, confirmed_at)
  select encode(sha256(convert_to('payment ' || n || ' ' || k, 'UTF8')), 'hex'), n % 3, 'address ' || n,
         'user-' || n, 10000000 + (n * 7919 + k * 104729) % 90000000,
         case when n % 100 = 0 then jsonb_build_object($2::text, (n + k)::text) else '{}' end,
         case k when 3 then 'pending' when 4 then 'rolled_back' else 'confirmed' end, 15, repeat('b', 64), n / 100 + k, n * 20,
         timestamptz '2026-01-01Z' + n * interval '1 second',
         case when k < 3 then timestamptz '2026-01-01Z' + n * interval '2 seconds' end
    from generate_series(1, $1::bigint) as n, generate_series(1, 4) as k
   where k < 4 or n % 200 = 0`;
const BATCH = `
  insert into payout_batches (kind, anchor_tx_hash, anchor_index) values ('payout', repeat('d', 64), 0)`;
const NUMBERED = `
  select encode(sha256(convert_to('payout ' || t, 'UTF8')), 'hex') as tx_hash,
         encode(sha256(convert_to('input ' || t, 'UTF8')), 'hex') as input_tx_hash, t
    from generate_series(0, $1::int / ${SHARED_BY}) as t`;
const TRANSACTIONS = `
  insert into payout_transactions
    (tx_hash, batch_id, cbor, fee_lovelace, block_hash, block_height, slot)
  select tx_hash, (select max(id) from payout_batches), '\\x00',
         10000 * (least($1::bigint, t * ${SHARED_BY} + ${SHARED_BY - 1}) - greatest(1, t * ${SHARED_BY}) + 1),
         repeat('c', 64), t, t * 20
    from (${NUMBERED}) as numbered`;
const INPUTS = `
  insert into payout_transaction_inputs (tx_hash, input_tx_hash, input_index)
  select tx_hash, input_tx_hash, 0 from (${NUMBERED}) as numbered`;
const CHANGE = `
  insert into payout_change (tx_hash, output_index, amount_lovelace)
  select tx_hash, ${SHARED_BY}, 1000000 from (${NUMBERED}) as numbered`;
const WALLET = `
  insert into wallet_outputs
    (tx_hash, output_index, partition_id, address, amount_lovelace, block_hash, block_height, slot, spent_by, spent_height)
  select input_tx_hash, 0, 0, 'hot wallet', 100000000, repeat('c', 64), 0, 0, tx_hash, t from (${NUMBERED}) as numbered
  union all
  select tx_hash, ${SHARED_BY}, 0, 'hot wallet', 1000000, repeat('c', 64), t, t * 20, null, null from (${NUMBERED}) as numbered`;
const TOLD = `
  insert into outbox (type, event_key, data)
  select 'payout.confirmed', 'payout.confirmed:' || id || ':0', '{}'::jsonb from outbound_payments`;
const PAYOUTS = `
  insert into outbound_payments
    (id, api_key, idempotency_key, user_id, destination_address, amount_lovelace, status, held_fee, booked,
     tx_hash, fee_lovelace, block_height, created_by, created_at, confirmed_at)
  select substr(encode(sha256(convert_to('payout ' || n, 'UTF8')), 'hex'), 1, 32), 'bench', n::text,
         'user-' || n, 'destination', 2000000 + n % 3000000, 'confirmed', 0, true,
         encode(sha256(convert_to('payout ' || n / ${SHARED_BY}, 'UTF8')), 'hex'), 10000, n / ${SHARED_BY},
         'bench', timestamptz '2026-01-01Z' + n * interval '1 second', timestamptz '2026-06-01Z'
    from generate_series(1, $1::bigint) as n`;
const ACCEPTED = `
  insert into audit_log (action, entity_type, entity_id, actor, details)
  select 'payout.created', 'payout', id, created_by,
         jsonb_build_object('userId', user_id, 'destinationAddress', destination_address,
                            'lovelace', amount_lovelace::text, 'assets', assets, 'status', 'queued')
    from outbound_payments`;
const ATTEMPTS = `
  insert into payout_attempts (payout_id, tx_hash, output_index, fee_share)
  select id, tx_hash, 0, fee_lovelace from outbound_payments`;

/** Of all payments that there are, as their statuses say. */
export const PAYMENT_ENTRIES = `
  insert into balance_transactions
    (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion, created_at)
  select p.user_id, v.unit, leg.bucket, leg.type, v.amount, leg.reason, p.tx_hash, p.output_index, 1,
         coalesce(p.confirmed_at, p.detected_at)
    from incoming_payments p
   cross join (values (1, 'pending', 'credit', 'payment_detected'),
                      (2, 'pending', 'debit', 'payment_confirmed'),
                      (3, 'available', 'credit', 'payment_confirmed'),
                      (4, 'pending', 'debit', 'payment_rolled_back')) as leg (step, bucket, type, reason)
   cross join lateral (
     select 'lovelace' as unit, p.amount_lovelace as amount
      union all select key, value::numeric from jsonb_each_text(p.assets)) as v
   where leg.step = 1 or p.status = case leg.step when 4 then 'rolled_back' else 'confirmed' end`;
const PAYOUT_ENTRIES = `
  insert into balance_transactions
    (user_id, unit, bucket, type, amount, reason, payout_id, payout_turn, created_at)
  select p.user_id, 'lovelace', leg.bucket, leg.type, p.amount_lovelace, leg.reason, p.id, 0, p.created_at
    from outbound_payments p
   cross join (values ('available', 'debit', 'payout_held'), ('held', 'credit', 'payout_held'),
                      ('held', 'debit', 'payout_confirmed')) as leg (bucket, type, reason)`;
/** Sums of all entries that there are. */
export const BALANCES = `
  insert into user_balances (user_id, unit, available, held, pending)
  select user_id, unit,
         coalesce(sum(case type when 'credit' then amount else -amount end) filter (where bucket = 'available'), 0),
         coalesce(sum(case type when 'credit' then amount else -amount end) filter (where bucket = 'held'), 0),
         coalesce(sum(case type when 'credit' then amount else -amount end) filter (where bucket = 'pending'), 0)
    from balance_transactions group by user_id, unit`;
const CURSOR = `
  insert into sync_state (partition_id, total_partitions, network, started, last_slot, last_block_hash,
                          last_block_height)
  values (0, 1, 'preprod', true, $1 * 20, repeat('a', 64), $1)`;
const AUDIT = `
  insert into audit_log (action, entity_type, entity_id, actor, details)
  select 'payout.cancelled', 'payout', n::text, 'bench', jsonb_build_object('n', n)
    from generate_series(1, $1::int / 100) as n`;

const SECONDARY_INDEXES = `
  select indexname as name, indexdef as text from pg_indexes
   where schemaname = current_schema()
     and tablename in ('incoming_payments', 'outbound_payments', 'balance_transactions')
     and not exists (select 1 from pg_constraint where conname = indexname)`;

/** Books in which everything agrees, made by the database itself. */
export async function makeBooks(pool: Pool, users: number): Promise<void> {
  await inTransaction(pool, async (tx) => {
    // Rows are made in bulk: references to addresses that nobody asks for, and indexes row by row, take longest.
    await tx.query("set local session_replication_role = 'replica'");
    await tx.query("set local maintenance_work_mem = '512MB'");
    await tx.query("set local work_mem = '512MB'");
    await withoutIndexes(tx, async () => {
      await tx.query(PAYMENTS, [users, `${'ab'.repeat(28)}746f6b`]);
      await tx.query(BATCH);
      for (const text of [TRANSACTIONS, INPUTS, CHANGE, WALLET]) await tx.query(text, [users]);
      await tx.query(PAYOUTS, [users]);
      await tx.query(ACCEPTED);
      await tx.query(ATTEMPTS);
      await tx.query(TOLD);
      await tx.query(PAYMENT_ENTRIES);
      await tx.query(PAYOUT_ENTRIES);
    });
    await tx.query(BALANCES);
    await tx.query(AUDIT, [users]);
    await tx.query(CURSOR, [users]);
  });
  await pool.query('vacuum (analyze)');
}

async function withoutIndexes(tx: Tx, work: () => Promise<void>): Promise<void> {
  const { rows } = await tx.query<{ name: string; text: string }>(SECONDARY_INDEXES);
  for (const { name } of rows) await tx.query(`drop index ${name}`);
  await work();
  for (const { text } of rows) await tx.query(text);
}
