import { mkdtemp, readdir, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { folderInTests } from '../../../test/support/backups.js';
import { createTestDatabase } from '../../../test/support/database.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import type { ProofEvent } from '../model/proof-events.js';
import { backupByPlan } from './backup-by-plan.js';

describe('backups by plan', () => {
  const folder = folderInTests();
  let database: TestDatabase;
  let directory: string;
  let told: ProofEvent[];
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    directory = await mkdtemp(join(folder.path, 'plan-'));
    told = [];
  });

  const fire = (at: string, network = 'preprod', now = () => new Date(at)) =>
    backupByPlan({
      pool: database.pool,
      url: database.url,
      network,
      version: '0.0.0',
      directory,
      observe: (event) => told.push(event),
      now,
    });
  const sets = (files: readonly string[]) =>
    files.map((file) => /preprod-([a-z]+)-(\d{8})/.exec(file)?.slice(1).join(' '));
  const backupsThere = async () =>
    (await readdir(directory)).filter((name) => name.endsWith('.zip')).sort();

  test('write what is critical each time, and the others once a day', async () => {
    const first = await fire('2026-03-10T00:05:00Z');
    const second = await fire('2026-03-10T01:05:00Z');
    const third = await fire('2026-03-11T00:05:00Z');
    expect(sets(first.written)).toEqual([
      'critical 20260310',
      'addresses 20260310',
      'all 20260310',
    ]);
    expect(sets(second.written)).toEqual(['critical 20260310']);
    expect(sets(third.written)).toHaveLength(3);
    expect(await backupsThere()).toHaveLength(7);
    expect(told.map((event) => event.type)).toEqual(
      Array.from({ length: 7 }, () => 'backup_finished'),
    );
  });

  test('say when they began and when they ended', async () => {
    let at = Date.parse('2026-03-10T00:05:00Z');
    await fire('', 'preprod', () => {
      at += 1_000;
      return new Date(at);
    });
    const { rows } = await database.pool.query(
      'select finished_at > started_at as took from backups order by id desc limit 3',
    );
    expect(rows).toEqual([{ took: true }, { took: true }, { took: true }]);
  });

  test('of everything wait while a restore fills the books in; what people entered is written all the same', async () => {
    const { pool } = database;
    await pool.query(
      `insert into chain_jobs (kind, params, requested_by) values ('rebuild', '{"after": "restore"}', 'test')`,
    );
    const during = await fire('2026-03-10T00:05:00Z');
    expect(sets(during.written)).toEqual(['critical 20260310', 'addresses 20260310']);
    expect(told).toMatchObject([
      {
        type: 'schedule_postponed',
        schedule: 'backup',
        reason: expect.stringContaining('after a restore') as string,
      },
      { type: 'backup_finished', kind: 'critical' },
      { type: 'backup_finished', kind: 'addresses' },
    ]);
    // What a person has to see to isn't waited for.
    await pool.query("update chain_jobs set state = 'failed'");
    await expect(fire('2026-03-10T01:05:00Z')).rejects.toThrow('teller rebuild --from origin');
    expect(told.at(-1)).toMatchObject({ type: 'backup_failed', kind: 'all' });
    await pool.query('delete from chain_jobs');
    const after = await fire('2026-03-10T02:05:00Z');
    expect(sets(after.written)).toEqual(['critical 20260310', 'all 20260310']);
  });

  test('are removed when their time is over, with their checksums, and nothing else is', async () => {
    await fire('2026-01-01T00:05:00Z');
    const [oldest = ''] = (await backupsThere()).filter((name) => name.includes('-all-'));
    await fire('2026-02-01T00:05:00Z', 'preview');
    const stranger = 'chain-teller-preprod-all-20200101T000000000Z.zip.txt';
    await writeFile(join(directory, stranger), 'mine');
    const { removed } = await fire('2026-02-09T00:05:00Z');
    expect(sets(removed)).toEqual(['addresses 20260101', 'critical 20260101']);
    const there = await readdir(directory);
    for (const file of removed) {
      expect(there).not.toContain(file.slice(directory.length + 1));
      expect(there).not.toContain(`${file.slice(directory.length + 1)}.sha256`);
    }
    expect(there).toEqual(expect.arrayContaining([oldest, `${oldest}.sha256`, stranger]));
    expect(there.filter((name) => name.includes('preview') && name.endsWith('.zip'))).toHaveLength(
      3,
    );
  });

  test('that can not be read are told, and never removed', async () => {
    const { written } = await fire('2025-01-01T00:05:00Z');
    const [broken = ''] = written;
    await truncate(broken, 50);
    told = [];
    const { removed } = await fire('2026-01-01T00:05:00Z');
    expect(removed).not.toContain(broken);
    expect(await backupsThere()).toContain(broken.slice(directory.length + 1));
    expect(told.filter(({ type }) => type !== 'backup_finished')).toEqual([
      {
        type: 'backup_unreadable',
        file: broken,
        reason: expect.stringMatching(/^(?!\/)/) as string,
      },
    ]);
  });

  test('of a writer that was killed leave nothing for longer than a day', async () => {
    const partial = '.chain-teller-preprod-all-20260101T000000000Z.zip.partial';
    const young = partial.replace('20260101', '20260102');
    await writeFile(join(directory, partial), 'half');
    await writeFile(join(directory, young), 'half');
    await utimes(join(directory, partial), 0, Date.parse('2026-01-01T00:00:00Z') / 1000);
    await utimes(join(directory, young), 0, Date.parse('2026-01-02T00:00:00Z') / 1000);
    await fire('2026-01-02T00:05:00Z');
    const there = await readdir(directory);
    expect([there.includes(partial), there.includes(young)]).toEqual([false, true]);
  });

  test('remove nothing of a set that could not be written, what is over of others, and say why', async () => {
    await fire('2025-01-01T00:05:00Z');
    await fire('2025-01-02T00:05:00Z');
    const before = (await readdir(directory)).filter((name) => !name.includes('-addresses-'));
    told = [];
    await database.pool.query('alter table outbox rename to outbox_away');
    await expect(fire('2026-01-01T00:05:00Z')).rejects.toThrow('outbox');
    await database.pool.query('alter table outbox_away rename to outbox');
    expect(told.map((event) => [event.type, 'kind' in event && event.kind])).toEqual([
      ['backup_failed', 'critical'],
      ['backup_finished', 'addresses'],
      ['backup_failed', 'all'],
    ]);
    expect(await readdir(directory)).toEqual(expect.arrayContaining(before));
    const kept = (await backupsThere()).filter((name) => name.includes('-addresses-'));
    expect(sets(kept)).toEqual(['addresses 20260101']);
  });

  test('remove nothing of a set whose newest is doubtful, though none of it was due since', async () => {
    await fire('2025-01-01T00:05:00Z');
    await fire('2025-04-01T00:05:00Z');
    await database.pool.query(
      "update backups set problem = 'another hand' where kind = 'all' and started_at = '2025-04-01T00:05:00Z'",
    );
    const alls = async () => sets((await backupsThere()).filter((name) => name.includes('-all-')));
    expect((await fire('2025-04-01T01:05:00Z')).removed).toEqual([]);
    expect(await alls()).toEqual(['all 20250101', 'all 20250401']);
    expect(sets((await fire('2025-04-02T00:05:00Z')).removed)).toEqual(['all 20250101']);
    expect(await alls()).toEqual(['all 20250401', 'all 20250402']);
  });

  test('name BACKUP_DIR where it is not there', async () => {
    directory = join(directory, 'nowhere');
    await expect(fire('2026-01-01T00:05:00Z')).rejects.toThrow(
      `BACKUP_DIR: given ${directory}, which can't be read`,
    );
  });
});
