import type { Queryable, Tx } from '../../database/transaction.js';
import type { HealContext } from '../heal/context.js';
import type { HealedFinding } from '../model/finding.js';

const CLOSE = `
  update reconciliation_discrepancies d
     set state = h.state, reason = h.reason,
         closed_by = case when h.state = 'open' then null else $2 end,
         closed_at = case when h.state = 'open' then null else $3::timestamptz end
    from unnest($4::text[], $5::text[], $6::int[], $7::text[], $8::text[])
      as h (type, tx_hash, output_index, state, reason)
   where d.run_id = $1 and d.type = h.type and d.tx_hash = h.tx_hash
     and d.output_index = h.output_index and d.state = 'open'`;

// What was seen again from run to run is one difference. Where it was gone in between it is another one, and what
// a person answered for stays theirs.
const CLOSE_EARLIER = `
  with recursive seen as (
    select $1::bigint as run_id, h.* from unnest($4::text[], $5::text[], $6::int[]) as h (type, tx_hash, output_index)
    union
    select d.run_id, d.type, d.tx_hash, d.output_index
      from seen s
      join reconciliation_discrepancies d using (type, tx_hash, output_index)
      join reconciliation_runs r on r.id = d.run_id
     where d.run_id < s.run_id and r.partition_id = $7 and r.state <> 'running'
       and (d.state = 'open' or d.state = 'explained' and d.closed_by = 'run ' || s.run_id
                                and d.reason = 'seen again in run ' || s.run_id)
  )
  update reconciliation_discrepancies d
     set state = 'repaired', reason = 'repaired in run ' || $1::text, closed_by = $2, closed_at = $3
    from seen s
   where d.run_id = s.run_id and d.run_id < $1::bigint and d.type = s.type and d.tx_hash = s.tx_hash
     and d.output_index = s.output_index`;

/** What became of each finding of a run, and of the same ones of earlier runs. */
export async function closeHealed(
  tx: Tx,
  at: Date,
  runId: string,
  { actor, partitionId }: HealContext,
  findings: readonly HealedFinding[],
): Promise<void> {
  await tx.query(CLOSE, [
    runId,
    actor,
    at,
    ...keysOf(findings),
    findings.map(({ state }) => state),
    findings.map(({ reason }) => reason),
  ]);
  const repaired = findings.filter(({ state }) => state === 'repaired');
  if (repaired.length === 0) return;
  await tx.query(CLOSE_EARLIER, [runId, actor, at, ...keysOf(repaired), partitionId]);
}

/** Type, transaction and index of each. */
function keysOf(findings: readonly HealedFinding[]): [string[], string[], number[]] {
  const parts = findings.map(({ reference }) => reference.split('#'));
  return [
    findings.map(({ type }) => type),
    parts.map(([txHash = '']) => txHash),
    parts.map(([, index]) => Number(index)),
  ];
}

const NOTE_REPAIRED = `
  update reconciliation_runs set repaired = $2, repair = true, problem = $3 where id = $1`;

/** @param problem what differs without any single output to be named, after all was healed */
export const noteRepaired = (tx: Tx, runId: string, repaired: number, problem: string | null) =>
  tx.query(NOTE_REPAIRED, [runId, repaired, problem]);

const OWNERS = 'select distinct user_id from payment_addresses where address = any($1::text[])';

/** Users whose ledger a repair of some addresses may touch. */
export const ownersOfAddresses = async (
  db: Queryable,
  addresses: readonly string[],
): Promise<string[]> =>
  (await db.query<{ user_id: string }>(OWNERS, [addresses])).rows.map((row) => row.user_id);
