-- Up Migration

-- Payouts. What is signed is here before it is anywhere else; what is on the chain is a fact of the
-- chain (wallet_outputs.spent_by) that the block's own transaction copies here.

-- An instance of code 1 would follow blocks without looking for payouts in them.
update schema_compatibility set oldest_code = 2;

-- One row: who pays, and whether anybody may. Every signature and submission begins with the guarded
-- UPDATE of this row, as chain writes begin with that of sync_state.
create table payout_control (
  only_row boolean primary key default true check (only_row),
  payer_epoch bigint not null default 0,
  payer_token uuid,
  -- By a person, or by the worker when its wallet was spent from by somebody unknown. Ends by a person.
  paused_at timestamptz,
  paused_by text,
  pause_reason text,
  -- The database may have forgotten what was signed: nothing is paid until that can't land any more.
  held_at timestamptz,
  hold_reason text,
  -- Nothing that was forgotten is valid from this slot on; null until the node's tip was seen.
  hold_until_slot bigint,
  -- Raised when a transaction is adopted: a fence that was planned before doesn't cover its outputs.
  memory_gap int not null default 0,
  fence_requested_at timestamptz,
  fence_requested_by text,
  -- Of the fence under way: its transactions are the batches of kind 'fence' with this generation.
  fence_generation int not null default 0,
  fence_memory_gap int,
  -- What identifies this very database: another value means it was restored, copied or failed over.
  identity jsonb,
  -- As the node last told them, for who validates without a node.
  protocol_parameters jsonb,
  updated_at timestamptz not null default now()
);
insert into payout_control default values;

-- Payouts that are paid together. Every attempt spends the anchor, so that the ledger itself forbids
-- two of them; the set of payouts never grows. Released when no attempt can enter any chain any more.
create table payout_batches (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('payout', 'fence', 'tidy')),
  anchor_tx_hash text not null check (anchor_tx_hash ~ '^[0-9a-f]{64}$'),
  anchor_index int not null check (anchor_index >= 0),
  generation int,
  created_at timestamptz not null default now(),
  released_at timestamptz,
  release_reason text,
  check ((released_at is null) = (release_reason is null))
);
create unique index payout_batches_anchor on payout_batches (anchor_tx_hash, anchor_index)
  where released_at is null and kind = 'payout';

create table outbound_payments (
  -- HMAC-SHA256 of API key name and Idempotency-Key under PAYOUT_ID_SECRET, its first 16 bytes.
  id text primary key check (id ~ '^[0-9a-f]{32}$'),
  -- Null while an adopted payout's POST wasn't repeated.
  api_key text,
  idempotency_key text,
  body_hash text,
  user_id text check (length(user_id) between 1 and 200),
  destination_address text not null,
  amount_lovelace numeric not null check (amount_lovelace > 0 and scale(amount_lovelace) = 0),
  assets jsonb not null default '{}' check (jsonb_typeof(assets) = 'object'),
  reference_id text,
  metadata jsonb,
  status text not null check (status in
    ('awaiting_approval', 'queued', 'submitted', 'in_block', 'confirmed', 'failed', 'cancelled')),
  -- Rises whenever something that was told and booked is taken back: the key of what comes again.
  turn int not null default 0 check (turn >= 0),
  -- Held of the user's lovelace on top of the amount; 0 where the treasury bears the fee.
  held_fee numeric not null default 0 check (held_fee >= 0 and scale(held_fee) = 0),
  -- Whether the ledger holds (or, confirmed, has taken) this payout's amount.
  booked boolean not null default false,
  adopted boolean not null default false,
  -- Refused together with others: alone from now on, so that it can't hold them up.
  alone boolean not null default false,
  -- Not before then: it couldn't be paid for a reason of its own.
  retry_at timestamptz,
  retry_reason text,
  retry_detail text,
  batch_id bigint references payout_batches,
  tx_hash text check (tx_hash ~ '^[0-9a-f]{64}$'),
  fee_lovelace numeric check (fee_lovelace >= 0),
  block_height bigint,
  failure_reason text,
  created_by text not null,
  approved_by text,
  approved_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  confirmed_at timestamptz,
  unique (api_key, idempotency_key)
);
create index outbound_payments_queue on outbound_payments (created_at, id)
  where status = 'queued' and batch_id is null;
create index outbound_payments_open on outbound_payments (status, created_at, id)
  where status in ('awaiting_approval', 'queued', 'submitted', 'in_block', 'failed');
create index outbound_payments_batch on outbound_payments (batch_id) where batch_id is not null;
create index outbound_payments_due on outbound_payments (block_height) where status = 'in_block';
create index outbound_payments_tx on outbound_payments (tx_hash) where tx_hash is not null;
create index outbound_payments_user on outbound_payments (user_id, created_at, id);
create index outbound_payments_listed on outbound_payments (created_at, id);

-- Signed transactions of the hot wallet: rows are never deleted.
create table payout_transactions (
  tx_hash text primary key check (tx_hash ~ '^[0-9a-f]{64}$'),
  batch_id bigint references payout_batches,
  -- Null where it was adopted from the chain: the bytes are elsewhere.
  cbor bytea,
  fee_lovelace numeric not null,
  -- The ledger takes it in slots below this one; null where an adopted one doesn't say.
  invalid_hereafter bigint,
  -- Own transactions that it needs first: 0 where all inputs were in blocks.
  chain_depth int not null default 0,
  adopted boolean not null default false,
  -- Refused for what it is and not for when or where: another attempt takes its place.
  refused_reason text,
  submissions int not null default 0,
  first_submitted_at timestamptz,
  next_submission_at timestamptz not null default now(),
  last_answer text,
  block_hash text,
  block_height bigint,
  slot bigint,
  created_at timestamptz not null default now(),
  check ((block_hash is null) = (block_height is null))
);
create index payout_transactions_batch on payout_transactions (batch_id);
create index payout_transactions_height on payout_transactions (block_height) where block_height is not null;
create index payout_transactions_open on payout_transactions (next_submission_at) where block_height is null;

create table payout_transaction_inputs (
  tx_hash text not null references payout_transactions,
  input_tx_hash text not null,
  input_index int not null,
  primary key (tx_hash, input_tx_hash, input_index)
);
create index payout_transaction_inputs_spent on payout_transaction_inputs (input_tx_hash, input_index);

-- Which output of which transaction pays which payout.
create table payout_attempts (
  payout_id text not null references outbound_payments,
  tx_hash text not null references payout_transactions,
  output_index int not null,
  -- This payout's part of the network fee; the parts of a transaction add up to its fee.
  fee_share numeric not null check (fee_share >= 0),
  primary key (payout_id, tx_hash)
);
create index payout_attempts_tx on payout_attempts (tx_hash);

-- What a signed transaction gives back to the hot wallet, before it is in a block.
create table payout_change (
  tx_hash text not null references payout_transactions,
  output_index int not null,
  amount_lovelace numeric not null,
  assets jsonb not null default '{}',
  primary key (tx_hash, output_index)
);

-- Two batches never spend one output: the primary key is the reservation.
create table wallet_reservations (
  tx_hash text not null,
  output_index int not null,
  batch_id bigint not null references payout_batches,
  primary key (tx_hash, output_index)
);
create index wallet_reservations_batch on wallet_reservations (batch_id);

-- A hot wallet has a past: what it held before it was followed, found by a query at `slot`.
create table wallet_backfills (
  partition_id int not null,
  address text not null,
  slot bigint not null,
  block_hash text not null,
  block_height bigint not null,
  found int not null,
  created_at timestamptz not null default now(),
  primary key (partition_id, address)
);
-- Backfilled outputs have no block.
alter table wallet_outputs alter column block_hash drop not null;
alter table wallet_outputs alter column block_height drop not null;
alter table wallet_outputs alter column slot drop not null;
-- A reference script makes whoever spends it pay for its bytes.
alter table wallet_outputs add column has_script boolean not null default false;

alter table balance_transactions add column payout_turn int;
create unique index balance_transactions_payout_once on balance_transactions
  (payout_id, payout_turn, unit, bucket, type, reason) where payout_id is not null;

-- Attempts of one payout that lack a common input although neither was released: always empty. Anyone may look.
create view payout_attempts_without_common_input as
  select a.payout_id, a.tx_hash as first_tx_hash, b.tx_hash as second_tx_hash
    from payout_attempts a
    join payout_attempts b on b.payout_id = a.payout_id and b.tx_hash > a.tx_hash
    join payout_transactions ta on ta.tx_hash = a.tx_hash
    join payout_transactions tb on tb.tx_hash = b.tx_hash
    left join payout_batches ba on ba.id = ta.batch_id
    left join payout_batches bb on bb.id = tb.batch_id
   where not (ta.batch_id is distinct from tb.batch_id
              and (ba.released_at is not null or bb.released_at is not null))
     and not exists (
       select 1 from payout_transaction_inputs ia
         join payout_transaction_inputs ib using (input_tx_hash, input_index)
        where ia.tx_hash = a.tx_hash and ib.tx_hash = b.tx_hash);
