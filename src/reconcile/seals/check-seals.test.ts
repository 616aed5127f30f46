import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { atOnce, sealedTables } from '../../../test/support/sealed-tables.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { inTransaction } from '../../database/transaction.js';
import { acceptSeals, verifySeals } from './check-seals.js';
import { sealHead } from './seal-queries.js';

let database: TestDatabase;
let tables: ReturnType<typeof sealedTables>;
beforeAll(async () => {
  database = await createTestDatabase();
  tables = sealedTables(database.pool);
});
afterAll(() => database.drop());
beforeEach(() => tables.clear());

describe('of sealed rows', () => {
  beforeEach(async () => {
    await tables.enter(2_500);
    await tables.audit(10);
    await tables.sealAll();
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
    await tables.change(`update ${table} set ${column} = ${value} where id = 7`);
    const chain = table === 'audit_log' ? 'audit' : 'ledger';
    const { changed } = await tables.verify();
    expect(changed.count).toBe(1);
    expect(changed.shown).toMatchObject([{ chain, seal: 1, firstId: '1' }]);
    expect(changed.shown[0]?.rowsNow).toBe(changed.shown[0]?.rowsSealed);
  });

  test.each(['balance_transactions', 'audit_log'])(
    'all columns of %s are sealed',
    async (table) => {
      const { rows } = await tables.change(
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

  test('of many edits as many are shown as were wanted, and all are counted', async () => {
    await tables.change("update balance_transactions set reason = '' where id in (7, 2400)");
    await tables.change("update audit_log set actor = 'other' where id = 7");
    const { changed } = await verifySeals(database.pool, {}, 2, atOnce);
    expect(changed).toMatchObject({ count: 3, shown: [{ seal: 1 }, { seal: 3 }] });
    expect(changed.shown).toHaveLength(2);
  });

  test.each([
    ['as many', 'row_count'],
    ['millions of', '3000000, rows_total = 3000000'],
    ['no', '0'],
  ])('edits are found in each seal, also where it says that it has %s rows', async (_, rows) => {
    await tables.change(`update seals set row_count = ${rows} where chain = 'ledger'`);
    await tables.change("update balance_transactions set reason = '' where id in (7, 1007, 2007)");
    const { changed } = await tables.verify();
    expect(changed.shown.map(({ seal }) => seal)).toEqual([1, 2, 3]);
  });

  test('a number that was changed is found', async () => {
    await tables.change('alter table balance_transactions alter id drop identity');
    await tables.change('update balance_transactions set id = 100000 where id = 2500');
    await tables.change(
      'alter table balance_transactions alter id add generated always as identity',
    );
    expect((await tables.verify()).changed.shown).toMatchObject([
      { seal: 3, rowsSealed: 500, rowsNow: 499 },
    ]);
  });

  test('one that was deleted is found', async () => {
    await tables.change('delete from balance_transactions where id = 1500');
    expect((await tables.verify()).changed).toMatchObject({
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
    await tables.change('delete from audit_log');
    expect((await tables.verify()).changed.shown).toMatchObject([
      { chain: 'audit', rowsSealed: 10, rowsNow: 0 },
    ]);
  });

  test.each([1200, -5])('one that was added with the number %d is found', async (id) => {
    await tables.change('delete from balance_transactions where id = 1200');
    await tables.change('update seals set accepted_at = null');
    await tables.change(
      `insert into balance_transactions (id, user_id, unit, bucket, type, amount, reason)
       overriding system value values ($1, 'mallory', 'lovelace', 'available', 'credit', 1, 'test')`,
      [id],
    );
    const { changed } = await tables.verify();
    expect(changed.count).toBe(id < 0 ? 2 : 1);
  });

  test('a row that was exchanged with another is found', async () => {
    await tables.change(
      `update balance_transactions t
          set user_id = o.user_id, amount = o.amount, created_at = o.created_at
         from balance_transactions o where t.id in (10, 11) and o.id = 21 - t.id`,
    );
    expect((await tables.verify()).changed.count).toBe(1);
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
    await tables.change(
      `update seals set ${column} = ${value} where chain = 'ledger' and seal = 2`,
    );
    expect((await tables.verify()).broken.count).toBeGreaterThan(0);
  });

  test('a range that leaves a row out is found, though its hash was made anew', async () => {
    await tables.change(
      `update seals s
          set first_id = s.first_id + 1,
              hash = encode(sha256(convert_to(concat_ws(' ', p.hash, s.chain, s.seal, s.first_id + 1, s.last_id,
                s.row_count, s.rows_total, s.content_hash), 'UTF8')), 'hex')
         from seals p
        where s.chain = 'ledger' and s.seal = 3 and p.chain = 'ledger' and p.seal = 2`,
    );
    expect((await tables.verify()).broken.shown).toMatchObject([{ chain: 'ledger', seal: 3 }]);
  });

  test('a seal that was taken out is found', async () => {
    await tables.change("delete from seals where chain = 'ledger' and seal = 1");
    expect((await tables.verify()).broken.shown).toMatchObject([{ chain: 'ledger', seal: 2 }]);
  });

  test('an edit that was sealed anew is found by what was noted elsewhere', async () => {
    const { seal: number, hash } = await sealHead(database.pool, 'ledger');
    const notes = { ledger: { seal: number, hash } };
    expect((await tables.verify(notes)).notAsNoted).toEqual([]);
    await tables.change('update balance_transactions set amount = amount + 1 where id = 3');
    await tables.change("delete from seals where chain = 'ledger'");
    await tables.seal('ledger');
    const check = await tables.verify(notes);
    expect([check.changed.count, check.broken.count]).toEqual([0, 0]);
    expect(check.notAsNoted).toMatchObject([{ chain: 'ledger', seal: 3, noted: hash }]);
    expect(check.notAsNoted[0]?.stored).toMatch(/^[0-9a-f]{64}$/);
  });

  test('an end that was cut off is found by what was noted elsewhere', async () => {
    const { seal: number, hash } = await sealHead(database.pool, 'ledger');
    await tables.change("delete from seals where chain = 'ledger' and seal = 3");
    await tables.change('delete from balance_transactions where id > 2000');
    expect(await tables.verify()).toMatchObject({ changed: { count: 0 }, broken: { count: 0 } });
    expect((await tables.verify({ ledger: { seal: number, hash } })).notAsNoted).toEqual([
      { chain: 'ledger', seal: 3, noted: hash, stored: null, notedIn: 'outside' },
    ]);
  });

  test('what came after the note is nothing to say about', async () => {
    const { seal: number, hash } = await sealHead(database.pool, 'ledger');
    await tables.enter(5);
    await tables.seal('ledger');
    expect((await tables.verify({ ledger: { seal: number, hash } })).notAsNoted).toEqual([]);
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
    await tables.enter(10);
    await tables.sealAll();
    await tables.change('update balance_transactions set amount = 5 where id = 1');
  });

  test('counts as accepted, is audited, and what was sealed stays', async () => {
    const before = (await tables.change('select content_hash, hash from seals')).rows;
    expect(await accept()).toBe(1);
    expect(await tables.verify()).toMatchObject({ changed: { count: 0 }, broken: { count: 0 } });
    expect((await tables.change('select content_hash, hash from seals')).rows).toEqual(before);
    expect(
      (await tables.change('select action, entity_id, actor, details from audit_log')).rows,
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
    await tables.change('update balance_transactions set amount = 6 where id = 1');
    expect((await tables.verify()).changed.count).toBe(1);
  });

  test('isn’t accepted by a hand that writes no audit entry', async () => {
    await accept();
    await tables.change('delete from audit_log');
    expect((await tables.verify()).changed.count).toBe(1);
  });

  test('is none where the rows are what was sealed', async () => {
    await tables.change('update balance_transactions set amount = 1 where id = 1');
    expect(await accept()).toBe(0);
    expect((await tables.change('select * from audit_log')).rows).toEqual([]);
  });
});
