import type { Tx } from '../../database/transaction.js';
import { readDigest, storedDigests } from '../../payments/digest/digest-queries.js';
import { showSum } from '../../payments/digest/facts.js';
import { type DigestCorrection, type Relinked, relink } from './relink-digest.js';
import { auditHealing } from './store-queries.js';

const STORE = `
  insert into state_digests (partition_id, height, facts, facts_sum, digest)
  select $1, * from unnest($2::bigint[], $3::int[], $4::text[], $5::text[])
  on conflict (partition_id, height) do update
     set facts = excluded.facts, facts_sum = excluded.facts_sum, digest = excluded.digest`;
const DROP = 'delete from state_digests where partition_id = $1 and height = any($2::bigint[])';
/** Rows that are stored in one statement. */
const STORED_AT_ONCE = 5_000;

/**
 * Sets right what the digest says of blocks that were healed, and links what is above once more: most often
 * nothing of it changes, for it was the rows that somebody had changed.
 */
export async function rewriteDigest(
  tx: Tx,
  at: Date,
  partitionId: number,
  correction: DigestCorrection,
  { actor, cause }: { readonly actor: string; readonly cause: string },
): Promise<number> {
  const heights = [
    ...[...correction.blocks.keys()].map((height) => height - 1),
    ...correction.proven.map(({ above }) => above),
  ];
  if (heights.length === 0) return 0;
  const above = heights.reduce((lowest, one) => Math.min(lowest, one));
  const recorded = await readDigest(tx, partitionId);
  const { digest } = await readDigest(tx, partitionId, above);
  const stored = storedDigests(tx, partitionId, Number.MAX_SAFE_INTEGER, above);
  let changed = 0;
  let page: Relinked[] = [];
  for await (const one of relink(digest, stored, correction)) {
    page.push(one);
    if (page.length < STORED_AT_ONCE) continue;
    changed += page.length;
    await store(tx, partitionId, page);
    page = [];
  }
  await store(tx, partitionId, page);
  changed += page.length;
  if (changed === 0) return 0;
  const details = { cause, above, recorded, computed: await readDigest(tx, partitionId) };
  await auditHealing(tx, at, actor, [
    { action: 'digest.corrected', entityType: 'state_digest', entityId: `${partitionId}`, details },
  ]);
  return changed;
}

async function store(tx: Tx, partitionId: number, page: readonly Relinked[]): Promise<void> {
  const gone = page.filter(({ row }) => row === null).map(({ height }) => height);
  if (gone.length > 0) await tx.query(DROP, [partitionId, gone]);
  const rows = page.flatMap(({ row }) => row ?? []);
  if (rows.length === 0) return;
  await tx.query(STORE, [
    partitionId,
    rows.map(({ height }) => height),
    rows.map(({ facts }) => facts),
    rows.map(({ sum }) => showSum(sum)),
    rows.map((row) => row.digest),
  ]);
}
