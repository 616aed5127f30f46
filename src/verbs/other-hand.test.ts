import { afterEach, expect, test } from 'vitest';
import { tellerInTests } from '../../test/support/teller.js';

const { under, teller } = tellerInTests();

afterEach(() =>
  under.database.pool.query('insert into payout_control default values on conflict do nothing'),
);

test.each([[['status']], [['payout', 'pause']]])(
  '%j says what to do where payout_control has lost its row',
  async (words) => {
    await under.database.pool.query('delete from payout_control');
    const { exitCode, err } = await teller(words);
    expect(exitCode).toBe(1);
    expect(err).toMatch(/payout_control has lost its only row.*insert into payout_control/);
    expect(err).not.toContain('    at ');
    const [putBack] = /insert into payout_control [^`]+/.exec(err) ?? [''];
    await under.database.pool.query(putBack);
    const after = await teller(['payout', 'resume']);
    expect(after).toMatchObject({ exitCode: 0 });
    const status = await teller(['status', '--json']);
    expect(JSON.parse(status.out)).toMatchObject({
      payoutsPaused: null,
      payoutsHeld: { reason: 'its row was lost' },
    });
  },
);

test('a registration by ids that are taken names the sequence', async () => {
  const { pool } = under.database;
  await pool.query(
    `insert into audit_log (action, entity_type, entity_id, actor)
     select 'a', 'b', 'c', 'd' from generate_series(1, 9)`,
  );
  await pool.query("select setval('audit_log_id_seq', (select min(id) from audit_log))");
  const { exitCode, err } = await teller(['payout', 'pause']);
  expect(exitCode).toBe(1);
  expect(err).toMatch(/sequence public\.audit_log_id_seq hands out ids.*Restart `teller run`/);
  expect(err).not.toContain('    at ');
  await pool.query("select setval('audit_log_id_seq', (select max(id) from audit_log))");
});

test('a digest of books of another network is refused', async () => {
  await under.database.pool.query(
    "insert into sync_state (partition_id, total_partitions, network) values (0, 1, 'mainnet')",
  );
  const { exitCode, err } = await teller(['digest']);
  expect(exitCode).toBe(2);
  expect(err).toContain('NETWORK: given preprod, but this database follows mainnet');
});
