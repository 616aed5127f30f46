import type { Pool } from 'pg';
import { inTransaction, type Queryable, type Tx } from '../../database/transaction.js';
import { DISCREPANCY_JSON, type DiscrepancyView } from './run-reads.js';

const READ = `select ${DISCREPANCY_JSON} as view from reconciliation_discrepancies d where d.id = $1`;

/** Null where there is none of that number. */
const readDiscrepancy = async (db: Queryable, id: string): Promise<DiscrepancyView | null> =>
  (await db.query<{ view: DiscrepancyView }>(READ, [id])).rows[0]?.view ?? null;

const EXPLAIN = `
  update reconciliation_discrepancies d
     set state = 'explained', reason = $2, closed_by = $3, closed_at = $4
    from reconciliation_runs r
   where d.id = $1 and d.state = 'open' and r.id = d.run_id and r.state <> 'running'`;

const AUDIT = `
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  values ('reconciliation.explained', 'discrepancy', $1, $2, $3, $4)`;

export type Explained =
  | { readonly type: 'explained'; readonly discrepancy: DiscrepancyView }
  | { readonly type: 'not_found' }
  /** It isn't open any more, or its run isn't over yet. */
  | { readonly type: 'not_open'; readonly discrepancy: DiscrepancyView };

/** Somebody answers for a difference: it counts no longer, and who said so is written down. */
export const explainDiscrepancy = (
  pool: Pool,
  id: string,
  actor: string,
  reason: string,
  at: Date,
): Promise<Explained> =>
  inTransaction(pool, async (tx) => {
    const changed = (await tx.query(EXPLAIN, [id, reason, actor, at])).rowCount === 1;
    const discrepancy = await readDiscrepancy(tx, id);
    if (discrepancy === null) return { type: 'not_found' };
    if (!changed) return { type: 'not_open', discrepancy };
    const { runId, type, txHash, outputIndex } = discrepancy;
    const details = JSON.stringify({ reason, runId, type, txHash, outputIndex });
    await tx.query(AUDIT, [id, actor, details, at]);
    return { type: 'explained', discrepancy };
  });

// Written where its row is, with what the row says at that moment.
const TELL = `
  insert into outbox (type, event_key, data)
  select 'reconciliation.discrepancy', 'reconciliation.discrepancy:' || d.id, ${DISCREPANCY_JSON}
    from reconciliation_discrepancies d
   where d.run_id = $1 and d.state = 'open'
   order by d.id
  on conflict (event_key) do nothing`;

// The same output, the same difference, the same values as where a person answered for it. What was healed
// or another one in between is looked at anew.
const CARRY_OVER = `
  update reconciliation_discrepancies d
     set state = 'explained', reason = b.reason, closed_by = b.closed_by, closed_at = b.closed_at
    from (
      select n.id, l.reason, l.closed_by, l.closed_at
        from reconciliation_discrepancies n
        join reconciliation_runs r on r.id = n.run_id
       cross join lateral (
         select o.run_id, o.reason, o.closed_by, o.closed_at
           from reconciliation_discrepancies o
           join reconciliation_runs e on e.id = o.run_id
          where o.tx_hash = n.tx_hash and o.output_index = n.output_index and o.type = n.type
            and o.run_id < n.run_id and e.partition_id = r.partition_id
            and o.state = 'explained' and o.closed_by not like 'run %'
            and o.recorded is not distinct from n.recorded and o.on_chain is not distinct from n.on_chain
          order by o.run_id desc limit 1) l
       where n.run_id = $1 and n.state = 'open'
         and not exists (
           select 1 from reconciliation_discrepancies m
            where m.tx_hash = n.tx_hash and m.output_index = n.output_index and m.type = n.type
              and m.run_id > l.run_id and m.run_id < n.run_id
              and (m.state = 'repaired' or m.recorded is distinct from n.recorded
                   or m.on_chain is distinct from n.on_chain))) b
   where d.id = b.id`;

/**
 * For the transaction that ends a run or its repair. What a person answered for before stays explained by
 * them for as long as neither side of it changes; what is left open is told from then on, each once.
 *
 * @returns how many were explained before
 */
export async function tellDiscrepancies(tx: Tx, runId: string): Promise<number> {
  const { rowCount } = await tx.query(CARRY_OVER, [runId]);
  await tx.query(TELL, [runId]);
  return rowCount ?? 0;
}
