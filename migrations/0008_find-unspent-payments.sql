-- Up Migration

-- What is unspent at an address, however much was ever paid to it: a comparison with the chain asks for thousands of
-- addresses at a time. Older code goes on beside this, and doesn't use it.
create index incoming_payments_unspent on incoming_payments (partition_id, address)
 where spent_by is null and status <> 'rolled_back';
