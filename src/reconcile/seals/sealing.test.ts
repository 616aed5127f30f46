import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { atOnce, leadershipOf, sealedTables } from '../../../test/support/sealed-tables.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { inTransaction } from '../../database/transaction.js';
import type { ProofEvent } from '../model/proof-events.js';
import { verifySeals } from './check-seals.js';
import { linkSeals, NO_SEALS } from './seal.js';
import { countUnsealed, sealHead, storeSeals } from './seal-queries.js';
import { sealAppended, sealing } from './sealing.js';

let database: TestDatabase;
let tables: ReturnType<typeof sealedTables>;
beforeAll(async () => {
  database = await createTestDatabase();
  tables = sealedTables(database.pool);
});
afterAll(() => database.drop());
beforeEach(() => tables.clear());

const ranges = async (): Promise<unknown[]> =>
  (
    await tables.change(
      'select chain, seal, first_id::int, last_id::int, row_count, rows_total::int from seals order by chain, seal',
    )
  ).rows.map((row: object) => Object.values(row) as unknown);

describe('sealing', () => {
  test('covers all that was appended, a thousand rows at most by each seal', async () => {
    await tables.enter(2_500);
    await tables.audit(3);
    expect(await tables.seal('ledger')).toEqual([{ type: 'sealed', chain: 'ledger', seal: 3 }]);
    await tables.seal('audit');
    await tables.enter(1);
    await tables.seal('ledger');
    expect(await ranges()).toEqual([
      ['audit', 1, 1, 3, 3, 3],
      ['ledger', 1, 1, 1000, 1000, 1000],
      ['ledger', 2, 1001, 2000, 1000, 2000],
      ['ledger', 3, 2001, 2500, 500, 2500],
      ['ledger', 4, 2501, 2501, 1, 2501],
    ]);
    expect(await tables.verify()).toMatchObject({
      chains: [
        { chain: 'ledger', seal: 4, rows: 2501, unsealed: 0 },
        { chain: 'audit', seal: 1, rows: 3, unsealed: 0 },
      ],
      changed: { count: 0 },
      broken: { count: 0 },
    });
  });

  test('writes nothing where nothing was appended', async () => {
    await tables.enter(1);
    await tables.seal('ledger');
    expect(await tables.seal('ledger')).toEqual([]);
    expect(await tables.seal('audit')).toEqual([]);
    expect(await ranges()).toHaveLength(1);
  });

  test('works a large backlog off in steps, and each step stays', async () => {
    await tables.enter(120_000);
    const end = new AbortController();
    const leadership = leadershipOf(database.pool, end.signal);
    await sealAppended(leadership, 'ledger', () => end.abort());
    expect((await sealHead(database.pool, 'ledger')).rows).toBe(50_000);
    expect(
      await countUnsealed(database.pool, 'ledger', await sealHead(database.pool, 'ledger')),
    ).toBe(70_000);
    expect(await tables.seal('ledger')).toHaveLength(2);
    expect(await tables.verify()).toMatchObject({
      chains: [{ rows: 120_000, unsealed: 0 }, {}],
      changed: { count: 0 },
      broken: { count: 0 },
    });
  });

  test('leaves nothing where it is ended before it has written', async () => {
    await tables.enter(10);
    const leadership = {
      ...leadershipOf(database.pool),
      write: () => Promise.reject(new Error('the leader is gone')),
    };
    await expect(sealAppended(leadership, 'ledger', () => undefined)).rejects.toThrow('is gone');
    expect(await ranges()).toEqual([]);
    await tables.seal('ledger');
    expect(await tables.verify()).toMatchObject({
      chains: [{ rows: 10 }, {}],
      changed: { count: 0 },
    });
  });

  test('is done once where two do it at the same time', async () => {
    await tables.enter(10);
    const pieces = [{ lastId: 10n, rows: 10, contentHash: 'a'.repeat(64) }];
    const seals = linkSeals('ledger', NO_SEALS, pieces);
    const store = () =>
      inTransaction(database.pool, (tx) => storeSeals(tx, new Date(), 'ledger', seals));
    expect(await store()).toBe(1);
    expect(await store()).toBe(0);
  });

  test('waits for a row that has its number and isn’t committed yet', async () => {
    await tables.enter(1);
    const slow = await database.pool.connect();
    const insert = `
      insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
      values ('slow', 'lovelace', 'available', 'credit', 1, 'test')`;
    try {
      await slow.query('begin');
      await slow.query(insert);
      await tables.enter(1);
      await expect(tables.seal('ledger')).rejects.toMatchObject({ code: '55P03' });
      expect(await ranges()).toEqual([]);
      await slow.query('commit');
    } finally {
      slow.release();
    }
    await tables.seal('ledger');
    expect(await ranges()).toEqual([['ledger', 1, 1, 3, 3, 3]]);
    expect(await tables.verify()).toMatchObject({ changed: { count: 0 } });
  });

  test('sounds no false alarm while many write, commit in any order, and give up', async () => {
    const end = new AbortController();
    const task = sealing(
      () => undefined,
      20,
    )({
      ...leadershipOf(database.pool, end.signal),
      partitionId: 0,
      learn: () => undefined,
    });
    const writer = async (number: number): Promise<void> => {
      for (let round = 0; round < 30; round += 1) {
        const work = inTransaction(database.pool, async (tx) => {
          await tx.query(
            `insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
             select 'w', 'lovelace', 'available', 'credit', n, 'test' from generate_series(1, 20) as n`,
          );
          await tx.query('select pg_sleep(random() * 0.03)');
          if ((round + number) % 5 === 0) throw new Error('given up');
        });
        await work.catch(() => undefined);
      }
    };
    await Promise.all([1, 2, 3, 4].map(writer));
    await expect
      .poll(
        async () => countUnsealed(database.pool, 'ledger', await sealHead(database.pool, 'ledger')),
        { timeout: 10_000 },
      )
      .toBe(0);
    end.abort();
    await task;
    const check = await tables.verify();
    expect(check.chains[0]?.seal).toBeGreaterThan(3);
    expect(check.chains[0]?.rows).toBe(4 * 24 * 20);
    expect([check.changed.count, check.broken.count]).toEqual([0, 0]);
  });

  test('is left to the first partition', async () => {
    await tables.enter(1);
    await sealing(() => undefined)({
      ...leadershipOf(database.pool),
      partitionId: 1,
      learn: () => undefined,
    });
    expect(await ranges()).toEqual([]);
  });

  test('tells once what fails, and goes on with the other chain and afterwards', async () => {
    await tables.enter(3);
    await tables.audit(3);
    await tables.change(`alter table seals add constraint no_ledger check (chain <> 'ledger')`);
    const end = new AbortController();
    const told: ProofEvent[] = [];
    const task = sealing(
      (event) => told.push(event),
      20,
    )({ ...leadershipOf(database.pool, end.signal), partitionId: 0, learn: () => undefined });
    try {
      await expect.poll(() => told.map(({ type }) => type)).toEqual(['sealing_failed', 'sealed']);
      const reason = expect.stringContaining('no_ledger') as string;
      expect(told[0]).toMatchObject({ chain: 'ledger', reason });
      await tables.change('alter table seals drop constraint no_ledger');
      await expect.poll(() => told.at(-1)).toEqual({ type: 'sealed', chain: 'ledger', seal: 1 });
      expect(told.filter(({ type }) => type === 'sealing_failed')).toHaveLength(1);
    } finally {
      await tables.change('alter table seals drop constraint if exists no_ledger');
      end.abort();
      await task;
    }
  });

  test('hashes the same whatever a session shows times and numbers as', async () => {
    await tables.enter(3);
    await tables.audit(3);
    await tables.sealAll();
    await tables.change(
      `alter database ${new URL(database.url).pathname.slice(1)} set timezone = 'Asia/Tokyo'`,
    );
    await tables.change(
      `alter database ${new URL(database.url).pathname.slice(1)} set datestyle = 'German'`,
    );
    await tables.change(
      `alter database ${new URL(database.url).pathname.slice(1)} set extra_float_digits = 0`,
    );
    await tables.change(
      `alter database ${new URL(database.url).pathname.slice(1)} set intervalstyle = 'iso_8601'`,
    );
    const fresh = new pg.Pool({ connectionString: database.url });
    try {
      expect((await fresh.query('show timezone')).rows).toEqual([{ TimeZone: 'Asia/Tokyo' }]);
      expect(await verifySeals(fresh, {}, 10, atOnce)).toMatchObject({
        changed: { count: 0 },
        broken: { count: 0 },
      });
    } finally {
      await fresh.end();
      await tables.change(`alter database ${new URL(database.url).pathname.slice(1)} reset all`);
    }
  });
});
