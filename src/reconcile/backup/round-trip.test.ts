import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { backUp, folderInTests, restoreInto, rowsIn } from '../../../test/support/backups.js';
import {
  createEmptyDatabase,
  createTestDatabase,
  databasesInTests,
} from '../../../test/support/database.js';
import { fillEveryTable } from '../../../test/support/every-table.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { readIdentity } from '../../payouts/model/database-identity.js';
import { TABLE_POLICIES, tablesOf } from './backup-sets.js';

/** Whoever restores takes these over; everything else is as it was. */
const TAKEN_OVER = ['payout_control', 'sync_state', 'audit_log'];

describe('a backup that is restored', () => {
  const folder = folderInTests();
  const open = databasesInTests();
  let original: TestDatabase;
  beforeAll(async () => {
    original = await open(createTestDatabase);
    await fillEveryTable(original.pool);
    for (const table of Object.keys(TABLE_POLICIES)) {
      expect(await rowsIn(original.pool, table), table).not.toEqual([]);
    }
  });

  test.each([
    ['an empty database', createEmptyDatabase],
    ['a freshly migrated one', createTestDatabase],
  ])('into %s is the same in every row of every table', async (_, create) => {
    const { file, manifest } = await backUp(original, folder.path);
    const target = await open(create);
    const report = await restoreInto(target, file);
    for (const { name } of tablesOf('all').filter((table) => !TAKEN_OVER.includes(table.name))) {
      expect(await rowsIn(target.pool, name), name).toEqual(await rowsIn(original.pool, name));
    }
    const before = await rowsIn(original.pool, 'audit_log');
    const after = await rowsIn(target.pool, 'audit_log');
    expect(after).toEqual(expect.arrayContaining(before));
    expect(after).toHaveLength(before.length + 2);
    expect(report.rows).toBe(manifest.tables.reduce((sum, { rows }) => sum + rows, 0));
    for (const name of ['backups', 'chain_jobs', 'rebuild_outputs', 'rebuild_spends']) {
      expect(await rowsIn(target.pool, name), name).toEqual([]);
    }
  });

  test('goes on with its sequences where they were', async () => {
    const { file } = await backUp(original, folder.path);
    const target = await open(createEmptyDatabase);
    await restoreInto(target, file);
    const { rows } = await target.pool.query<{ free: boolean }>(
      `select nextval('correction_ids') = 2
              and nextval(pg_get_serial_sequence('balance_transactions', 'id')) = 3
              and nextval(pg_get_serial_sequence('payment_addresses', 'watch_id')) = 3 as free`,
    );
    expect(rows).toEqual([{ free: true }]);
  });

  test('belongs to nobody who led or paid before, holds payouts once, and stays paused', async () => {
    const { file } = await backUp(original, folder.path);
    const target = await open(createEmptyDatabase);
    const { pausedBefore } = await restoreInto(target, file);
    const control = async (pool: TestDatabase['pool']) =>
      (await pool.query<Record<string, unknown>>('select * from payout_control')).rows[0];
    const [before, after] = [await control(original.pool), await control(target.pool)];
    for (const name of ['paused_at', 'paused_by', 'pause_reason']) {
      expect(after?.[name]).toEqual(before?.[name]);
    }
    expect(pausedBefore).toEqual({
      at: before?.paused_at,
      by: before?.paused_by,
      reason: before?.pause_reason,
    });
    expect(after).toMatchObject({
      payer_epoch: '4',
      hold_reason: expect.stringContaining(`restored from ${basename(file)}`) as string,
      hold_until_slot: null,
      memory_gap: 3,
      // A payer that finds the identity it expects doesn't hold again.
      identity: await readIdentity(target.pool),
    });
    expect(after?.held_at).not.toBeNull();
    expect(after?.payer_token).not.toBe(before?.payer_token);
    const state = async ({ pool }: TestDatabase) =>
      (await pool.query<Record<string, unknown>>('select * from sync_state')).rows[0];
    const [led, leads] = [await state(original), await state(target)];
    expect(leads).toMatchObject({ leader_epoch: '8', last_block_hash: led?.last_block_hash });
    expect(leads?.leader_token).not.toBe(led?.leader_token);
    const { rows } = await target.pool.query(
      `select action, actor, details->>'file' as file from audit_log where id > 1 order by id`,
    );
    expect(rows).toEqual([
      { action: 'payout.held', actor: 'cli:test', file: null },
      { action: 'database.restored', actor: 'cli:test', file: basename(file) },
    ]);
  });

  test('says whether its rows are those of its digest', async () => {
    const { file } = await backUp(original, folder.path);
    const { digests } = await restoreInto(await open(createEmptyDatabase), file);
    // Its digest was made up.
    expect(digests?.map((check) => check.firstDifference)).toEqual([{ height: 1 }]);
  });

  const noteAnswer = (height: number | null) =>
    original.pool.query(
      "update payment_addresses set backfilled_height = $1 where address = 'addr_test1a'",
      [height],
    );

  test.each([
    ['was never asked for', null],
    ['may be asked for again after a rollback', 10],
  ])('of what is critical has every payment of an address whose past %s', async (_, height) => {
    await noteAnswer(height);
    const { manifest } = await backUp(original, folder.path, 'critical').finally(() =>
      noteAnswer(null),
    );
    const payments = manifest.tables.find(({ name }) => name === 'incoming_payments');
    expect(payments?.rows).toBe(5);
  });

  test('of what is critical knows what may still change, and asks the chain for the rest', async () => {
    await noteAnswer(0);
    const { file } = await backUp(original, folder.path, 'critical').finally(() =>
      noteAnswer(null),
    );
    const target = await open(createEmptyDatabase);
    const { jobs, digests } = await restoreInto(target, file);
    const { rows } = await target.pool.query<{ tx: string }>(
      'select left(tx_hash, 1) as tx from incoming_payments order by 1',
    );
    // The first is confirmed below the window in which blocks are taken back.
    expect(rows.map(({ tx }) => tx)).toEqual(['2', '3', '4', '5']);
    expect(await rowsIn(target.pool, 'balance_transactions')).toEqual(
      await rowsIn(original.pool, 'balance_transactions'),
    );
    expect(digests).toBeNull();
    const { rows: queued } = await target.pool.query(
      'select id::text, kind, params, state, requested_by from chain_jobs',
    );
    expect(queued).toEqual([
      {
        id: jobs[0],
        kind: 'rebuild',
        params: { from: 'origin', dryRun: false, after: 'restore' },
        state: 'queued',
        requested_by: 'cli:test',
      },
    ]);
  });

  test('of addresses has them watched from the new start on', async () => {
    const { file } = await backUp(original, folder.path, 'addresses');
    const target = await open(createTestDatabase);
    await restoreInto(target, file);
    const { rows } = await target.pool.query(
      `select user_id as user, watched_from as from, backfilled_height as backfilled
         from payment_addresses order by watch_id`,
    );
    expect(rows).toEqual([
      { user: expect.stringContaining('🂡') as string, from: '-1', backfilled: null },
      { user: 'bob', from: '-1', backfilled: null },
    ]);
    expect(await rowsIn(target.pool, 'sync_state')).toEqual([]);
  });

  test('of addresses leaves payouts paused until a person has seen to what was paid before', async () => {
    const { file } = await backUp(original, folder.path, 'addresses');
    const target = await open(createTestDatabase);
    expect(await restoreInto(target, file)).toMatchObject({ paused: true });
    const { rows } = await target.pool.query(
      'select paused_by, pause_reason, held_at is not null as held from payout_control',
    );
    const reason = expect.stringContaining('what was paid before is not known') as string;
    expect(rows).toEqual([{ paused_by: 'cli:test', pause_reason: reason, held: true }]);
    const { rows: audited } = await target.pool.query('select action from audit_log order by id');
    expect(audited.map(({ action }: { action?: string }) => action)).toEqual([
      'payout.held',
      'payout.paused',
      'database.restored',
    ]);
  });

  test('says in its file what it is, to nobody but its owner, and beside it what it should be', async () => {
    const { file, bytes, sha256, manifest } = await backUp(original, folder.path);
    expect(manifest).toMatchObject({
      product: 'chain-teller',
      network: 'preprod',
      set: 'all',
      points: [
        { partitionId: 0, slot: 200, hash: 'a'.repeat(64), height: 10, digest: '8'.repeat(64) },
      ],
      seals: [{ chain: 'ledger', seal: 2, rows: 2, hash: 'c'.repeat(64) }],
      leftOut: [],
    });
    const { size, mode } = await stat(file);
    expect([size, mode & 0o777]).toEqual([bytes, 0o600]);
    expect(sha256).toBe(
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
    );
    expect(await readFile(`${file}.sha256`, 'utf8')).toBe(`${sha256}  ${basename(file)}\n`);
    expect(basename(file)).toMatch(/^chain-teller-preprod-all-\d{8}T\d{9}Z\.zip$/);
    expect((await readdir(folder.path)).filter((name) => name.endsWith('.partial'))).toEqual([]);
    const { rows } = await original.pool.query(
      `select kind, bytes::int, checksum, slot::int, block_height::int as height, problem,
              finished_at is not null as finished
         from backups where file = $1`,
      [file],
    );
    const row = { kind: 'all', bytes, checksum: sha256, slot: 200, height: 10, problem: null };
    expect(rows).toEqual([{ ...row, finished: true }]);
  });
});
