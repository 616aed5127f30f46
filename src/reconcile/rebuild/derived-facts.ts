import type { Tx } from '../../database/transaction.js';
import type { Stretch } from '../../payments/digest/check-digest.js';
import type { PlacedFact } from '../../payments/digest/fact-queries.js';
import { readStoredValue } from '../../payments/stored-value.js';
import { type CompareScope, DERIVED, IS_FOLLOWED, scopeValues } from './candidate-queries.js';

/** A ledger told of it: no block of those that were followed for its address made it. */
const IS_BEFORE = `
  (r.block_height is null and r.counted_from is not null and not coalesce(${IS_FOLLOWED}, false))`;

/** Rows that don't count from where they must; where that isn't known, from no height that a chain may have. */
const DATED = `
  dated as materialized (
    select split_part(reference, '#', 1) as tx_hash, split_part(reference, '#', 2)::int as output_index, counts_from
      from unnest($8::text[], $9::bigint[]) as misdated (reference, counts_from)
  )`;

/**
 * What the state digest is made of, as the blocks that were read have it. The live tables are only asked
 * about what may be recorded in more than one way: what was there before it was followed, and what may
 * be there and needn't.
 */
const factsOf = (picked: string, derived: string, recorded: string): string => `
  with ${DATED}, ${picked}derived as (
    select d.*,
           case when ${IS_BEFORE} then coalesce(m.counts_from, r.counted_from)
                when d.must and d.in_block or r.block_height is not null then d.block_height
                when d.must then d.asked_at end as counted_at,
           not ${IS_BEFORE}
             and (d.must and d.in_block or r.block_height is not null) as by_block
      from (${derived}) d
      left join lateral (
        select p.block_height, p.counted_from from incoming_payments p
         where d.kind = 'payment' and p.partition_id = $2 and p.status <> 'rolled_back'
           and p.tx_hash = d.tx_hash and p.output_index = d.output_index
        union all
        select w.block_height, w.counted_from from wallet_outputs w
         where d.kind is distinct from 'payment' and w.partition_id = $2
           and w.tx_hash = d.tx_hash and w.output_index = d.output_index) r on true
      left join dated m on m.tx_hash = d.tx_hash and m.output_index = d.output_index
  ), older as (
    select r.tx_hash, r.output_index, r.address, r.amount_lovelace, r.assets,
           coalesce(m.counts_from, r.counted_from) as counted_from
      from ${recorded} r
      left join dated m on m.tx_hash = r.tx_hash and m.output_index = r.output_index
     where (r.block_height <= $3 or r.block_height is null and r.counted_from <= $4)
       and not exists (select 1 from rebuild_outputs o
                        where o.job_id = $1 and o.tx_hash = r.tx_hash and o.output_index = r.output_index)
       -- Of which neither blocks nor ledger know anything.
       and not exists (select 1 from rebuild_candidates k
                        where k.job_id = $1 and k.tx_hash = r.tx_hash and k.output_index = r.output_index
                          and k.asked and k.ledger is null)
  ), counted as (
    select tx_hash, output_index from derived where counted_at is not null
    union all select tx_hash, output_index from older
  )
  select counted_at as height, tx_hash, output_index, address, amount_lovelace::text, assets,
         case when by_block then block_hash end as block_hash, case when by_block then slot end as slot,
         null as spent_by
    from derived where counted_at > $6 and counted_at <= $7
  union all
  select counted_from, tx_hash, output_index, address, amount_lovelace::text, assets, null, null, null
    from older where counted_from > $6 and counted_from <= $7
  union all
  select s.spent_height, s.tx_hash, s.output_index, null, null, null, null, null, s.spent_by
    from rebuild_spends s join counted c using (tx_hash, output_index)
   where s.job_id = $1 and s.spent_height > $6 and s.spent_height <= $7 and $5::text is not distinct from $5
   order by 1`;

const RECORDED = `
  select tx_hash, output_index, address, amount_lovelace, assets, block_height, counted_from
    from incoming_payments where partition_id = $2 and status <> 'rolled_back'`;
const RECORDED_OF_WALLET = `
  select tx_hash, output_index, address, amount_lovelace, assets, block_height, counted_from
    from wallet_outputs where partition_id = $2`;
const ALL = factsOf('', DERIVED, `(${RECORDED} union all ${RECORDED_OF_WALLET})`);

// Whatever makes an output or its spend count at a height: a block, or the ledger that was asked at that height.
const BETWEEN = `
  picked as materialized (
    select tx_hash, output_index from rebuild_outputs
     where job_id = $1 and block_height > $6 and block_height <= $7
    union select tx_hash, output_index from rebuild_spends
     where job_id = $1 and spent_height > $6 and spent_height <= $7
    union select tx_hash, output_index from incoming_payments
     where partition_id = $2 and counted_from > $6 and counted_from <= $7
    union select tx_hash, output_index from wallet_outputs
     where partition_id = $2 and counted_from > $6 and counted_from <= $7
    union select tx_hash, output_index from dated where counts_from > $6 and counts_from <= $7
    union select o.tx_hash, o.output_index
      from payment_addresses a join rebuild_outputs o on o.job_id = $1 and o.address = a.address
     where a.partition_id = $2 and a.backfilled_height > $6 and a.backfilled_height <= $7
    union select o.tx_hash, o.output_index
      from wallet_backfills w join rebuild_outputs o on o.job_id = $1 and o.address = w.address
     where w.partition_id = $2 and w.block_height > $6 and w.block_height <= $7
  ), `;
const OF_PICKED = 'and (tx_hash, output_index) = (k.tx_hash, k.output_index)';
const PICKED = factsOf(
  BETWEEN,
  `${DERIVED} and (o.tx_hash, o.output_index) in (select tx_hash, output_index from picked)`,
  `picked k cross join lateral (
     ${RECORDED} ${OF_PICKED} union all ${RECORDED_OF_WALLET} ${OF_PICKED})`,
);

type Row = {
  height: string;
  tx_hash: string;
  output_index: number;
  address: string | null;
  amount_lovelace: string | null;
  assets: unknown;
  block_hash: string | null;
  slot: string | null;
  spent_by: string | null;
};

const FETCH = 'fetch 10000 from rebuild_facts';

const DECLARE = 'declare rebuild_facts no scroll cursor for';
const DECLARE_ALL = `${DECLARE} ${ALL}`;
const DECLARE_PICKED = `${DECLARE} ${PICKED}`;

/** Those of a stretch, in the order of heights, in pages. */
export async function* derivedFacts(
  tx: Tx,
  scope: CompareScope,
  { above, upTo }: Stretch,
): AsyncGenerator<PlacedFact[]> {
  const isAll = above <= scope.fromHeight && upTo >= scope.height;
  const values = [
    ...scopeValues(scope),
    above,
    upTo,
    scope.misdated.map(({ reference }) => reference),
    scope.misdated.map(({ countsFrom }) => countsFrom ?? Number.MAX_SAFE_INTEGER),
  ];
  await tx.query(isAll ? DECLARE_ALL : DECLARE_PICKED, values);
  for (;;) {
    const { rows } = await tx.query<Row>(FETCH);
    if (rows.length === 0) break;
    yield rows.map((row) => ({ height: Number(row.height), fact: factFrom(row) }));
  }
  await tx.query('close rebuild_facts');
}

function factFrom(row: Row): PlacedFact['fact'] {
  const { tx_hash: txHash, output_index: outputIndex } = row;
  if (row.spent_by !== null) return { type: 'spend', txHash, outputIndex, spentBy: row.spent_by };
  const value = readStoredValue(row.amount_lovelace ?? '0', row.assets ?? {});
  return {
    type: 'output',
    txHash,
    outputIndex,
    address: row.address ?? '',
    // An older row's may be none: then it isn't what was folded, and the digests differ.
    lovelace: value.lovelace,
    assets: value.assets,
    block: row.block_hash === null ? null : { hash: row.block_hash, slot: Number(row.slot) },
  };
}
