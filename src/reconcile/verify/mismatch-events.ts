import { createHash } from 'node:crypto';
import type { Tx } from '../../database/transaction.js';

const TELL = `
  insert into outbox (type, event_key, data, created_at)
  select 'balance.mismatch', event_key, data, $1
    from unnest($2::text[], $3::jsonb[]) with ordinality as e (event_key, data, ord)
   order by ord
  on conflict (event_key) do nothing`;

/** The same mismatch is told once a day, for as long as it is there. */
export async function tellMismatches(
  tx: Tx,
  at: Date,
  mismatches: readonly (readonly [kind: string, mismatch: object])[],
): Promise<void> {
  if (mismatches.length === 0) return;
  const rows = mismatches.map(([kind, mismatch]) => JSON.stringify({ kind, ...mismatch }));
  const day = at.toISOString().slice(0, 10);
  const keys = rows.map(
    (row) => `balance.mismatch:${day}:${createHash('sha256').update(row).digest('hex')}`,
  );
  await tx.query(TELL, [at, keys, rows]);
}
