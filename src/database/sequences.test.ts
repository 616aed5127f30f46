import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { advanceSequences, explainTakenId, IdTaken, sequencesBehind } from './sequence-queries.js';
import { inTransaction } from './transaction.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const AUDIT = `
  insert into audit_log (action, entity_type, entity_id, actor) values ('a', 'b', 'c', 'd')
  returning id::text`;
const write = async (): Promise<string | undefined> =>
  (await pool.query<{ id: string }>(AUDIT)).rows[0]?.id;

beforeEach(async () => {
  await pool.query('truncate audit_log restart identity');
  await write();
  await write();
  await write();
});

const setBack = (to: number, isCalled = true) =>
  pool.query("select setval('audit_log_id_seq', $1, $2)", [to, isCalled]);
const advance = () => inTransaction(pool, advanceSequences);

test.each([
  [1, true, '2'],
  [1, false, '1'],
  [3, false, '3'],
])('a sequence set back to %i (used: %s) is found and set right', async (to, isUsed, next) => {
  await setBack(to, isUsed);
  const found = [
    { table: 'audit_log', column: 'id', sequence: 'public.audit_log_id_seq', next, highest: '3' },
  ];
  expect(await sequencesBehind(pool)).toEqual(found);
  expect(await advance()).toEqual(found);
  expect(await write()).toBe('4');
});

test('a sequence that is ahead stays where it is', async () => {
  await setBack(70);
  expect(await advance()).toEqual([]);
  expect(await write()).toBe('71');
});

test('every identity column of the schema is looked at', async () => {
  await pool.query('create table late ("Id" bigint generated always as identity, note text)');
  await pool.query('insert into late (note) values ($1), ($1)', ['x']);
  await pool.query(`select setval('"late_Id_seq"', 1)`);
  expect(await advance()).toMatchObject([{ table: 'late', column: 'Id', highest: '2' }]);
  await pool.query('drop table late');
});

test('a row with an id that nobody handed out uses up no ids', async () => {
  await pool.query(
    `insert into audit_log (id, action, entity_type, entity_id, actor) overriding system value
     values (9223372036854775807, 'a', 'b', 'c', 'd')`,
  );
  expect(await advance()).toEqual([]);
  expect(await write()).toBe('4');
});

test('an id that was handed out to a transaction under way is not handed out again', async () => {
  const other = await pool.connect();
  await setBack(2);
  await other.query('begin');
  // Ids above the highest that others see.
  await expect(other.query(AUDIT)).rejects.toThrow('audit_log_pkey');
  await other.query('rollback; begin');
  await other.query(AUDIT);
  await setBack(1);
  const advancing = advance();
  await vi.waitFor(async () => {
    const waiting = `select 1 from pg_locks
                      where relation = 'audit_log'::regclass and not granted`;
    expect((await pool.query(waiting)).rowCount).toBe(1);
  });
  await other.query('commit');
  other.release();
  expect(await advancing).toMatchObject([{ highest: '4' }]);
  expect(await write()).toBe('5');
});

test('an id that is taken is told with its sequence and what to do', async () => {
  await setBack(1);
  const told = await explainTakenId(pool, await write().catch((error: unknown) => error));
  expect(told).toBeInstanceOf(IdTaken);
  expect(String(told)).toMatch(
    /the sequence public\.audit_log_id_seq hands out ids that audit_log has already, up to 3: .*Restart `teller run`/,
  );
});

test('what was taken but is no id is told as it is', async () => {
  const twice = await pool
    .query(
      "insert into user_balances values ('a', 'lovelace', 1, 0, 0), ('a', 'lovelace', 1, 0, 0)",
    )
    .catch((error: unknown) => error);
  expect(await explainTakenId(pool, twice)).toBe(twice);
  const other = new Error('something else');
  expect(await explainTakenId(pool, other)).toBe(other);
});
