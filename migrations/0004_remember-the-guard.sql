-- Up Migration

-- What the chain-split guard must know whoever leads. Code 3 goes on beside this: it leaves both columns alone.

-- The highest block that there was at a rollback: what several of them took back together is counted from it.
alter table chain_guard add column peak_height bigint;

-- Why the network's share of slots with blocks couldn't be asked, so that thin hours aren't told; null where they are.
alter table chain_guard add column density_unknown text;
