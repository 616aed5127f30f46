import { type OutputReference, outputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';

const IS_AT = 'coalesce(block_height, counted_from, -1) <= $2';
// What was spent up to then, most of what there ever was, isn't read. By "offset 0" the rows of each address are found by
// the index of unspent ones: for some thousands of addresses PostgreSQL would read all of the table.
const PAYMENTS_HELD = `
  with since as materialized (
    select tx_hash || '#' || output_index as reference, address from incoming_payments
     where partition_id = $1 and spent_height > $2 and spent_by is not null and status <> 'rolled_back' and ${IS_AT}
  )
  select string_agg(held.reference, ' ') as held from (
    select unspent.reference
      from unnest($3::text[]) as a (address)
     cross join lateral (
       select tx_hash || '#' || output_index as reference from incoming_payments p
        where p.partition_id = $1 and p.address = a.address and spent_by is null and status <> 'rolled_back'
          and ${IS_AT} offset 0) as unspent
    union all
    select reference from since where address = any($3)) as held`;
// Its past is long: what is unspent, and what was spent since then, have indexes.
const WALLET_HELD = `
  select string_agg(tx_hash || '#' || output_index, ' ') as held from (
    select tx_hash, output_index from wallet_outputs
     where partition_id = $1 and address = $3 and ${IS_AT} and spent_by is null
    union all
    select tx_hash, output_index from wallet_outputs
     where partition_id = $1 and address = $3 and ${IS_AT} and spent_by is not null and spent_height > $2
  ) as o`;

/**
 * What the books hold to be unspent at the addresses right after the block of that height: the hot wallet's among
 * its outputs, all others among the payments. As one text: a row for each would take longer than all the rest.
 */
export async function heldAt(
  db: Queryable,
  { partitionId, hotWallet }: { readonly partitionId: number; readonly hotWallet: string | null },
  height: number,
  addresses: readonly string[],
): Promise<(reference: OutputReference, address: string) => boolean> {
  const read = async (
    query: string,
    where: string | readonly string[],
  ): Promise<ReadonlySet<OutputReference>> => {
    const { rows } = await db.query<{ held: string | null }>(query, [partitionId, height, where]);
    return new Set(rows[0]?.held?.split(' '));
  };
  const others = addresses.filter((address) => address !== hotWallet);
  const isWalletAsked = hotWallet !== null && others.length < addresses.length;
  const payments = others.length === 0 ? NONE : await read(PAYMENTS_HELD, others);
  const wallets = isWalletAsked ? await read(WALLET_HELD, hotWallet) : NONE;
  return (reference, address) => (address === hotWallet ? wallets : payments).has(reference);
}

const NONE: ReadonlySet<OutputReference> = new Set();

const ELSEWHERE = `
  select tx_hash, output_index from (
    select tx_hash, output_index from incoming_payments
     where partition_id <> $1 and (tx_hash, output_index) in (select * from unnest($2::text[], $3::int[]))
    union all
    select tx_hash, output_index from wallet_outputs
     where partition_id <> $1 and (tx_hash, output_index) in (select * from unnest($2::text[], $3::int[]))
  ) o`;

/** Those of them that another partition's books have. */
export async function recordedElsewhere(
  db: Queryable,
  partitionId: number,
  references: readonly OutputReference[],
): Promise<Set<OutputReference>> {
  if (references.length === 0) return new Set();
  const parts = references.map((reference) => reference.split('#'));
  const { rows } = await db.query<{ tx_hash: string; output_index: number }>(ELSEWHERE, [
    partitionId,
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
  ]);
  return new Set(rows.map((row) => outputReference(row.tx_hash, row.output_index)));
}
