import { beforeAll, describe, expect, test } from 'vitest';
import { backUp, folderInTests, restoreInto, tablesIn } from '../../../test/support/backups.js';
import {
  createEmptyDatabase,
  createTestDatabase,
  databasesInTests,
} from '../../../test/support/database.js';
import { fillEveryTable } from '../../../test/support/every-table.js';
import { createSession } from '../../database/pool.js';
import { waitForLeadership } from '../../sync/leader.js';
import { LEADER_LOCK_CLASS } from '../../sync/leader-session.js';
import { RESTORE_SESSION, tryLock } from './restore-queries.js';

const folder = folderInTests();
let good: string;
beforeAll(async () => {
  const original = await createTestDatabase();
  await fillEveryTable(original.pool);
  good = (await backUp(original, folder.path)).file;
  await original.drop();
});

describe('a database', () => {
  const open = databasesInTests();

  test.each([
    [
      'a table has a row',
      "insert into schedules (name, last_due) values ('x', now())",
      'schedules',
    ],
    ['somebody paused payouts', 'update payout_control set paused_at = now()', 'payout_control'],
    ["somebody else's table has a row", 'create table other as select 1 as one', 'other'],
  ])('in which %s is refused and left as it is', async (_, statement, table) => {
    const used = await open(createTestDatabase, statement);
    await expect(restoreInto(used, good)).rejects.toThrow(
      `the database at DATABASE_URL isn't empty: there are rows in ${table}; nothing was changed`,
    );
    expect((await used.pool.query('select 1 from user_balances')).rows).toEqual([]);
  });

  test("with somebody else's tables and none of ours is refused, and isn't migrated", async () => {
    const foreign = await open(createEmptyDatabase, 'create table invoices (id int)');
    await expect(restoreInto(foreign, good)).rejects.toThrow("aren't teller's (invoices)");
    expect(await tablesIn(foreign.pool)).toEqual(['invoices']);
  });

  test('with a schema that another version made is refused', async () => {
    const other = await open(
      createTestDatabase,
      "insert into teller_migrations (name, run_on) values ('0999_later', now())",
    );
    await expect(restoreInto(other, good)).rejects.toThrow("schema isn't the backup's");
  });

  test.each([
    ['leads', { verb: 'run' }],
    ['pays', { lockClass: 0x70617900 }],
  ])('on which a worker %s is refused', async (does, office) => {
    const live = await open(createTestDatabase);
    const stop = new AbortController();
    const lock = await waitForLeadership(live.url, 0, stop.signal, office);
    await expect(restoreInto(live, good)).rejects.toThrow(`a worker ${does} on the database`);
    await lock.release();
  });

  test('that another restore is filling is refused as that', async () => {
    const filled = await open(createTestDatabase);
    const other = createSession(filled.url, RESTORE_SESSION);
    await other.connect();
    expect(await tryLock(other, LEADER_LOCK_CLASS, 0)).toBe(true);
    await expect(restoreInto(filled, good)).rejects.toThrow(
      'another restore is filling the database at DATABASE_URL: wait for its end',
    );
    await other.end();
  });

  test('to which a worker is connected that only answers is refused', async () => {
    const live = await open(createTestDatabase);
    const client = await live.pool.connect();
    await client.query("set application_name to 'chain-teller'");
    await expect(restoreInto(live, good)).rejects.toThrow('a worker is connected');
    await client.query('reset application_name');
    client.release();
    await restoreInto(live, good);
  });

  test("on which an instance was started before is filled, and has the backup's fingerprint", async () => {
    const started = await open(
      createTestDatabase,
      "insert into payout_id_fingerprint (fingerprint) values ('0123456789abcdef')",
    );
    await restoreInto(started, good);
    const { rows } = await started.pool.query('select fingerprint from payout_id_fingerprint');
    expect(rows).toEqual([{ fingerprint: 'f'.repeat(16) }]);
  });

  test('into which its role may not write is refused in words', async () => {
    const { pool, url } = await open(createTestDatabase);
    const address = new URL(url);
    const role = `${address.pathname.slice(1)}_user`;
    address.searchParams.set('options', `-c role=${role}`);
    await pool.query(
      `create role ${role};
       grant select, update, delete on all tables in schema public to ${role}`,
    );
    try {
      await expect(restoreInto({ url: address.href }, good)).rejects.toThrow(
        'permission denied for table',
      );
    } finally {
      await pool.query(`drop owned by ${role}; drop role ${role}`);
    }
  });
});
