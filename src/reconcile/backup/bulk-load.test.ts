import { describe, expect, test } from 'vitest';
import { shapeOf } from '../../../test/support/catalog-shape.js';
import { createTestDatabase, databasesInTests } from '../../../test/support/database.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { inTransaction, type Queryable, type Tx } from '../../database/transaction.js';
import { beginBulkLoad, endBulkLoad } from './bulk-load.js';
import { readTables } from './catalog-queries.js';

/** What people who know PostgreSQL may have added. */
const ADDED = `
  create table "Odd one" (id int primary key, code text not null, "to" text unique);
  create unique index "Odd code" on "Odd one" (code);
  create index "Odd partial" on "Odd one" ("to" desc nulls last) include (code) where code <> 'a"b';
  create index odd_expression on "Odd one" using hash (lower(code)) with (fillfactor = 70);
  create table odd_children (id int constraint "Odd reference" references "Odd one" on delete cascade,
                             code text references "Odd one" (code) deferrable initially deferred,
                             parent int, child int unique);
  alter table odd_children add foreign key (parent) references odd_children (child) match full;`;

/** Each with what of it must stay where it is. */
const STAYING: readonly (readonly [what: string, statement: string, kept: RegExp])[] = [
  [
    'an index with a comment',
    `create index odd on "Odd one" ("to"); comment on index odd is 'asked for by accounting'`,
    /^index CREATE INDEX odd ON/,
  ],
  [
    'an index that tells rows apart',
    `create unique index odd on "Odd one" (id, code); alter table "Odd one" replica identity using index odd`,
    /^index CREATE UNIQUE INDEX odd ON/,
  ],
  [
    'the index by which a table is clustered',
    `create index odd on odd_children (id); alter table odd_children cluster on odd`,
    /^index CREATE INDEX odd ON/,
  ],
  [
    'an index with statistics of its own',
    `create index odd on "Odd one" (upper(code)); alter index odd alter column 1 set statistics 400`,
    /^index CREATE INDEX odd ON/,
  ],
  [
    'a key with room in its pages',
    `alter table odd_children add constraint odd unique (id) with (fillfactor = 50)`,
    /^constraint odd_children odd UNIQUE/,
  ],
  [
    'a key that a view groups by',
    `create view odd as select id, code, count(*) from "Odd one" group by id`,
    /^constraint "?Odd one"? "?Odd one_pkey"? PRIMARY KEY/,
  ],
  [
    'a constraint with a comment',
    `alter table odd_children add constraint odd unique (id); comment on constraint odd on odd_children is 'ask Ann'`,
    /^constraint odd_children odd UNIQUE/,
  ],
  [
    'a key that is looked at in the end',
    `alter table odd_children add constraint odd unique (id) deferrable initially deferred`,
    /^constraint odd_children odd UNIQUE/,
  ],
  [
    'a constraint that excludes',
    `alter table odd_children add constraint odd exclude (id with =)`,
    /^constraint odd_children odd EXCLUDE/,
  ],
  [
    'a reference that holds for new rows alone, and the key that it needs',
    `alter table odd_children add constraint odd foreign key (id) references "Odd one" deferrable initially deferred not valid`,
    /^constraint (odd_children odd FOREIGN KEY .* NOT VALID|Odd one Odd one_pkey PRIMARY KEY)/,
  ],
  [
    'a reference whose check somebody switched off',
    `alter table odd_children add constraint odd foreign key (id) references "Odd one";
     alter table odd_children disable trigger all`,
    /^constraint odd_children odd FOREIGN KEY/,
  ],
  [
    'what a partitioned table has',
    `create table odd (id int primary key, other text) partition by range (id);
     create table odd_1 partition of odd for values from (0) to (10);
     create index odd_other on odd (other)`,
    /^index CREATE (UNIQUE )?INDEX odd_(pkey|1_pkey|other|1_other_idx) ON/,
  ],
];

const make = databasesInTests();
const open = (...statements: string[]): Promise<TestDatabase> =>
  make(createTestDatabase, ...statements);

const untold = (): void => undefined;
const namesOf = async (db: Queryable): Promise<string[]> =>
  (await readTables(db)).map(({ name }) => name);

/** Loads all tables at once. @returns how they looked meanwhile */
async function load(tx: Tx, work: () => Promise<unknown>): Promise<string[]> {
  const { removed } = await beginBulkLoad(tx, await namesOf(tx));
  const meanwhile = await shapeOf(tx);
  await work();
  await endBulkLoad(tx, removed, untold);
  return meanwhile;
}

const KEYS =
  /^(index|constraint \S+( one)? \S+( one_\w+| reference)? (PRIMARY|UNIQUE|FOREIGN|EXCLUDE)|trigger)/;

describe('a bulk load', () => {
  test('takes indexes, keys and references away, and has all of them again', async () => {
    const { pool } = await open(ADDED);
    const shape = await shapeOf(pool);
    const meanwhile = await inTransaction(pool, (tx) =>
      load(tx, () => tx.query(`insert into "Odd one" values (1, 'a', 'b')`)),
    );
    expect(shape.filter((text) => KEYS.test(text)).length).toBeGreaterThan(100);
    expect(meanwhile.filter((text) => KEYS.test(text))).toEqual([]);
    expect(await shapeOf(pool)).toEqual(shape);
    expect((await pool.query('select from "Odd one"')).rowCount).toBe(1);
  });

  test.each(STAYING)('leaves %s', async (_, statement, kept) => {
    const { pool } = await open(ADDED, statement);
    const shape = await shapeOf(pool);
    const stays = shape.filter((text) => kept.test(text));
    expect(stays).not.toEqual([]);
    const meanwhile = await inTransaction(pool, (tx) =>
      load(tx, () =>
        tx.query(`insert into "Odd one" values (1, 'a'); insert into odd_children values (1, 'a')`),
      ),
    );
    // Whether somebody reads by it may be noted anew; that it is there isn't.
    expect(meanwhile.filter((text) => kept.test(text)).length).toBe(stays.length);
    expect(meanwhile.length).toBeLessThan(shape.length);
    expect(await shapeOf(pool)).toEqual(shape);
  });

  test('changes nothing where triggers of somebody may need it', async () => {
    const { pool } = await open(
      ADDED,
      `create function noted() returns trigger language plpgsql as 'begin return new; end';
       create trigger noted before insert on odd_children for each row execute function noted()`,
    );
    const shape = await shapeOf(pool);
    const meanwhile = await inTransaction(pool, (tx) => load(tx, () => Promise.resolve()));
    expect(meanwhile).toEqual(shape);
  });

  test('leaves all of it to its owner where somebody else loads', async () => {
    const { pool } = await open(ADDED);
    const shape = await shapeOf(pool);
    const loading = inTransaction(pool, async (tx) => {
      // Never committed: roles belong to the whole server.
      await tx.query(
        `create role teller_test_loader; grant all on all tables in schema public to teller_test_loader;
         set local role teller_test_loader`,
      );
      const tables = await namesOf(tx);
      const { fresh, removed } = await beginBulkLoad(tx, tables);
      expect([fresh.size, removed]).toEqual([0, []]);
      throw new Error('looked at');
    });
    await expect(loading).rejects.toThrow('looked at');
    expect(await shapeOf(pool)).toEqual(shape);
  });

  test('needs no superuser', async () => {
    const { pool } = await open();
    const shape = await shapeOf(pool);
    const loading = inTransaction(pool, async (tx) => {
      await tx.query(
        'create role teller_test_owner; grant create on schema public to teller_test_owner',
      );
      for (const name of await namesOf(tx)) {
        await tx.query(`alter table ${name} owner to teller_test_owner`);
      }
      await tx.query('set local role teller_test_owner');
      const owned = await shapeOf(tx);
      const meanwhile = await load(tx, () => Promise.resolve());
      expect(meanwhile.filter((text) => KEYS.test(text))).toEqual([]);
      expect(await shapeOf(tx)).toEqual(owned);
      expect(owned).not.toEqual(shape);
      throw new Error('looked at');
    });
    await expect(loading).rejects.toThrow('looked at');
  });

  test('sorts within a bound, and keeps what a server was given beyond it', async () => {
    const { pool } = await open();
    const memory = (given: string): Promise<string | undefined> =>
      inTransaction(pool, async (tx) => {
        await tx.query(`set local maintenance_work_mem = '${given}'`);
        await beginBulkLoad(tx, []);
        const { rows } = await tx.query<{ maintenance_work_mem: string }>(
          'show maintenance_work_mem',
        );
        return rows[0]?.maintenance_work_mem;
      });
    expect([await memory('1MB'), await memory('1GB')]).toEqual(['256MB', '1GB']);
  });
});
