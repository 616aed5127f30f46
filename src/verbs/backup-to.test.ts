import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tellerInTests } from '../../test/support/teller.js';

const { under, teller } = tellerInTests();

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'teller-backup-to-'));
  await writeFile(join(directory, 'file'), '');
});
afterAll(() => rm(directory, { recursive: true }));

test.each([
  ['nowhere', 'there is no such directory'],
  ['file', "isn't a directory"],
])('a backup into %s names the flag, and ends with 2', async (name, why) => {
  const given = join(directory, name);
  const { exitCode, out, err } = await teller(['backup', '--to', given]);
  expect({ exitCode, out }, err).toEqual({ exitCode: 2, out: '' });
  expect(err).toContain(`--to: given ${JSON.stringify(given)}`);
  expect(err).toContain(why);
  expect(err).toContain('wanted a directory');
});

test.each(['', ' '])('a backup to %j writes nothing where teller was started', async (given) => {
  const before = await readdir('.');
  const { exitCode, err } = await teller(['backup', '--to', given]);
  const added = (await readdir('.')).filter((name) => !before.includes(name));
  for (const name of added) if (name.startsWith('chain-teller-')) await rm(name);
  expect(exitCode, err).toBe(2);
  expect(err).toContain(`--to: given ${JSON.stringify(given)}: is empty; wanted a directory`);
  expect(added.filter((name) => name.includes('chain-teller-'))).toEqual([]);
});

test('a backup that is written leaves nothing else in its directory', async () => {
  const { exitCode, err } = await teller(['backup', '--to', directory]);
  expect(exitCode, err).toBe(0);
  const names = await readdir(directory);
  expect(names.filter((name) => name.endsWith('.partial'))).toEqual([]);
  const { rows } = await under.database.pool.query('select count(*)::int as made from backups');
  expect(rows).toEqual([{ made: 1 }]);
});
