-- Up Migration

-- What the chain says, what it means for users, and how far we have read.
-- Hashes are lower-case hex text, amounts are numeric: both exactly as the contract shows them.

create table schema_compatibility (
  only_row boolean primary key default true check (only_row),
  -- The oldest code that may run on this schema; a later migration that contracts it raises this.
  oldest_code int not null
);
insert into schema_compatibility (oldest_code) values (1);

-- One row a partition. Every chain write begins with the guarded UPDATE of this row.
create table sync_state (
  partition_id int primary key check (partition_id >= 0),
  total_partitions int not null check (total_partitions > partition_id),
  network text not null,
  last_slot bigint check (last_slot >= 0),
  last_block_hash text check (last_block_hash ~ '^[0-9a-f]{64}$'),
  -- Null at the origin, and between a point known only by slot and hash and the block after it.
  last_block_height bigint check (last_block_height >= 0),
  -- False until the start point was chosen; from then on null columns mean the origin.
  started boolean not null default false,
  -- The node's tip as last heard, so that a standby can tell the lag.
  tip_slot bigint,
  tip_hash text,
  tip_height bigint,
  leader_epoch bigint not null default 0,
  -- Drawn at random each term: after an asynchronous failover an epoch can be given out twice.
  leader_token uuid,
  updated_at timestamptz not null default now(),
  check ((last_slot is null) = (last_block_hash is null)),
  check (last_block_height is null or last_block_hash is not null)
);

-- Every header within the rollback window, also of blocks without payments.
create table blocks (
  partition_id int not null references sync_state,
  height bigint not null check (height >= 0),
  -- A boundary block has no slot in Ogmios' answer; it is stored with its predecessor's.
  slot bigint not null check (slot >= 0),
  hash text not null check (hash ~ '^[0-9a-f]{64}$'),
  -- Null for the point where a database started: only its children were seen.
  ancestor text,
  boundary boolean not null default false,
  primary key (partition_id, hash),
  -- A boundary block shares its predecessor's height.
  unique (partition_id, height, boundary)
);

-- Sparse headers from beyond the window, kept for good: they tell a node that is far behind from a wrong one.
create table block_checkpoints (
  partition_id int not null references sync_state,
  height bigint not null,
  slot bigint not null,
  hash text not null,
  primary key (partition_id, height)
);

create table payment_addresses (
  address text primary key,
  -- The order in which the watched set learns addresses. Assigned under the registration lock.
  watch_id bigint generated always as identity unique,
  partition_id int not null,
  user_id text not null check (length(user_id) between 1 and 200),
  reference_type text,
  reference_id text,
  metadata jsonb,
  created_at timestamptz not null default now()
);
create index payment_addresses_user on payment_addresses (user_id, watch_id);
create index payment_addresses_partition on payment_addresses (partition_id, watch_id);

-- One output is one row for ever; a rollback marks it. No reference to blocks: pruning must not take it along.
create table incoming_payments (
  tx_hash text not null check (tx_hash ~ '^[0-9a-f]{64}$'),
  output_index int not null check (output_index >= 0),
  partition_id int not null default 0,
  address text not null references payment_addresses,
  user_id text not null,
  reference_type text,
  reference_id text,
  amount_lovelace numeric not null check (amount_lovelace >= 0 and scale(amount_lovelace) = 0),
  -- unit (policy id and asset name, hex) to quantity as decimal string
  assets jsonb not null default '{}' check (jsonb_typeof(assets) = 'object'),
  status text not null check (status in ('seen', 'pending', 'confirmed', 'rolled_back', 'ignored')),
  -- How often this output came into a block: credit, reversal, credit is a legal history.
  inclusion int not null default 1 check (inclusion >= 1),
  required_confirmations int not null default 1 check (required_confirmations >= 1),
  -- What it is in now; null while it is in no block.
  block_hash text,
  block_height bigint,
  slot bigint,
  -- Within its block; gives payments their order on the chain.
  tx_position int,
  spent_by text,
  spent_height bigint,
  detected_at timestamptz not null default now(),
  confirmed_at timestamptz,
  primary key (tx_hash, output_index),
  check (spent_height >= block_height)
);
-- Confirming, rolling back and un-spending each look at a thin slice of heights.
create index incoming_payments_due on incoming_payments
  (partition_id, (block_height + required_confirmations)) where status = 'pending';
create index incoming_payments_height on incoming_payments (partition_id, block_height);
create index incoming_payments_spent on incoming_payments (partition_id, spent_height) where spent_height is not null;
create index incoming_payments_user on incoming_payments (user_id, detected_at, tx_hash, output_index);
create index incoming_payments_listed on incoming_payments (detected_at, tx_hash, output_index);
-- A list of the few among millions of confirmed ones; for the pending ones incoming_payments_due serves.
create index incoming_payments_rare on incoming_payments (status, detected_at, tx_hash, output_index)
  where status in ('seen', 'rolled_back', 'ignored');
create index incoming_payments_address on incoming_payments (address, detected_at);
create index incoming_payments_reference on incoming_payments (reference_id) where reference_id is not null;

-- What the hot wallet received, change included: tracked to be spent, and no payment of anybody.
-- A rollback deletes: these rows are facts of the chain at the cursor and nothing else hangs on them.
create table wallet_outputs (
  tx_hash text not null check (tx_hash ~ '^[0-9a-f]{64}$'),
  output_index int not null check (output_index >= 0),
  partition_id int not null,
  address text not null,
  amount_lovelace numeric not null check (amount_lovelace >= 0),
  assets jsonb not null default '{}',
  block_hash text not null,
  block_height bigint not null,
  slot bigint not null,
  spent_by text,
  spent_height bigint,
  primary key (tx_hash, output_index)
);
create index wallet_outputs_height on wallet_outputs (partition_id, block_height);
create index wallet_outputs_spent on wallet_outputs (partition_id, spent_height) where spent_height is not null;
create index wallet_outputs_unspent on wallet_outputs (address) where spent_by is null;

-- Append-only: nothing in the code updates or deletes here. A balance's bucket is its credits less its debits; a correction is an entry of its own.
create table balance_transactions (
  id bigint generated always as identity primary key,
  user_id text not null,
  unit text not null check (unit = 'lovelace' or unit ~ '^[0-9a-f]{56,120}$'),
  bucket text not null check (bucket in ('pending', 'available', 'held')),
  type text not null check (type in ('credit', 'debit')),
  amount numeric not null check (amount > 0 and scale(amount) = 0),
  reason text not null,
  tx_hash text,
  output_index int,
  inclusion int,
  payout_id text,
  created_at timestamptz not null default now(),
  check ((tx_hash is null) = (output_index is null) and (tx_hash is null) = (inclusion is null))
);
create index balance_transactions_user on balance_transactions (user_id, id);
-- One inclusion of an output moves a bucket at most once a reason: replaying can't credit twice.
create unique index balance_transactions_once on balance_transactions
  (tx_hash, output_index, inclusion, unit, bucket, type, reason) where tx_hash is not null;

create table user_balances (
  user_id text not null,
  unit text not null,
  -- May fall below zero: a deposit rolled back after a withdrawal is owed.
  available numeric not null default 0,
  held numeric not null default 0 check (held >= 0),
  pending numeric not null default 0 check (pending >= 0),
  primary key (user_id, unit)
);

-- Written with the fact it tells; delivery reads it later.
create table outbox (
  id bigint generated always as identity primary key,
  type text not null,
  -- What makes an event the same event: payment, inclusion, type.
  event_key text not null unique,
  data jsonb not null,
  created_at timestamptz not null default now()
);

create table audit_log (
  id bigint generated always as identity primary key,
  created_at timestamptz not null default now(),
  action text not null,
  entity_type text not null,
  entity_id text not null,
  actor text not null,
  details jsonb not null default '{}'
);
create index audit_log_entity on audit_log (entity_type, entity_id, id);
