-- Up Migration

-- What the wallets lacked at a verification stands beside its mismatches. Older code goes on beside this, and says
-- nothing of it.

alter table verifications
  -- Of how many units the wallets held less than users were owed; null where an older version verified.
  add column short_units int,
  -- How much of that is ada; null where amounts couldn't be read, too.
  add column short_lovelace numeric;
