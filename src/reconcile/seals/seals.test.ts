import type { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { inTransaction, type Tx } from '../../database/transaction.js';
import type { ProofEvent } from '../model/proof-events.js';
import { acceptSeals, type OutsideNotes, verifySeals } from './check-seals.js';
import { linkSeals, NO_SEALS, SEAL_CHAINS, type SealChain } from './seal.js';
import { countUnsealed, sealHead, storeSeals } from './seal-queries.js';
import { sealAppended, sealing } from './sealing.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.pool.query('truncate balance_transactions, audit_log, seals restart identity');
});

const change = (text: string, values: unknown[] = []) => database.pool.query(text, values);
const leadershipOf = (pool: Pool, signal = new AbortController().signal) => ({
  pool,
  signal,
  write: <T>(work: (tx: Tx, at: Date, cursor: null) => Promise<T>) =>
    inTransaction(pool, (tx) => work(tx, new Date(), null)),
});
const seal = async (chain: SealChain): Promise<ProofEvent[]> => {
  const told: ProofEvent[] = [];
  await sealAppended(leadershipOf(database.pool), chain, (event) => told.push(event));
  return told;
};
const sealAll = async (): Promise<void> => {
  for (const chain of SEAL_CHAINS) await seal(chain);
};
const verify = (notes: OutsideNotes = {}) => verifySeals(database.pool, notes, 1000);
const enter = (rows: number) =>
  change(
    `insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
     select 'user ' || n, 'lovelace', 'available', 'credit', n, 'test' from generate_series(1, $1::int) as n`,
    [rows],
  );
const audit = (rows: number) =>
  change(
    `insert into audit_log (action, entity_type, entity_id, actor, details)
     select 'test', 'payout', n::text, 'somebody', '{"n": 1, "a": "b"}' from generate_series(1, $1::int) as n`,
    [rows],
  );
const ranges = async (): Promise<unknown[]> =>
  (
    await change(
      'select chain, seal, first_id::int, last_id::int, row_count, rows_total::int from seals order by chain, seal',
    )
  ).rows.map((row: object) => Object.values(row) as unknown);

describe('sealing', () => {
  test('covers all that was appended, a thousand rows at most by each seal', async () => {
    await enter(2_500);
    await audit(3);
    expect(await seal('ledger')).toEqual([{ type: 'sealed', chain: 'ledger', seal: 3 }]);
    await seal('audit');
    await enter(1);
    await seal('ledger');
    expect(await ranges()).toEqual([
      ['audit', 1, 1, 3, 3, 3],
      ['ledger', 1, 1, 1000, 1000, 1000],
      ['ledger', 2, 1001, 2000, 1000, 2000],
      ['ledger', 3, 2001, 2500, 500, 2500],
      ['ledger', 4, 2501, 2501, 1, 2501],
    ]);
    expect(await verify()).toMatchObject({
      chains: [
        { chain: 'ledger', seal: 4, rows: 2501, unsealed: 0 },
        { chain: 'audit', seal: 1, rows: 3, unsealed: 0 },
      ],
      changed: { count: 0 },
      broken: { count: 0 },
    });
  });

  test('writes nothing where nothing was appended', async () => {
    await enter(1);
    await seal('ledger');
    expect(await seal('ledger')).toEqual([]);
    expect(await seal('audit')).toEqual([]);
    expect(await ranges()).toHaveLength(1);
  });

  test('works a large backlog off in steps, and each step stays', async () => {
    await enter(120_000);
    const end = new AbortController();
    const leadership = leadershipOf(database.pool, end.signal);
    await sealAppended(leadership, 'ledger', () => end.abort());
    expect((await sealHead(database.pool, 'ledger')).rows).toBe(50_000);
    expect(
      await countUnsealed(database.pool, 'ledger', await sealHead(database.pool, 'ledger')),
    ).toBe(70_000);
    expect(await seal('ledger')).toHaveLength(2);
    expect(await verify()).toMatchObject({
      chains: [{ rows: 120_000, unsealed: 0 }, {}],
      changed: { count: 0 },
      broken: { count: 0 },
    });
  });

  test('leaves nothing where it is ended before it has written', async () => {
    await enter(10);
    const leadership = {
      ...leadershipOf(database.pool),
      write: () => Promise.reject(new Error('the leader is gone')),
    };
    await expect(sealAppended(leadership, 'ledger', () => undefined)).rejects.toThrow('is gone');
    expect(await ranges()).toEqual([]);
    await seal('ledger');
    expect(await verify()).toMatchObject({ chains: [{ rows: 10 }, {}], changed: { count: 0 } });
  });

  test('is done once where two do it at the same time', async () => {
    await enter(10);
    const pieces = [{ lastId: 10n, rows: 10, contentHash: 'a'.repeat(64) }];
    const seals = linkSeals('ledger', NO_SEALS, pieces);
    const store = () =>
      inTransaction(database.pool, (tx) => storeSeals(tx, new Date(), 'ledger', seals));
    expect(await store()).toBe(1);
    expect(await store()).toBe(0);
  });

  test('waits for a row that has its number and isn’t committed yet', async () => {
    await enter(1);
    const slow = await database.pool.connect();
    const insert = `
      insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
      values ('slow', 'lovelace', 'available', 'credit', 1, 'test')`;
    try {
      await slow.query('begin');
      await slow.query(insert);
      await enter(1);
      await expect(seal('ledger')).rejects.toMatchObject({ code: '55P03' });
      expect(await ranges()).toEqual([]);
      await slow.query('commit');
    } finally {
      slow.release();
    }
    await seal('ledger');
    expect(await ranges()).toEqual([['ledger', 1, 1, 3, 3, 3]]);
    expect(await verify()).toMatchObject({ changed: { count: 0 } });
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
    const check = await verify();
    expect(check.chains[0]?.seal).toBeGreaterThan(3);
    expect(check.chains[0]?.rows).toBe(4 * 24 * 20);
    expect([check.changed.count, check.broken.count]).toEqual([0, 0]);
  });

  test('is left to the first partition', async () => {
    await enter(1);
    await sealing(() => undefined)({
      ...leadershipOf(database.pool),
      partitionId: 1,
      learn: () => undefined,
    });
    expect(await ranges()).toEqual([]);
  });

  test('hashes the same whatever a session shows times and numbers as', async () => {
    await enter(3);
    await audit(3);
    await sealAll();
    await change(
      `alter database ${new URL(database.url).pathname.slice(1)} set timezone = 'Asia/Tokyo'`,
    );
    await change(
      `alter database ${new URL(database.url).pathname.slice(1)} set datestyle = 'German'`,
    );
    await change(
      `alter database ${new URL(database.url).pathname.slice(1)} set extra_float_digits = 0`,
    );
    await change(
      `alter database ${new URL(database.url).pathname.slice(1)} set intervalstyle = 'iso_8601'`,
    );
    const { Pool: FreshPool } = (await import('pg')).default;
    const fresh = new FreshPool({ connectionString: database.url });
    try {
      expect((await fresh.query('show timezone')).rows).toEqual([{ TimeZone: 'Asia/Tokyo' }]);
      expect(await verifySeals(fresh, {}, 10)).toMatchObject({
        changed: { count: 0 },
        broken: { count: 0 },
      });
    } finally {
      await fresh.end();
      await change(`alter database ${new URL(database.url).pathname.slice(1)} reset all`);
    }
  });
});

describe('of sealed rows', () => {
  beforeEach(async () => {
    await enter(2_500);
    await audit(10);
    await sealAll();
  });

  const COLUMNS: [table: string, column: string, value: string][] = [
    ['balance_transactions', 'user_id', "'mallory'"],
    ['balance_transactions', 'unit', "repeat('ab', 28)"],
    ['balance_transactions', 'bucket', "'held'"],
    ['balance_transactions', 'type', "'debit'"],
    ['balance_transactions', 'amount', 'amount + 1'],
    ['balance_transactions', 'reason', "''"],
    ['balance_transactions', 'tx_hash', "'', output_index = 0, inclusion = 1"],
    ['balance_transactions', 'payout_id', "''"],
    ['balance_transactions', 'payout_turn', '0'],
    ['balance_transactions', 'correction_id', '0'],
    ['balance_transactions', 'created_at', "created_at + interval '1 microsecond'"],
    ['balance_transactions', 'created_at', "'infinity'"],
    ['audit_log', 'created_at', "created_at - interval '1 microsecond'"],
    ['audit_log', 'action', "'other'"],
    ['audit_log', 'entity_type', "'other'"],
    ['audit_log', 'entity_id', "'other'"],
    ['audit_log', 'actor', "'other'"],
    ['audit_log', 'details', `'{"n": 1, "a": "c"}'`],
  ];
  test.each(COLUMNS)('an edit is found: %s.%s = %s', async (table, column, value) => {
    await change(`update ${table} set ${column} = ${value} where id = 7`);
    const chain = table === 'audit_log' ? 'audit' : 'ledger';
    const { changed } = await verify();
    expect(changed.count).toBe(1);
    expect(changed.shown).toMatchObject([{ chain, seal: 1, firstId: '1' }]);
    expect(changed.shown[0]?.rowsNow).toBe(changed.shown[0]?.rowsSealed);
  });

  test.each(['balance_transactions', 'audit_log'])(
    'all columns of %s are sealed',
    async (table) => {
      const { rows } = await change(
        'select column_name as name from information_schema.columns where table_name = $1',
        [table],
      );
      const tested = COLUMNS.filter(([one]) => one === table).flatMap(([, column, value]) => [
        column,
        ...[...value.matchAll(/, (\w+) =/g)].map((match) => match[1]),
      ]);
      expect([...new Set(['id', ...tested])].sort()).toEqual(
        rows.map((row: { name: string }) => row.name).sort(),
      );
    },
  );

  test('a number that was changed is found', async () => {
    await change('alter table balance_transactions alter id drop identity');
    await change('update balance_transactions set id = 100000 where id = 2500');
    await change('alter table balance_transactions alter id add generated always as identity');
    expect((await verify()).changed.shown).toMatchObject([
      { seal: 3, rowsSealed: 500, rowsNow: 499 },
    ]);
  });

  test('one that was deleted is found', async () => {
    await change('delete from balance_transactions where id = 1500');
    expect((await verify()).changed).toMatchObject({
      count: 1,
      shown: [
        {
          chain: 'ledger',
          seal: 2,
          firstId: '1001',
          lastId: '2000',
          rowsSealed: 1000,
          rowsNow: 999,
        },
      ],
    });
  });

  test('all that were deleted are found', async () => {
    await change('delete from audit_log');
    expect((await verify()).changed.shown).toMatchObject([
      { chain: 'audit', rowsSealed: 10, rowsNow: 0 },
    ]);
  });

  test.each([1200, -5])('one that was added with the number %d is found', async (id) => {
    await change('delete from balance_transactions where id = 1200');
    await change('update seals set accepted_at = null');
    await change(
      `insert into balance_transactions (id, user_id, unit, bucket, type, amount, reason)
       overriding system value values ($1, 'mallory', 'lovelace', 'available', 'credit', 1, 'test')`,
      [id],
    );
    const { changed } = await verify();
    expect(changed.count).toBe(id < 0 ? 2 : 1);
  });

  test('a row that was exchanged with another is found', async () => {
    await change(
      `update balance_transactions t
          set user_id = o.user_id, amount = o.amount, created_at = o.created_at
         from balance_transactions o where t.id in (10, 11) and o.id = 21 - t.id`,
    );
    expect((await verify()).changed.count).toBe(1);
  });

  test.each([
    ['content_hash', "repeat('a', 64)"],
    ['hash', "repeat('a', 64)"],
    ['first_id', 'first_id - 1'],
    ['last_id', 'last_id + 1'],
    ['row_count', 'row_count + 1'],
    ['rows_total', 'rows_total + 1'],
    ['seal', '10'],
    ['chain', "'audit', seal = 2"],
  ])('a seal that was edited is found: %s = %s', async (column, value) => {
    await change(`update seals set ${column} = ${value} where chain = 'ledger' and seal = 2`);
    expect((await verify()).broken.count).toBeGreaterThan(0);
  });

  test('a seal that was taken out is found', async () => {
    await change("delete from seals where chain = 'ledger' and seal = 1");
    expect((await verify()).broken.shown).toMatchObject([{ chain: 'ledger', seal: 2 }]);
  });

  test('an edit that was sealed anew is found by what was noted elsewhere', async () => {
    const { seal: number, hash } = await sealHead(database.pool, 'ledger');
    const notes = { ledger: { seal: number, hash } };
    expect((await verify(notes)).notAsNoted).toEqual([]);
    await change('update balance_transactions set amount = amount + 1 where id = 3');
    await change("delete from seals where chain = 'ledger'");
    await seal('ledger');
    const check = await verify(notes);
    expect([check.changed.count, check.broken.count]).toEqual([0, 0]);
    expect(check.notAsNoted).toMatchObject([{ chain: 'ledger', seal: 3, noted: hash }]);
    expect(check.notAsNoted[0]?.stored).toMatch(/^[0-9a-f]{64}$/);
  });

  test('an end that was cut off is found by what was noted elsewhere', async () => {
    const { seal: number, hash } = await sealHead(database.pool, 'ledger');
    await change("delete from seals where chain = 'ledger' and seal = 3");
    await change('delete from balance_transactions where id > 2000');
    expect(await verify()).toMatchObject({ changed: { count: 0 }, broken: { count: 0 } });
    expect((await verify({ ledger: { seal: number, hash } })).notAsNoted).toEqual([
      { chain: 'ledger', seal: 3, noted: hash, stored: null },
    ]);
  });

  test('what came after the note is nothing to say about', async () => {
    const { seal: number, hash } = await sealHead(database.pool, 'ledger');
    await enter(5);
    await seal('ledger');
    expect((await verify({ ledger: { seal: number, hash } })).notAsNoted).toEqual([]);
  });
});

describe('a difference that somebody answers for', () => {
  const accept = () =>
    inTransaction(database.pool, (tx) =>
      acceptSeals(
        tx,
        new Date(),
        [{ chain: 'ledger', seal: 1 }],
        'key:auditor',
        'agreed with legal',
      ),
    );
  beforeEach(async () => {
    await enter(10);
    await sealAll();
    await change('update balance_transactions set amount = 5 where id = 1');
  });

  test('counts as accepted, is audited, and what was sealed stays', async () => {
    const before = (await change('select content_hash, hash from seals')).rows;
    expect(await accept()).toBe(1);
    expect(await verify()).toMatchObject({ changed: { count: 0 }, broken: { count: 0 } });
    expect((await change('select content_hash, hash from seals')).rows).toEqual(before);
    expect(
      (await change('select action, entity_id, actor, details from audit_log')).rows,
    ).toMatchObject([
      {
        action: 'seal.accepted',
        entity_id: 'ledger/1',
        actor: 'key:auditor',
        details: { reason: 'agreed with legal', rows: 10, sealedRows: 10 },
      },
    ]);
  });

  test('is told again where the rows change once more', async () => {
    await accept();
    await change('update balance_transactions set amount = 6 where id = 1');
    expect((await verify()).changed.count).toBe(1);
  });

  test('isn’t accepted by a hand that writes no audit entry', async () => {
    await accept();
    await change('delete from audit_log');
    expect((await verify()).changed.count).toBe(1);
  });

  test('is none where the rows are what was sealed', async () => {
    await change('update balance_transactions set amount = 1 where id = 1');
    expect(await accept()).toBe(0);
    expect((await change('select * from audit_log')).rows).toEqual([]);
  });
});
