import type { Pool } from 'pg';
import { inTransaction, type Queryable, type Tx } from '../../database/transaction.js';
import { DISCREPANCY_JSON, type DiscrepancyView } from './run-reads.js';

const READ = `select ${DISCREPANCY_JSON} as view from reconciliation_discrepancies d where d.id = $1`;

/** Null where there is none of that number. */
export const readDiscrepancy = async (db: Queryable, id: string): Promise<DiscrepancyView | null> =>
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

/** For the transaction that ends a run or its repair: what is open is told from then on, each once. */
export const tellDiscrepancies = (tx: Tx, runId: string) => tx.query(TELL, [runId]);
