import type { Pool } from 'pg';

const hex = (digit: string): string => digit.repeat(64);

/** What COPY's text must escape, and what a careless reader takes for the end or for null. */
const TRICKY = 'tab\there, line\nbreak, \\N, \\., ünïcode 🂡, "quoted", null';

const ROWS: readonly (readonly [text: string, values: readonly unknown[]])[] = [
  [
    `insert into sync_state (partition_id, total_partitions, network, last_slot, last_block_hash,
       last_block_height, started, leader_epoch, leader_token, start_height)
     values (0, 1, 'preprod', 200, $1, 10, true, 7, gen_random_uuid(), -1)`,
    [hex('a')],
  ],
  [
    `insert into blocks (partition_id, height, slot, hash, ancestor)
     values (0, 9, 180, $1, null), (0, 10, 200, $2, $1)`,
    [hex('9'), hex('a')],
  ],
  ['insert into block_checkpoints values (0, 5, 100, $1)', [hex('5')]],
  [
    `insert into payment_addresses (address, partition_id, user_id, reference_type, metadata, watched_from,
       backfilled_height)
     values ('addr_test1a', 0, $1, null, $2, 0, null), ('addr_test1b', 0, 'bob', '', null, -1, 8)`,
    [TRICKY, JSON.stringify({ note: TRICKY, deep: [1, null] })],
  ],
  [
    `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, assets, status,
       block_hash, block_height, slot, spent_by, spent_height, counted_from)
     values ($1, 0, 'addr_test1a', 'ann', 1, '{}', 'confirmed', $1, 1, 20, null, null, null),
            ($2, 0, 'addr_test1a', 'ann', 9007199254740993, '{"ab": "18446744073709551615"}',
             'confirmed', $1, 2, 40, $1, 10, null),
            ($3, 1, 'addr_test1b', 'bob', 3, '{}', 'rolled_back', null, null, null, null, null, null),
            ($4, 0, 'addr_test1b', 'bob', 4, '{}', 'pending', null, null, null, null, null, 8),
            ($5, 0, 'addr_test1b', 'bob', 5, '{}', 'ignored', $1, 1, 20, null, null, null)`,
    [hex('1'), hex('2'), hex('3'), hex('4'), hex('5')],
  ],
  [
    `insert into wallet_outputs (tx_hash, output_index, partition_id, address, amount_lovelace, block_hash,
       block_height, slot, has_script)
     values ($1, 2, 0, 'addr_test1w', 5, $1, 9, 180, true)`,
    [hex('6')],
  ],
  ["insert into wallet_backfills values (0, 'addr_test1w', 180, $1, 9, 1)", [hex('9')]],
  [
    `insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index,
       inclusion, correction_id)
     values ($2, 'lovelace', 'available', 'credit', 123456789012345678901234567890, 'made up', $1, 0, 1,
             nextval('correction_ids')),
            ('bob', 'lovelace', 'pending', 'credit', 4, 'made up', null, null, null, null)`,
    [hex('1'), TRICKY],
  ],
  ["insert into user_balances values ($1, 'lovelace', -5, 1, 2)", [TRICKY]],
  [
    "insert into outbox (type, event_key, data) values ('payment.detected', $1, $2)",
    [TRICKY, JSON.stringify({ text: TRICKY })],
  ],
  [
    `insert into audit_log (action, entity_type, entity_id, actor, details)
     values ('made', 'up', $1, 'test', $2)`,
    [TRICKY, JSON.stringify({ text: TRICKY })],
  ],
  [
    `update payout_control set payer_epoch = 3, payer_token = gen_random_uuid(), paused_at = now(),
       paused_by = 'cli:ann', pause_reason = $1, identity = '{"system": "another"}', memory_gap = 2`,
    [TRICKY],
  ],
  ['insert into payout_id_fingerprint (fingerprint) values ($1)', ['f'.repeat(16)]],
  [
    `insert into payout_batches (kind, anchor_tx_hash, anchor_index) values ('payout', $1, 0)`,
    [hex('6')],
  ],
  [
    `insert into outbound_payments (id, api_key, idempotency_key, body_hash, user_id, destination_address,
       amount_lovelace, metadata, status, batch_id, tx_hash, created_by)
     select $1, 'shop', $3, $2, 'bob', 'addr_test1d', 7, $4, 'submitted', id, $2, 'key:shop'
       from payout_batches`,
    ['d'.repeat(32), hex('d'), TRICKY, JSON.stringify({ text: TRICKY })],
  ],
  [
    `insert into payout_transactions (tx_hash, batch_id, cbor, fee_lovelace, invalid_hereafter)
     select $1, id, $2, 170000, 7400 from payout_batches`,
    [hex('d'), Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
  ],
  ['insert into payout_transaction_inputs values ($1, $2, 0)', [hex('d'), hex('6')]],
  ['insert into payout_attempts values ($1, $2, 0, 170000)', ['d'.repeat(32), hex('d')]],
  ['insert into payout_change values ($1, 1, 1000000)', [hex('d')]],
  ['insert into wallet_reservations select $1, 2, id from payout_batches', [hex('6')]],
  ['insert into state_digests values (0, 9, 2, $1, $2)', [hex('7'), hex('8')]],
  [
    `insert into seals (chain, seal, first_id, last_id, row_count, rows_total, content_hash, hash)
     values ('ledger', 1, 1, 1, 1, 1, $1, $1), ('ledger', 2, 2, 2, 1, 2, $1, $2)`,
    [hex('b'), hex('c')],
  ],
  [
    `insert into reconciliation_runs (scope, state, requested_by, totals)
     values ('full', 'finished', 'test', '{"lovelace": {"records": "1"}}')`,
    [],
  ],
  [
    `insert into reconciliation_discrepancies (run_id, type, tx_hash, output_index, address)
     select id, 'missing_in_db', $1, 0, 'addr_test1a' from reconciliation_runs`,
    [hex('e')],
  ],
  [`insert into schedules (name, last_due) values ('reconcile', now())`, []],
  [`insert into chain_guard (partition_id, reasons) values (0, '[{"kind": "density"}]')`, []],
  [`insert into address_checks values ('addr_test1a', now(), 9)`, []],
  [`insert into backups (kind) values ('all')`, []],
  [`insert into verifications (requested_by, mismatches) values ('test', 1)`, []],
  [`insert into chain_jobs (kind, state, requested_by) values ('rebuild', 'done', 'test')`, []],
  [
    `insert into rebuild_outputs select id, $1, 0, 'addr_test1a', 1, '{}', false, $1, 1, 20, 0 from chain_jobs`,
    [hex('1')],
  ],
  ["insert into rebuild_candidates select id, 'payment', $1, 0 from chain_jobs", [hex('1')]],
  ['insert into rebuild_spends select id, $1, 0, $1, 9 from chain_jobs', [hex('1')]],
];

/** Rows in every table of the schema, made up: no two tables agree with each other. */
export async function fillEveryTable(pool: Pool): Promise<void> {
  for (const [text, values] of ROWS) await pool.query(text, [...values]);
}
