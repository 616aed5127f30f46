import { describe, expect, test } from 'vitest';
import { CAROL, followedBooks, reconcileFully } from '../../../test/support/reconciling.js';

const { net, copyBooks } = await followedBooks();

const OTHER = "repeat('ab', 32)";
/** What another hand makes of a column, and who tells of it. */
type Change = readonly [value: string, toldBy: 'reconcile' | 'nobody'];

const OF_BOTH = {
  tx_hash: [OTHER, 'reconcile'],
  output_index: ['output_index + 900', 'reconcile'],
  partition_id: ['7', 'reconcile'],
  amount_lovelace: ['amount_lovelace + 1', 'reconcile'],
  assets: [`'{"${'ab'.repeat(28)}": "1"}'`, 'reconcile'],
  block_hash: [OTHER, 'reconcile'],
  block_height: ['block_height - 1', 'reconcile'],
  slot: ['slot + 1', 'reconcile'],
  spent_by: [OTHER, 'reconcile'],
} as const satisfies Record<string, Change>;

/** A column that isn't here fails: whoever adds one says who tells of a change, and why where nobody does. */
const CHANGES: Readonly<Record<string, Readonly<Record<string, Change>>>> = {
  incoming_payments: {
    ...OF_BOTH,
    // The database refuses one that isn't registered.
    address: [`'${CAROL}'`, 'reconcile'],
    user_id: ["'mallory'", 'reconcile'],
    status: ["'pending'", 'reconcile'],
    // The order within a block alone, which the ledger of a node doesn't know.
    tx_position: ['null', 'nobody'],
    counted_from: ['3', 'reconcile'],
    // Nobody reads it without who spent it; whatever spends it or is rolled back writes both.
    spent_height: ['block_height', 'nobody'],
    // `balance verify` and repairs hold these against address and ledger.
    reference_type: ["'forged'", 'nobody'],
    reference_id: ["'forged'", 'nobody'],
    inclusion: ['inclusion + 1', 'nobody'],
    // Known gaps.
    required_confirmations: ['required_confirmations + 1', 'nobody'],
    detected_at: ["detected_at - interval '1 day'", 'nobody'],
    confirmed_at: ["confirmed_at - interval '1 day'", 'nobody'],
  },
  wallet_outputs: {
    ...OF_BOTH,
    address: ["'nobodys'", 'reconcile'],
    has_script: ['not has_script', 'reconcile'],
    counted_from: ['counted_from + 1', 'reconcile'],
    // The database refuses either of the two alone.
    spent_height: ['spent_height + 1', 'reconcile'],
  },
};

const WITH_BLOCK = 'block_height is not null and spent_by is null';
const WHERE: Readonly<Record<string, string>> = {
  'incoming_payments.counted_from': "counted_from is not null and status = 'confirmed'",
  'incoming_payments.status': `${WITH_BLOCK} and status = 'confirmed' and block_height < 16`,
  'wallet_outputs.counted_from': 'counted_from is not null',
  'wallet_outputs.spent_by': 'spent_by is not null and block_height is not null',
  'wallet_outputs.spent_height': 'spent_by is not null and block_height is not null',
};

const statement = (table: string, column: string, value: string): string => `
  update ${table} set ${column} = ${value}
   where (tx_hash, output_index) = (
     select tx_hash, output_index from ${table}
      where ${WHERE[`${table}.${column}`] ?? `${WITH_BLOCK}${table === 'incoming_payments' ? " and status = 'confirmed'" : ''}`}
      order by tx_hash, output_index limit 1)`;

const CASES = Object.entries(CHANGES).flatMap(([table, columns]) =>
  Object.entries(columns).map(([column, [value, toldBy]]) => ({ table, column, value, toldBy })),
);

test.each(Object.keys(CHANGES))(
  '%s has no column of which it isn’t said who tells',
  async (table) => {
    const { pool } = await copyBooks();
    const { rows } = await pool.query<{ name: string }>(
      `select column_name as name from information_schema.columns
      where table_schema = 'public' and table_name = $1 order by 1`,
      [table],
    );
    const said = CASES.filter((one) => one.table === table).map(({ column }) => column);
    expect(said.sort()).toEqual(rows.map(({ name }) => name).sort());
  },
);

describe('a changed column', () => {
  test.each(CASES)(
    '$column of $table is told by $toldBy',
    async ({ table, column, value, toldBy }) => {
      const { pool } = await copyBooks();
      const { rowCount } = await pool.query(statement(table, column, value));
      expect(rowCount).toBe(1);
      const { findings, problem, disputed } = await reconcileFully(pool, net);
      const isTold = findings.length > 0 || problem !== null || disputed !== null;
      expect(isTold).toBe(toldBy === 'reconcile');
    },
  );
});
