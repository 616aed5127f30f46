-- Up Migration

-- Which PAYOUT_ID_SECRET made the ids of payouts: another one makes other ids, and what was paid would be paid again.
-- Every set of backups has it. Older code goes on beside this, and doesn't look.

-- At most one row; none until somebody who accepts or pays has started with a secret.
create table payout_id_fingerprint (
  only_row boolean primary key default true check (only_row),
  -- HMAC-SHA256 of a fixed text under the secret, its first 8 bytes: it tells secrets apart and gives none away.
  fingerprint text not null check (fingerprint ~ '^[0-9a-f]{16}$'),
  noted_at timestamptz not null default now()
);
