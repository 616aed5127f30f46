import type { Queryable, Tx } from '../../database/transaction.js';
import type { OutputHit, SpendHit } from '../../payments/match.js';
import { showAssets } from '../../payments/payment.js';

// What only looked like a watched address is left out here, against the addresses themselves.
const STORE_OUTPUTS = `
  insert into rebuild_outputs
    (job_id, tx_hash, output_index, address, amount_lovelace, assets, has_script, block_hash, block_height,
     slot, tx_position)
  select $1, o.* from unnest(
    $4::text[], $5::int[], $6::text[], $7::numeric[], $8::jsonb[], $9::boolean[], $10::text[],
    $11::bigint[], $12::bigint[], $13::int[])
    as o (tx_hash, output_index, address, amount_lovelace, assets, has_script, block_hash, block_height,
          slot, tx_position)
   where o.address = any($3::text[])
      or exists (select 1 from payment_addresses a where a.address = o.address and a.partition_id = $2)`;

/** @param own addresses that are watched without being registered: those of the hot wallet */
export const storeShadowOutputs = (
  tx: Tx,
  { jobId, partitionId, own }: { jobId: string; partitionId: number; own: readonly string[] },
  hits: readonly OutputHit[],
) =>
  tx.query(STORE_OUTPUTS, [
    jobId,
    partitionId,
    own,
    hits.map((hit) => hit.txHash),
    hits.map((hit) => hit.output.index),
    hits.map((hit) => hit.output.address),
    hits.map((hit) => hit.output.value.lovelace.toString()),
    hits.map((hit) => JSON.stringify(showAssets(hit.output.value.assets))),
    hits.map((hit) => hit.output.hasScript),
    hits.map((hit) => hit.block.block.id),
    hits.map((hit) => hit.block.block.height),
    hits.map((hit) => hit.block.slot),
    hits.map((hit) => hit.txPosition),
  ]);

const STORE_SPENDS = `
  insert into rebuild_spends (job_id, tx_hash, output_index, spent_by, spent_height)
  select $1, * from unnest($2::text[], $3::int[], $4::text[], $5::bigint[])`;

/** No ledger output has a larger index; one that is larger is a false hit. */
const OUTPUT_INDEX_MAX = 65_535;

export const storeShadowSpends = (tx: Tx, jobId: string, hits: readonly SpendHit[]) => {
  const rows = hits
    .map(({ reference, spentBy, block }) => {
      const [txHash = '', index = ''] = reference.split('#');
      return { txHash, index: Number(index), spentBy, height: block.block.height };
    })
    .filter(({ index }) => index <= OUTPUT_INDEX_MAX);
  return tx.query(STORE_SPENDS, [
    jobId,
    rows.map((row) => row.txHash),
    rows.map((row) => row.index),
    rows.map((row) => row.spentBy),
    rows.map((row) => row.height),
  ]);
};

const DELETE_OUTPUTS = 'delete from rebuild_outputs where job_id = $1 and block_height > $2';
const DELETE_SPENDS = 'delete from rebuild_spends where job_id = $1 and spent_height > $2';

/** A rollback: what the blocks above made and spent is as if it hadn't been. */
export async function undoShadowAbove(tx: Tx, jobId: string, height: number): Promise<void> {
  await tx.query(DELETE_OUTPUTS, [jobId, height]);
  await tx.query(DELETE_SPENDS, [jobId, height]);
}

const ENDED = `
  select id::text from chain_jobs j
   where j.kind = 'rebuild' and j.state in ('done', 'failed', 'cancelled')
     and (exists (select 1 from rebuild_outputs o where o.job_id = j.id)
          or exists (select 1 from rebuild_spends s where s.job_id = j.id)
          or exists (select 1 from rebuild_candidates c where c.job_id = j.id))`;

/** What rebuilds left that have ended, however they did. */
export async function forgetEndedShadows(db: Queryable): Promise<void> {
  const { rows } = await db.query<{ id: string }>(ENDED);
  for (const { id } of rows) {
    await db.query('delete from rebuild_candidates where job_id = $1', [id]);
    await db.query('delete from rebuild_outputs where job_id = $1', [id]);
    await db.query('delete from rebuild_spends where job_id = $1', [id]);
  }
}
