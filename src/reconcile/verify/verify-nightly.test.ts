import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import type { ProofEvent } from '../model/proof-events.js';
import { lastVerification } from './verification-queries.js';
import { verifyNow } from './verify-nightly.js';

describe('the nightly verification', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.pool.query(
      "insert into user_balances (user_id, unit, available) values ('ann', 'lovelace', 5), ('bob', 'lovelace', 0)",
    );
  });
  afterAll(() => database.drop());

  const setUp = () => {
    const told: ProofEvent[] = [];
    const deps = {
      pool: database.pool,
      requestedBy: 'schedule',
      observe: (event: ProofEvent) => void told.push(event),
      now: () => new Date(),
    };
    return { deps, told };
  };

  test('notes how many mismatches there are and names the balance that has no entries for what it says', async () => {
    const { deps, told } = setUp();
    await verifyNow(deps);
    expect(await lastVerification(database.pool)).toMatchObject({
      mismatches: 1,
      shortfall: { units: 1, lovelace: '5' },
    });
    expect(told).toMatchObject([
      {
        type: 'verified',
        mismatches: 1,
        shown: [['balance', { userId: 'ann' }]],
        shortfalls: [{ unit: 'lovelace' }],
      },
    ]);
  });

  test('says nothing of reserves where a version that noted none verified last', async () => {
    const { pool } = database;
    await pool.query("insert into verifications (requested_by, mismatches) values ('older', 0)");
    expect(await lastVerification(pool)).toMatchObject({ mismatches: 0, shortfall: null });
  });

  test('tells of each mismatch once a day', async () => {
    const on = (day: string) => ({ ...setUp().deps, now: () => new Date(day) });
    await verifyNow(setUp().deps);
    await verifyNow(setUp().deps);
    const { rows } = await database.pool.query<{ data: { userId: string } }>(
      "select data from outbox where type = 'balance.mismatch'",
    );
    expect(rows.map(({ data }) => data.userId)).toEqual(['ann']);
    await verifyNow(on('2020-01-01T03:30:00Z'));
    await verifyNow(on('2020-01-02T03:30:00Z'));
    const all = await database.pool.query("select 1 from outbox where type = 'balance.mismatch'");
    expect(all.rowCount).toBe(3);
  });

  test('tells what it found although nothing can be written', async () => {
    const { pool } = database;
    const noted = await lastVerification(pool);
    await pool.query(`
      create function full_disk() returns trigger language plpgsql as
        $$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$;
      create trigger full_disk before insert on outbox execute function full_disk()`);
    const { deps, told } = setUp();
    const later = { ...deps, now: () => new Date('2020-01-03T03:30:00Z') };
    await expect(verifyNow(later)).rejects.toThrow('could not extend file');
    await pool.query('drop function full_disk cascade');
    expect(told).toMatchObject([{ type: 'verified', mismatches: 1 }]);
    expect(await lastVerification(pool)).toEqual(noted);
  });

  test('says that the books are being made again after a restore, until a rebuild has ended', async () => {
    const { pool } = database;
    const noted = await lastVerification(pool);
    const { rows } = await pool.query<{ id: string }>(
      `insert into chain_jobs (kind, params, requested_by)
       values ('rebuild', '{"from": "origin", "dryRun": false, "after": "restore"}', 'test') returning id`,
    );
    const [job] = rows;
    await expect(verifyNow(setUp().deps)).rejects.toThrow(
      `the books are being made again by rebuild job ${job?.id}, after a restore (it is queued)`,
    );
    await pool.query("update chain_jobs set state = 'failed', problem = 'no node'");
    await expect(verifyNow(setUp().deps)).rejects.toThrow(
      'is failed (no node): run `teller rebuild --from origin`',
    );
    await pool.query(
      `insert into chain_jobs (kind, params, state, requested_by)
       values ('rebuild', '{"from": "origin", "dryRun": true}', 'done', 'test')`,
    );
    await expect(verifyNow(setUp().deps)).rejects.toThrow('is failed');
    expect(await lastVerification(pool)).toEqual(noted);
    await pool.query(
      `insert into chain_jobs (kind, params, state, requested_by)
       values ('rebuild', '{"from": "origin", "dryRun": false}', 'done', 'test')`,
    );
    await verifyNow(setUp().deps);
  });

  test('fails where the books can’t be read, so that it is tried again', async () => {
    const gone = await createTestDatabase();
    await gone.drop();
    await expect(verifyNow({ ...setUp().deps, pool: gone.pool })).rejects.toThrow();
  });
});
