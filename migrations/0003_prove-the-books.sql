-- Up Migration

-- Proving the books: what is compared with the chain, what was found, what was done about it.

-- An instance of code 2 would follow blocks without folding them into the state digest, and register
-- addresses without saying from where on they count.
update schema_compatibility set oldest_code = 3;

-- Blocks above this height were followed; -1 where that is all of the chain, null where it isn't known
-- (the height of a start point is told by the block after it; older databases never wrote it down).
alter table sync_state add column start_height bigint;
-- Whether all that was recorded is folded into the state digest: then a digest that is gone was taken away.
alter table sync_state add column digested boolean not null default false;

-- Outputs in blocks above `watched_from` count, and what was unspent at `backfilled_height` besides.
-- Null in watched_from: registered by a version that didn't write it. -1: from the start point on.
alter table payment_addresses add column watched_from bigint;
-- Whether what the address held before it was registered is a payment; it is recorded either way.
alter table payment_addresses add column backfill boolean not null default false;
-- Height of the ledger that was asked for what the address held; null until then.
alter table payment_addresses add column backfilled_height bigint;
create index payment_addresses_to_backfill on payment_addresses (partition_id, watch_id)
  where backfilled_height is null;
create index payment_addresses_backfilled on payment_addresses (partition_id, backfilled_height)
  where backfilled_height is not null;
create index payment_addresses_watched_from on payment_addresses (partition_id, watched_from);

-- Height of the ledger that told of it, where no block did: it counts from there. Then block_height is null.
alter table incoming_payments add column counted_from bigint;
alter table incoming_payments add check (counted_from is null or block_height is null);
alter table incoming_payments add check ((spent_by is null) = (spent_height is null));
alter table wallet_outputs add check ((spent_by is null) = (spent_height is null));
-- No chain takes an output back so often: a number that another hand wrote must leave room for the next one.
alter table incoming_payments add check (inclusion < 1000000);
alter table balance_transactions add check (inclusion < 1000000);
alter table wallet_outputs add column counted_from bigint;
alter table wallet_outputs add check (jsonb_typeof(assets) = 'object');
update wallet_outputs w set counted_from = b.block_height
  from wallet_backfills b
 where b.partition_id = w.partition_id and b.address = w.address and w.block_height is null
   and (w.spent_height is null or w.spent_height > b.block_height);
create index wallet_outputs_counted_from on wallet_outputs (partition_id, counted_from)
  where counted_from is not null;
drop index incoming_payments_due;
create index incoming_payments_due on incoming_payments
  (partition_id, (coalesce(block_height, counted_from) + required_confirmations)) where status = 'pending';
create index incoming_payments_counted_from on incoming_payments (partition_id, counted_from)
  where counted_from is not null;

-- A correction repeats what was booked before, for a reason of its own.
create sequence correction_ids;
alter table balance_transactions add column correction_id bigint;
drop index balance_transactions_once;
create unique index balance_transactions_once on balance_transactions
  (tx_hash, output_index, inclusion, unit, bucket, type, reason, (coalesce(correction_id, 0)),
   (case when correction_id is null then '' else user_id end))
  where tx_hash is not null;
drop index balance_transactions_payout_once;
create unique index balance_transactions_payout_once on balance_transactions
  (payout_id, payout_turn, unit, bucket, type, reason, (coalesce(correction_id, 0)),
   (case when correction_id is null then '' else user_id end))
  where payout_id is not null;

-- A balance that another hand changed is found and set right; it must not keep a block from being applied.
alter table user_balances drop constraint user_balances_held_check, drop constraint user_balances_pending_check;
-- What isn't a finite number passes every comparison with a whole one, and no sum comes out of it.
alter table balance_transactions add check (amount < 'Infinity');
alter table user_balances add check
  (available < 'Infinity' and available > '-Infinity' and held < 'Infinity' and held > '-Infinity'
   and pending < 'Infinity' and pending > '-Infinity');
alter table incoming_payments add constraint incoming_payments_amount_is_finite check (amount_lovelace < 'Infinity');
alter table outbound_payments add check
  (amount_lovelace < 'Infinity' and held_fee < 'Infinity' and fee_lovelace < 'Infinity');

-- The canonical outputs and spends at watched addresses, folded block by block; a row for each block
-- that has any, and for each whose ledger was asked for what came before. Kept for good.
create table state_digests (
  partition_id int not null,
  height bigint not null,
  -- Facts of this block: their number, and the sum of their hashes modulo 2^256.
  facts int not null check (facts > 0),
  facts_sum text not null check (facts_sum ~ '^[0-9a-f]{64}$'),
  -- Of the digest before, the height and the facts.
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  primary key (partition_id, height)
);

-- Seals of append-only tables, each over the rows of an id range; a chain of its own for each table.
create table seals (
  chain text not null check (chain in ('ledger', 'audit')),
  seal int not null check (seal >= 1),
  first_id bigint not null,
  last_id bigint not null check (last_id >= first_id),
  row_count int not null check (row_count >= 0),
  -- Of this chain, this seal included.
  rows_total bigint not null check (rows_total >= row_count),
  -- Of the rows alone, and of the hash before together with that.
  content_hash text not null check (content_hash ~ '^[0-9a-f]{64}$'),
  hash text not null check (hash ~ '^[0-9a-f]{64}$'),
  sealed_at timestamptz not null default now(),
  -- The rows differ from what was sealed, and somebody answers for it: what they are now.
  accepted_content_hash text,
  accepted_at timestamptz,
  accepted_by text,
  accepted_reason text,
  primary key (chain, seal),
  unique (chain, first_id),
  check ((accepted_content_hash is null) = (accepted_at is null))
);

create table reconciliation_runs (
  id bigint generated always as identity primary key,
  partition_id int not null default 0,
  -- Everything; some addresses; what changed lately and a random sample.
  scope text not null check (scope in ('full', 'addresses', 'continuous')),
  state text not null check (state in ('running', 'finished', 'failed', 'abandoned')),
  requested_by text not null,
  repair boolean not null default false,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  heartbeat_at timestamptz not null default now(),
  -- Records and chain are compared right after this block.
  slot bigint,
  block_hash text,
  block_height bigint,
  -- Where a run that was interrupted goes on.
  progress jsonb not null default '{}',
  -- Outputs that agree; that differ; that the records lack; that the chain lacks.
  matched bigint not null default 0,
  mismatched bigint not null default 0,
  missing bigint not null default 0,
  extra bigint not null default 0,
  repaired bigint not null default 0,
  addresses bigint not null default 0,
  -- Per unit what the records and what the chain hold, as decimal strings.
  totals jsonb,
  problem text
);
create index reconciliation_runs_scope on reconciliation_runs (scope, id);

create table reconciliation_discrepancies (
  id bigint generated always as identity primary key,
  run_id bigint not null references reconciliation_runs,
  type text not null check (type in ('missing_in_db', 'extra_in_db', 'amount_mismatch', 'spent_mismatch',
    'unspent_mismatch', 'status_mismatch', 'owner_mismatch')),
  tx_hash text not null,
  output_index int not null,
  address text not null,
  recorded jsonb,
  on_chain jsonb,
  state text not null default 'open' check (state in ('open', 'explained', 'repaired')),
  -- Why it is open, or how it was closed.
  reason text,
  closed_by text,
  closed_at timestamptz,
  created_at timestamptz not null default now(),
  unique (run_id, type, tx_hash, output_index),
  check ((state = 'open') = (closed_at is null))
);
-- What was said of an output before.
create index reconciliation_discrepancies_output on reconciliation_discrepancies (tx_hash, output_index);
create index reconciliation_discrepancies_open on reconciliation_discrepancies (type, id) where state = 'open';

-- When an address that isn't due to the full run was last compared. Coverage is counted from here.
create table address_checks (
  address text primary key,
  checked_at timestamptz not null,
  checked_height bigint not null
);

-- What only the leader may do, asked for by anybody: it is done beside the chain and applied between two blocks.
create table chain_jobs (
  id bigint generated always as identity primary key,
  partition_id int not null default 0,
  kind text not null check (kind in ('rebuild', 'repair')),
  params jsonb not null default '{}',
  state text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
  requested_by text not null,
  requested_at timestamptz not null default now(),
  -- Who works on it: another one's writes fail.
  runner uuid,
  heartbeat_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  progress jsonb not null default '{}',
  result jsonb,
  problem text
);
create index chain_jobs_open on chain_jobs (id) where state in ('queued', 'running');

-- A rebuild's own books: what the chain says, made beside the live tables.
create table rebuild_outputs (
  job_id bigint not null references chain_jobs on delete cascade,
  tx_hash text not null,
  output_index int not null,
  address text not null,
  amount_lovelace numeric not null,
  assets jsonb not null default '{}',
  has_script boolean not null default false,
  block_hash text not null,
  block_height bigint not null,
  slot bigint not null,
  tx_position int not null,
  primary key (job_id, tx_hash, output_index)
);
create index rebuild_outputs_height on rebuild_outputs (job_id, block_height);
create table rebuild_spends (
  job_id bigint not null references chain_jobs on delete cascade,
  tx_hash text not null,
  output_index int not null,
  spent_by text not null,
  spent_height bigint not null,
  primary key (job_id, tx_hash, output_index)
);
create index rebuild_spends_height on rebuild_spends (job_id, spent_height);
-- Outputs about which live tables and the rebuild's own may differ.
create table rebuild_candidates (
  job_id bigint not null references chain_jobs on delete cascade,
  kind text not null check (kind in ('payment', 'wallet')),
  tx_hash text not null,
  output_index int not null,
  -- No block that was read made it, so the node's ledger was asked; null where that lacks it.
  asked boolean not null default false,
  ledger jsonb,
  primary key (job_id, kind, tx_hash, output_index)
);

-- What runs by a schedule, and for when it last ran: nobody runs it twice, and what was missed shows.
create table schedules (
  name text primary key,
  last_due timestamptz not null,
  -- How often it was begun for that time: who begins it once more ends what another one does of it. 0 where
  -- that time was only taken note of, as the first one of a new database is.
  attempt int not null default 0,
  -- Of the attempt.
  last_finished_at timestamptz,
  last_outcome text check (last_outcome in ('noted', 'running', 'done', 'failed')),
  problem text
);

-- Whether the chain can be relied on. While it can't, nothing is confirmed and nothing is paid.
create table chain_guard (
  partition_id int primary key,
  held_at timestamptz,
  -- The last block that was applied while confirmations were held, once they aren't any more: what was deep
  -- enough by then is confirmed with the block after it.
  held_up_to bigint,
  -- [{kind, detail, since}]: 'witness', 'rollback' or 'density'.
  reasons jsonb not null default '[]',
  -- What a person let pass: the same trouble doesn't hold again until it was over.
  released_at timestamptz,
  released_by text,
  -- As last heard of each witness, for /status.
  witnesses jsonb not null default '[]',
  updated_at timestamptz not null default now()
);

create table backups (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('critical', 'addresses', 'all')),
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  file text,
  bytes bigint,
  checksum text,
  slot bigint,
  block_hash text,
  block_height bigint,
  digest text,
  problem text
);
create index backups_finished on backups (kind, finished_at);

-- Whenever the books were held against each other to the end: whether they agree doesn't hang on who leads.
create table verifications (
  id bigint generated always as identity primary key,
  finished_at timestamptz not null default now(),
  requested_by text not null,
  -- Of every kind.
  mismatches bigint not null
);
