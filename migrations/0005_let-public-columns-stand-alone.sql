-- Up Migration

-- Whoever corrects or tests the books knows the columns that are public. What such a statement leaves in the
-- columns that aren't must be found and healed, and not refused. Older code goes on beside this.

-- Spent is what names who spent it; at which height is for the worker to know.
alter table incoming_payments drop constraint incoming_payments_check2;

-- An entry names a whole output or none. All that is there does, so nothing has to be read for it.
alter table balance_transactions drop constraint balance_transactions_check;
alter table balance_transactions add constraint balance_transactions_name_whole_outputs
  check ((tx_hash is null) = (output_index is null)) not valid;
