import type { Queryable } from '../database/transaction.js';
import { DISCREPANCY_TYPES, type DiscrepancyType } from '../reconcile/model/finding.js';
import { latestRun, type RunView } from '../reconcile/runs/run-reads.js';
import { readSchedules, type ScheduleRow } from '../reconcile/schedule/schedule-queries.js';

/** What the books know of being compared with the chain. */
export type ProofReading = {
  readonly open: Readonly<Record<DiscrepancyType, number>>;
  /** The last full run that came to its end. */
  readonly lastReconciliation: RunView | null;
  /** Whether it, or a comparison between the nights since then, found what no single output explains. */
  readonly hasProblem: boolean;
  readonly lastBackup: BackupRow | null;
  readonly schedules: readonly ScheduleRow[];
};

export type BackupRow = {
  readonly kind: string;
  readonly finishedAt: Date;
  readonly file: string | null;
  readonly bytes: string | null;
  readonly blockHeight: string | null;
};

// What a run that isn't over found may still turn out to be nothing.
const OPEN = `
  select d.type, count(*)::int as count
    from reconciliation_discrepancies d
    join reconciliation_runs r on r.id = d.run_id
   where d.state = 'open' and r.state = 'finished'
   group by d.type`;

// A later full run looks at everything again; between the nights the same is told once.
const FOUND_SINCE = `
  select exists (
    select 1 from reconciliation_runs
     where scope = 'continuous' and id > $1 and state = 'finished' and problem is not null) as found`;

async function foundSince(db: Queryable, runId: string): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>(FOUND_SINCE, [runId]);
  return rows[0]?.found === true;
}

const LAST_BACKUP = `
  select kind, finished_at as "finishedAt", file, bytes::text, block_height::text as "blockHeight"
    from backups where finished_at is not null and problem is null
   order by finished_at desc limit 1`;

export async function readProof(db: Queryable): Promise<ProofReading> {
  const { rows } = await db.query<{ type: DiscrepancyType; count: number }>(OPEN);
  const found = new Map(rows.map(({ type, count }) => [type, count]));
  const counts = DISCREPANCY_TYPES.map((type) => [type, found.get(type) ?? 0] as const);
  const lastReconciliation = await latestRun(db, 'full');
  const isOpen = lastReconciliation !== null && lastReconciliation.problem !== null;
  const backups = await db.query<BackupRow>(LAST_BACKUP);
  return {
    open: Object.fromEntries(counts) as Record<DiscrepancyType, number>,
    lastReconciliation,
    hasProblem: isOpen || (await foundSince(db, lastReconciliation?.id ?? '0')),
    lastBackup: backups.rows[0] ?? null,
    schedules: await readSchedules(db),
  };
}
