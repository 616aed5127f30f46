import type { Tx } from '../../database/transaction.js';
import { DISCREPANCY_JSON } from './run-reads.js';

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
