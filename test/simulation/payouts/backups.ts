import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inTransaction } from '../../../src/database/transaction.js';
import { makeBackup } from '../../../src/reconcile/backup/make-backup.js';
import { openArchive } from '../../../src/reconcile/backup/read-archive.js';
import { type RestoreReport, restoreBackup } from '../../../src/reconcile/backup/restore.js';
import { CHECKPOINT_INTERVAL_BLOCKS } from '../../../src/sync/points.js';
import { pruneHeaders } from '../../../src/sync/queries.js';
import { emptyTables } from '../../support/follow.js';
import { type PaymentRecord, readBooks } from '../books.js';
import { NETWORK } from '../network.js';
import type { World } from '../state.js';
import type { PayoutWorld } from './state.js';

/** Few, so that something lies below: from then on no fork goes deeper, and no node is further behind. */
const HEADERS_KEPT = 3;
const untold = (): void => undefined;

/** Makes a backup as `teller backup` does. @returns what puts it into an emptied database, as `teller restore` does */
export async function backUp(
  world: World,
  payouts: PayoutWorld,
  set: 'critical' | 'all',
): Promise<() => Promise<void>> {
  const { pool } = world;
  const url = urlOf(world);
  if (set === 'critical') await prune(world, payouts);
  payouts.backupDirectory ??= await mkdtemp(join(tmpdir(), 'teller-simulation-'));
  const now = () => new Date();
  const deps = { pool, url, network: NETWORK.name, version: '0.0.0', now };
  const { file } = await makeBackup(deps, set, payouts.backupDirectory, untold);
  const { payments } = await readBooks(pool);
  return async () => {
    await emptyTables(pool);
    await pool.query('truncate verifications');
    const archive = await openArchive(file);
    const into = { url, network: NETWORK.name, actor: 'operator:sim', now };
    const progress = { onBytes: untold, onRows: untold, onIndexed: untold };
    const report = await restoreBackup(into, archive, progress).finally(archive.close);
    await lookAtRestored(world, payouts, report, payments);
  };
}

export async function forgetBackups({ payouts }: World): Promise<void> {
  const directory = payouts?.backupDirectory ?? null;
  if (directory !== null) await rm(directory, { recursive: true, force: true });
}

/** What a backup left out is known here, and only here, until the chain has given it back. */
async function lookAtRestored(
  world: World,
  payouts: PayoutWorld,
  { digests, jobs }: RestoreReport,
  before: readonly PaymentRecord[],
): Promise<void> {
  if (digests?.some(({ firstDifference }) => firstDifference !== null) === true) {
    throw new Error('the restored rows are not those of their digest');
  }
  const [jobId = null] = jobs;
  const restored = new Set((await readBooks(world.pool)).payments.map(referenceOf));
  const leftOut = before.filter((row) => !restored.has(referenceOf(row)));
  payouts.filling = jobId === null ? null : { jobId, leftOut };
  if (jobId === null && leftOut.length > 0) throw new Error('rows were left out for good');
  world.tally.leftOut += leftOut.length;
}

const referenceOf = (row: PaymentRecord): string => `${row.tx_hash}#${row.output_index}`;

/** After every commit: whether the chain has given back what was left out. */
export async function lookForFilling({ pool, payouts, tally }: World): Promise<void> {
  if (payouts === null || payouts.filling === null) return;
  const { rows } = await pool.query<{ state: string; problem: string | null; result: object }>(
    'select state, problem, result from chain_jobs where id = $1',
    [payouts.filling.jobId],
  );
  const [job] = rows;
  if (job?.state === 'queued' || job?.state === 'running') return;
  if (job?.state !== 'done') throw new Error(`what was left out is lost: ${JSON.stringify(job)}`);
  tally.filled += payouts.filling.leftOut.length;
  payouts.filling = null;
}

/** As the follower prunes them once far more blocks lie above. */
async function prune({ pool, books, chain }: World, payouts: PayoutWorld): Promise<void> {
  const shared = books?.blocks.findLast(({ hash }) => chain.indexOf(hash) !== undefined);
  const below = (shared?.height ?? 0) - HEADERS_KEPT;
  if (below <= payouts.prunedBelow) return;
  await inTransaction(pool, (tx) => pruneHeaders(tx, 0, below, CHECKPOINT_INTERVAL_BLOCKS));
  payouts.prunedBelow = below;
}

/** Backups need sessions of their own. */
function urlOf({ pool }: World): string {
  const { connectionString } = pool.options;
  if (connectionString === undefined) throw new Error('the database has no URL');
  return connectionString;
}
