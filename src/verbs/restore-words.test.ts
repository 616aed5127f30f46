import { expect, onTestFinished, test } from 'vitest';
import { backUp, folderInTests } from '../../test/support/backups.js';
import { createEmptyDatabase } from '../../test/support/database.js';
import { tellerInTests } from '../../test/support/teller.js';

const folder = folderInTests();
const { under, teller } = tellerInTests();

test('whoever restores what a person had paused is told that this holds on, before a fence is spoken of', async () => {
  await under.database.pool.query(
    `update payout_control set paused_at = '2026-05-02T03:10:00Z', paused_by = 'operator:ann', pause_reason = 'a look'`,
  );
  const { file } = await backUp(under.database, folder.path);
  const empty = await createEmptyDatabase();
  onTestFinished(() => empty.drop());
  const environment = { ...under.environment, DATABASE_URL: empty.url };
  const { exitCode, out, err } = await teller(['restore', file], { environment });
  expect(exitCode, err).toBe(0);
  expect(out).toContain('by operator:ann, 2026-05-02T03:10:00.000Z: a look');
  expect(out).toMatch(
    /no fence goes out until `teller payout resume`\. After that\n`teller payout fence` makes/,
  );
});
