import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { tellerInTests } from '../../test/support/teller.js';

const SOON = { timeout: 20_000 };
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

test('a backup of everything is refused while a restore fills the books in, and one of what is critical is not', async () => {
  const { pool } = under.database;
  await pool.query(
    `insert into chain_jobs (kind, params, requested_by) values ('rebuild', '{"after": "restore"}', 'test')`,
  );
  onTestFinished(async () => {
    await pool.query('delete from chain_jobs');
  });
  const before = await readdir(directory);
  const { exitCode, out, err } = await teller(['backup', '--to', directory]);
  expect({ exitCode, out }, err).toEqual({ exitCode: 1, out: '' });
  expect(err).toMatch(
    /^teller: the books are being made again by rebuild job \d+, after a restore/m,
  );
  expect(err).toContain('`teller backup --set critical` has what people entered');
  expect(await readdir(directory)).toEqual(before);
  const critical = await teller(['backup', '--to', directory, '--set', 'critical']);
  expect(critical.exitCode, critical.err).toBe(0);
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  'a backup that %s ends leaves no file, says so, and is noted as one that failed',
  async (signal) => {
    const { pool } = under.database;
    const empty = await mkdtemp(join(directory, 'interrupted-'));
    const before = process.listeners(signal);
    const blocker = await pool.connect();
    await blocker.query('begin; lock table balance_transactions in access exclusive mode');
    const backup = teller(['backup', '--to', empty]);
    await vi.waitFor(async () => {
      const { rowCount } = await pool.query(
        `select 1 from pg_stat_activity where application_name = 'teller backup'
            and datname = current_database() and wait_event_type = 'Lock'`,
      );
      expect(rowCount).toBe(1);
    }, SOON);
    expect(await readdir(empty)).toEqual([expect.stringMatching(/\.partial$/) as string]);
    for (const told of process.listeners(signal)) if (!before.includes(told)) told(signal);
    // Whoever isn't told waits for the lock as long as it is held.
    const unheard = setTimeout(() => void blocker.query('rollback'), SOON.timeout);
    const { exitCode, out, err } = await backup;
    clearTimeout(unheard);
    await blocker.query('rollback');
    blocker.release();
    expect({ exitCode, out }, err).toEqual({ exitCode: 1, out: '' });
    expect(err).toContain(
      `teller: interrupted; no backup was made, and nothing is left in ${empty}\n`,
    );
    expect(await readdir(empty)).toEqual([]);
    const { rows } = await pool.query(
      'select finished_at is not null as ended, problem from backups order by id desc limit 1',
    );
    expect(rows).toEqual([{ ended: true, problem: 'interrupted' }]);
  },
);

test('a backup whose writer was killed a day ago is noted as ended by the next of its set', async () => {
  const { pool } = under.database;
  const unended = () =>
    pool.query(
      "select started_at > now() - interval '1 hour' as young from backups where finished_at is null",
    );
  await pool.query(`insert into backups (kind, started_at)
                    values ('all', now() - interval '25 hours'), ('all', now() - interval '5 minutes')`);
  expect((await teller(['backup', '--to', directory])).exitCode).toBe(0);
  expect((await unended()).rows).toEqual([{ young: true }]);
});
