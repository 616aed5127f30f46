import { afterAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { firstTold } from './first-told.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() => pool.query('truncate outbox cascade'));

const HASH = 'ab'.repeat(32);
const QUERY = `
  with lost as (select $1::text as tx_hash, 3 as output_index)
  ${firstTold('lost', "o.data ->> 'at' ~ '^[0-9]+$'")}`;

/** Events of a payment's inclusions, in the order in which they were written. */
async function told(events: readonly (readonly [inclusion: number, at: string | null])[]) {
  for (const [inclusion, at] of events) {
    await pool.query(
      `insert into outbox (type, event_key, data) values ('payment.detected', $1, $2)`,
      [`payment.detected:${HASH}#3:${inclusion}`, { at }],
    );
  }
  const { rows } = await pool.query<{ data: unknown; readable: boolean }>(QUERY, [HASH]);
  return rows.map(({ data, readable }) => ({ data, readable }));
}

test('what only a block told of that met its row was first told of by that', async () => {
  const tell = (type: string, at: string) =>
    pool.query('insert into outbox (type, event_key, data) values ($1, $2, $3)', [
      type,
      `${type}:${HASH}#3:1`,
      { at },
    ]);
  const first = async () => (await pool.query<{ data: object }>(QUERY, [HASH])).rows[0]?.data;
  await tell('payment.rolled_back', '3');
  expect(await first()).toEqual({ at: '3' });
  await tell('payment.confirmed', '2');
  expect(await first()).toEqual({ at: '2' });
  await tell('payment.detected', '1');
  expect(await first()).toEqual({ at: '1' });
});

const MANY = Array.from({ length: 40 }, (_, i) => [i + 3, `${i}`] as const);

test.each<[string, Parameters<typeof told>[0], string | null, boolean]>([
  ['the first inclusion', [[1, '1'], [2, '2'], ...MANY], '1', true],
  ['the first inclusion, wherever it was written', [[2, '2'], [1, '1'], ...MANY], '1', true],
  ['the second, where of the first nothing was told', [[2, '2']], '2', true],
  [
    'the second, where the first can’t be read',
    [
      [1, 'x'],
      [2, '2'],
    ],
    '2',
    true,
  ],
  [
    'the first, where none can be read',
    [
      [2, 'y'],
      [1, null],
    ],
    null,
    false,
  ],
])('a payment was first told of by the event of %s', async (_what, events, at, readable) => {
  expect(await told(events)).toEqual([{ data: { at }, readable }]);
});
