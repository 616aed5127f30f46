import { describe, expect, vi } from 'vitest';
import { TABLE_POLICIES } from '../../src/reconcile/backup/backup-sets.js';
import { ask, KEYS, type PayoutWorld, promise, SOON, test } from './payout-world.js';

/** What the chain tells, what is made of it, and what a rebuild notes of itself. */
const REDERIVED = new Set([
  'sync_state',
  'blocks',
  'block_checkpoints',
  'state_digests',
  'incoming_payments',
  'wallet_outputs',
  'user_balances',
  'chain_jobs',
  'rebuild_outputs',
  'rebuild_spends',
  'rebuild_candidates',
]);
/** Of these the rows of before stay, and others may come. */
const APPENDED = new Set(['balance_transactions', 'audit_log', 'outbox', 'seals']);
const LEFT_ALONE = Object.keys(TABLE_POLICIES).filter(
  (table) => !REDERIVED.has(table) && !APPENDED.has(table),
);

const SPOILED = [
  "delete from incoming_payments where user_id = 'user-1'",
  "update incoming_payments set amount_lovelace = amount_lovelace + 5000000 where user_id = 'user-0'",
  `delete from wallet_outputs where (tx_hash, output_index) = (
     select tx_hash, output_index from wallet_outputs where spent_by is null
      order by tx_hash, output_index limit 1)`,
  `insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion)
   select user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion + 1
     from balance_transactions where user_id = 'user-0' and reason = 'payment_confirmed'`,
  "update user_balances set available = available + 1 where user_id = 'user-0'",
];
const GOODWILL = `
  with entry as (
    insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
    values ('user-1', 'lovelace', 'available', 'credit', 7000000, 'goodwill'))
  update user_balances set available = available + 7000000 where user_id = 'user-1' and unit = 'lovelace'`;

type Rows = ReadonlyMap<string, readonly string[]>;

/** All rows of all tables, as PostgreSQL writes them. */
async function rowsOf({ pool }: PayoutWorld): Promise<Rows> {
  const rows = new Map<string, readonly string[]>();
  for (const table of Object.keys(TABLE_POLICIES)) {
    const text = `select t::text as line from ${table} t order by 1`;
    rows.set(
      table,
      (await pool.query<{ line: string }>(text)).rows.map(({ line }) => line),
    );
  }
  return rows;
}

const only = (rows: Rows, tables: Iterable<string>) =>
  Object.fromEntries([...tables].map((table) => [table, rows.get(table)]));

const TOLD = 'select distinct action from audit_log where id > $1 order by 1';
const BOOKED = 'select distinct reason from balance_transactions where id > $1';

async function lastOf({ pool }: PayoutWorld, table: string): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(`select max(id)::text as id from ${table}`);
  return rows[0]?.id ?? '0';
}

/** Payouts of every kind: paid, approved, in a block, waiting for a person, cancelled and queued. */
async function payOut(world: PayoutWorld): Promise<void> {
  const worker = await world.start();
  const mining = world.mineEvery(200);
  await vi.waitFor(async () => expect(await world.deposited()).toBe(2), SOON);
  const large = (nth: number) => ({ ...promise(nth, 'user-0'), lovelace: 8_000_000n });
  const { payout: paid } = await ask(worker, promise(1, 'user-0'));
  const { payout: approved } = await ask(worker, large(2));
  const approval = await worker.post(`/v1/payouts/${approved.id}/approve`, {}, KEYS.boss);
  expect(approval.status).toBe(200);
  await ask(worker, large(3));
  for (const { id } of [paid, approved]) await world.untilStatus(id, 'confirmed');
  mining.stop();
  const { payout: inBlock } = await ask(worker, promise(4));
  await world.untilStatus(inBlock.id, 'submitted');
  world.devnet.mine();
  await world.untilStatus(inBlock.id, 'in_block');
  await world.teller(['payout', 'pause', '--reason', 'a look at the books']);
  const { payout: cancelled } = await ask(worker, promise(5, 'user-1'));
  expect((await world.teller(['payout', 'cancel', cancelled.id])).exitCode).toBe(0);
  await ask(worker, promise(6, 'user-1'));
  worker.signal('SIGTERM');
  expect(await worker.exited).toBe(0);
  expect(await world.statuses()).toEqual({
    awaiting_approval: 1,
    cancelled: 1,
    confirmed: 2,
    in_block: 1,
    queued: 1,
  });
}

describe('an applied rebuild', { timeout: 120_000 }, () => {
  test('leaves alone what people entered and what was paid, row by row', async ({ open }) => {
    const world = await open({ users: 2, environment: { PAYOUT_APPROVAL_ABOVE_ADA: '5' } });
    await payOut(world);
    await world.pool.query(GOODWILL);
    for (const text of SPOILED) {
      expect((await world.pool.query(text)).rowCount, text).toBeGreaterThan(0);
    }
    const before = await rowsOf(world);
    const last = await lastOf(world, 'audit_log');
    const entries = await lastOf(world, 'balance_transactions');
    for (const table of ['payment_addresses', 'outbound_payments', 'payout_transactions']) {
      expect(before.get(table), table).not.toEqual([]);
    }

    const { exitCode, out, err } = await world.teller(['rebuild', '--from', 'origin', '--json']);
    expect(`${exitCode} ${err}`).toMatch(/^0 /);
    expect(JSON.parse(out)).toMatchObject({ result: { healed: 3, open: 0 } });

    const after = await rowsOf(world);
    expect(only(after, LEFT_ALONE)).toEqual(only(before, LEFT_ALONE));
    for (const table of APPENDED) {
      const now = new Set(after.get(table));
      expect(
        before.get(table)?.filter((line) => !now.has(line)),
        table,
      ).toEqual([]);
    }
    const told = await world.pool.query<{ action: string }>(TOLD, [last]);
    expect(told.rows.map(({ action }) => action)).toEqual([
      'balance.corrected',
      'ledger.corrected',
      'output.corrected',
    ]);
    const booked = await world.pool.query<{ reason: string }>(BOOKED, [entries]);
    expect(booked.rows).toEqual([{ reason: 'correction' }]);
    expect(await world.teller(['reconcile'])).toMatchObject({ exitCode: 0 });
    expect(await world.teller(['balance', 'verify'])).toMatchObject({ exitCode: 0 });
  });
});
