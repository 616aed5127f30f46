import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { tellerInTests } from '../../test/support/teller.js';

const { teller } = tellerInTests();

test('a backup removes what a killed one left behind a day ago, and nothing younger', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'teller-leftovers-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const old = '.chain-teller-preprod-all-20260101T000000000Z.zip.partial';
  const young = '.chain-teller-preprod-all-20260102T000000000Z.zip.partial';
  for (const name of [old, young]) await writeFile(join(directory, name), 'cut off');
  const then = new Date(Date.now() - 2 * 86_400_000);
  await utimes(join(directory, old), then, then);
  expect((await teller(['backup', '--to', directory])).exitCode).toBe(0);
  const names = await readdir(directory);
  expect(names).toContain(young);
  expect(names).not.toContain(old);
});
