import { expect, onTestFinished, test } from 'vitest';
import { folderInTests } from '../../test/support/backups.js';
import { createEmptyDatabase } from '../../test/support/database.js';
import { fillEveryTable } from '../../test/support/every-table.js';
import { tellerInTests } from '../../test/support/teller.js';
import { readLastBackups } from '../health/backup-metrics.js';
import { backupByPlan } from '../reconcile/backup/backup-by-plan.js';
import type { ProofEvent } from '../reconcile/model/proof-events.js';

const folder = folderInTests();
const { under, teller } = tellerInTests();
const WRONG =
  /another hand changed sync_state or blocks: the cursor is 200\.a{64} at height 7, and the highest of blocks is 200\.a{64} at height 10\. /;

test('a backup of books whose cursor another hand changed is written, and said, and no success; so is its restore', async () => {
  const { pool, url } = under.database;
  await fillEveryTable(pool);
  await pool.query('delete from chain_jobs');
  await pool.query('delete from backups');
  await pool.query('update sync_state set last_block_height = last_block_height - 3');
  const { exitCode, out, err } = await teller(['backup', '--to', folder.path, '--json']);
  const made = JSON.parse(out) as { file: string; problems: string[] };
  expect(exitCode, err).toBe(3);
  expect(err).toMatch(WRONG);
  expect(made.problems).toEqual([expect.stringMatching(WRONG)]);

  const told: ProofEvent[] = [];
  const { written } = await backupByPlan({
    pool,
    url,
    network: 'preprod',
    version: '0.0.0',
    directory: folder.path,
    observe: (event) => void told.push(event),
    now: () => new Date(),
  });
  // There is an `all` of today already.
  expect(written).toHaveLength(2);
  expect(told).toMatchObject([
    { type: 'backup_doubtful', kind: 'critical', reason: expect.stringMatching(WRONG) as string },
    { type: 'backup_finished', kind: 'addresses' },
  ]);
  expect((await readLastBackups(pool)).map(({ set }) => set)).toEqual(['addresses']);
  const { rows } = await pool.query('select problem from backups where file = $1', [made.file]);
  expect(rows).toEqual([{ problem: expect.stringMatching(WRONG) as string }]);

  const empty = await createEmptyDatabase();
  onTestFinished(() => empty.drop());
  const environment = { ...under.environment, DATABASE_URL: empty.url };
  const restored = await teller(['restore', made.file], { environment });
  expect(restored.exitCode, restored.err).toBe(3);
  expect(restored.err).toMatch(WRONG);
});
