import type { Tx } from '../../database/transaction.js';
import type { Header } from '../../sync/queries.js';

/** The block where the books begin is kept without what it stands on: only its children were followed. */
const READ = `
  read as (
    select h.hash, h.height, h.slot, h.boundary,
           case when h.height = s.start_height and not h.boundary then null else h.ancestor end as ancestor
      from unnest($2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::boolean[])
             as h (hash, height, slot, ancestor, boundary), sync_state s
     where s.partition_id = $1
       and (h.ancestor is not null or h.height <= 1 or h.height = s.start_height and not h.boundary))`;

const REMOVE = `
  with ${READ}
  delete from blocks b
   where b.partition_id = $1
     and (b.height, b.boundary) >= (select height, boundary from read order by height, boundary limit 1)
     and (b.height, b.boundary) <= (select height, boundary from read order by height desc, boundary desc limit 1)
     and not exists (select from read r
                      where (r.hash, r.height, r.slot, r.boundary) = (b.hash, b.height, b.slot, b.boundary)
                        and r.ancestor is not distinct from b.ancestor)
  returning b.hash`;
const STORE = `
  with ${READ}
  insert into blocks (partition_id, hash, height, slot, ancestor, boundary)
  select $1, hash, height, slot, ancestor, boundary from read
  on conflict do nothing
  returning hash`;

export type HeadersReplaced = {
  readonly removed: readonly string[];
  readonly stored: readonly string[];
};

/** Where headers were read, those are kept and no others. */
export async function replaceHeaders(
  tx: Tx,
  partitionId: number,
  headers: readonly Header[],
): Promise<HeadersReplaced> {
  const values = [
    partitionId,
    headers.map((header) => header.hash),
    headers.map((header) => header.height),
    headers.map((header) => header.slot),
    headers.map((header) => header.ancestor),
    headers.map((header) => header.boundary),
  ];
  const removed = await tx.query<{ hash: string }>(REMOVE, values);
  const stored = await tx.query<{ hash: string }>(STORE, values);
  return {
    removed: removed.rows.map(({ hash }) => hash),
    stored: stored.rows.map(({ hash }) => hash),
  };
}
