import { afterAll, beforeEach, expect, test } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import { createTestDatabase } from '../../test/support/database.js';
import { devnet } from '../../test/support/devnet.js';
import { emptyBooks, register, startWorker, untilFollowed } from '../../test/support/rebuilding.js';
import { logLines } from '../health/log-events.js';
import type { PaymentsSummary } from '../payments/payment.js';
import type { SyncEvent } from './events.js';
import { beginTerm } from './queries.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(async () => {
  await emptyBooks(pool);
  await pool.query('truncate audit_log, seals');
});

const ANN = enterpriseAddress(1);
const term = () => beginTerm(pool, 0, 1, 'custom:42');
const SEQUENCES = ['balance_transactions_id_seq', 'outbox_id_seq', 'audit_log_id_seq'];
const setBack = (sequence: string) =>
  pool.query(
    `select setval($1::regclass, (select min(id) from ${sequence.replace('_id_seq', '')}))`,
    [sequence],
  );

/** Ann is paid, by a worker that stays, so often that one attempt does not use up the ids. */
async function paidOften() {
  const net = await devnet({ blocks: 3 });
  await register(pool, 'ann', [ANN]);
  const events: SyncEvent<PaymentsSummary>[] = [];
  const start = () => startWorker(database, net, { observe: (event) => void events.push(event) });
  const pay = async (): Promise<void> => {
    net.payNow({ address: ANN, lovelace: 5_000_000n });
    await untilFollowed(pool, net);
  };
  const worker = start();
  for (let payments = 0; payments < 6; payments += 1) await pay();
  return { worker, start, pay, events };
}

test.each(SEQUENCES)('a term begins with %s set right, and says so', async (sequence) => {
  const { worker, start, pay, events } = await paidOften();
  await register(pool, 'bob', [enterpriseAddress(2)]);
  await worker.stop();
  await setBack(sequence);
  start();
  await pay();
  const told = events.flatMap((event) => (event.type === 'sequence_advanced' ? [event] : []));
  expect(told).toMatchObject([{ sequence: `public.${sequence}` }]);
  expect(told.flatMap(logLines)).toMatchObject([
    { level: 'warn', message: 'a sequence was behind its table' },
  ]);
  const { rows } = await pool.query(
    "select entity_id, details from audit_log where action = 'sequence.advanced'",
  );
  expect(rows).toMatchObject([
    { entity_id: `public.${sequence}`, details: { from: told[0]?.from, to: told[0]?.to } },
  ]);
});

test.each(SEQUENCES.slice(0, 2))(
  'with %s set back within a term, another term begins by itself',
  async (sequence) => {
    const { pay, events } = await paidOften();
    await setBack(sequence);
    await pay();
    expect(events.find((event) => event.type === 'leader_lost')).toMatchObject({
      reason: expect.stringContaining(`public.${sequence}`) as string,
    });
    const { rows } = await pool.query('select 1 from incoming_payments');
    expect(rows).toHaveLength(7);
  },
);

test('a database of another network is left as it is', async () => {
  await paidOften().then(({ worker }) => worker.stop());
  await pool.query("select setval('outbox_id_seq', 1)");
  expect(await beginTerm(pool, 0, 1, 'preprod')).toHaveProperty('refused');
  const { rows } = await pool.query('select last_value::int as at from outbox_id_seq');
  expect(rows).toEqual([{ at: 1 }]);
});

test('an epoch after which none can come is told in words', async () => {
  await term();
  await pool.query('update sync_state set leader_epoch = 9223372036854775807');
  await expect(term()).rejects.toThrow(
    /leader_epoch in sync_state is 9223372036854775807.*`update sync_state set leader_epoch = 1, /,
  );
  await pool.query('update sync_state set leader_epoch = 1, leader_token = null');
  await expect(term()).resolves.toMatchObject({ epoch: 2n });
});
