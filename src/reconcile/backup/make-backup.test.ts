import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { backUp, folderInTests, restoreInto } from '../../../test/support/backups.js';
import { createEmptyDatabase, createTestDatabase } from '../../../test/support/database.js';
import { root } from '../../../test/support/sources.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { tellWriting } from './file-in-place.js';
import { makeBackup } from './make-backup.js';

const LEDGER_ROWS = 40_000;

describe('making a backup', () => {
  const folder = folderInTests();
  let database: TestDatabase;
  let restored: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    restored = await createEmptyDatabase();
    await database.pool.query(
      `insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
       select 'ann', 'lovelace', 'available', 'credit', 1, md5(i::text) from generate_series(1, $1) as i`,
      [LEDGER_ROWS],
    );
    await database.pool.query("insert into user_balances values ('ann', 'lovelace', $1, 0, 0)", [
      LEDGER_ROWS,
    ]);
  });
  afterAll(async () => {
    await database.drop();
    await restored.drop();
  });

  const BOOK = `
    with entry as (
      insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
      values ('ann', 'lovelace', 'available', 'credit', 1, 'meanwhile'))
    update user_balances set available = available + 1`;
  const COUNTS = `
    select (select available::int from user_balances) as balance,
           (select sum(amount)::int from balance_transactions) as ledger`;
  const countsIn = async ({ pool }: TestDatabase) =>
    (await pool.query<{ balance: number; ledger: number }>(COUNTS)).rows[0];

  test('sees one moment, however much is written meanwhile, and keeps nobody from writing', async () => {
    // The ledger is read before the balances: whatever is booked in between would show in those alone.
    const state = { reading: false, done: false };
    let booked = 0;
    const backup = makeBackup(
      { ...database, network: 'preprod', version: '0.0.0', now: () => new Date() },
      'all',
      folder.path,
      () => {
        state.reading = true;
      },
    ).finally(() => {
      state.done = true;
    });
    while (!state.done) {
      await database.pool.query(BOOK);
      if (state.reading) booked += 1;
    }
    const { file } = await backup;
    expect(booked).toBeGreaterThan(0);
    await restoreInto(restored, file);
    const there = await countsIn(restored);
    expect(there?.balance).toBe(there?.ledger);
    expect((await countsIn(database))?.balance).toBeGreaterThan(there?.balance ?? 0);
  });

  test.each([
    ['while a table is read', 1],
    ['once all rows were read', LEDGER_ROWS],
  ])(
    'ends at once when its term is over %s, and leaves neither file nor session',
    async (_, after) => {
      const directory = await mkdtemp(join(folder.path, 'ended-'));
      const end = new AbortController();
      const lost = new Error('the term is over');
      let rows = 0;
      const deps = { ...database, network: 'preprod', version: '0.0.0', now: () => new Date() };
      const backup = makeBackup({ ...deps, signal: end.signal }, 'all', directory, (more) => {
        rows += more;
        if (rows >= after) end.abort(lost);
      });
      await expect(backup).rejects.toBe(lost);
      expect(await readdir(directory)).toEqual([]);
      await vi.waitFor(async () => {
        const { rows: sessions } = await database.pool.query(
          `select 1 from pg_stat_activity
          where application_name = 'teller backup' and datname = current_database()`,
        );
        expect(sessions).toEqual([]);
      });
      const { rows: noted } = await database.pool.query<{ problem: string }>(
        'select problem from backups order by id desc limit 1',
      );
      expect(noted).toEqual([{ problem: 'the term is over' }]);
    },
  );

  test('waits for no lock any more when its term is over', async () => {
    const directory = await mkdtemp(join(folder.path, 'waiting-'));
    const end = new AbortController();
    const lost = new Error('the term is over');
    const migrating = await database.pool.connect();
    await migrating.query('begin; lock table balance_transactions in access exclusive mode');
    const deps = { ...database, network: 'preprod', version: '0.0.0', now: () => new Date() };
    const backup = makeBackup({ ...deps, signal: end.signal }, 'all', directory, () => undefined);
    const outcome = backup.catch((error: unknown) => error);
    await vi.waitFor(async () => {
      const { rowCount } = await database.pool.query(
        `select 1 from pg_stat_activity where application_name = 'teller backup'
            and datname = current_database() and wait_event_type = 'Lock'`,
      );
      expect(rowCount).toBe(1);
    });
    end.abort(lost);
    expect(await outcome).toBe(lost);
    await migrating.query('rollback');
    migrating.release();
    expect(await readdir(directory)).toEqual([]);
  });

  test('counts what its reader may expect, and leaves out what is not ours', async () => {
    await database.pool.query('create table invoices as select 1 as one');
    const { manifest } = await backUp(database, folder.path, 'critical');
    await database.pool.query('drop table invoices');
    expect(manifest.leftOut).toEqual(['invoices']);
  });

  test.each([
    [
      'is not there',
      () => Promise.resolve(join(folder.path, 'nowhere')),
      'there is no such directory: make it first',
    ],
    [
      'is a file',
      async () => {
        await writeFile(join(folder.path, 'file'), '');
        return join(folder.path, 'file');
      },
      "isn't a directory",
    ],
  ])('into a directory that %s is refused, and noted', async (_, make, says) => {
    const directory = await make();
    await expect(backUp(database, directory)).rejects.toThrow(`${directory}: ${says}`);
    const { rows } = await database.pool.query<{ problem: string }>(
      'select problem from backups where finished_at is not null order by id desc limit 1',
    );
    expect(rows[0]?.problem).toContain(says);
  });

  test('where a directory is there and still takes no file, what is told says just that', async () => {
    const answered = Object.assign(new Error('no such file'), { code: 'ENOENT' });
    const told = await tellWriting(answered, folder.path);
    expect(String(told)).toContain(`${folder.path}: is there, but no file can be made in it`);
  });

  test('of a database that follows another network is refused', async () => {
    await database.pool.query(
      "insert into sync_state (partition_id, total_partitions, network) values (0, 1, 'mainnet')",
    );
    await expect(backUp(database, folder.path)).rejects.toThrow(
      'NETWORK: given preprod, but this database follows mainnet',
    );
    await database.pool.query('delete from sync_state');
  });

  test('where no room is left ends with a message, and leaves nothing behind', {
    timeout: 60_000,
  }, async () => {
    const directory = join(folder.path, 'small');
    await mkdir(directory);
    // A limit of 64 kB for any file that the process writes stands for a disk that is full.
    const command = `ulimit -f 64; exec '${process.execPath}' --import tsx src/cli.ts backup --to '${directory}'`;
    const child = spawn('bash', ['-c', command], {
      cwd: root,
      env: {
        PATH: process.env.PATH,
        NETWORK: 'preprod',
        DATABASE_URL: database.url,
        TSX_DISABLE_CACHE: '1',
      },
    });
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const [exitCode] = (await once(child, 'close')) as [number | null];
    expect(err).toContain(`${directory}: the file would be larger than is allowed there`);
    expect(exitCode).toBe(1);
    expect(await readdir(directory)).toEqual([]);
  });
});
