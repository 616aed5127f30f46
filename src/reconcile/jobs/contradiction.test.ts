import type { Pool } from 'pg';
import { expect, type TestContext, test, vi } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { ADA } from '../../../test/support/follow.js';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { ANN, reconcileFully, register } from '../../../test/support/reconciling.js';
import { startDevnet } from '../../devnet/server.js';
import { logLines, type SeenSummary } from '../../health/log-events.js';
import { observeVitals, startingVitals } from '../../health/vitals.js';
import type { SyncEvent } from '../../sync/events.js';
import { verifyBooks } from '../verify/verify-books.js';
import { followJob } from './follow-job.js';
import { requestJob } from './job-queries.js';

const AMOUNT = 7n * ADA;

/** Until then what a hand deletes may be taken for the past of its address. */
const WAITING = `
  select (select count(*)::int from payment_addresses where backfilled_height is null)
         + case when exists (select 1 from wallet_backfills) then 0 else 1 end as waiting`;

/** The real worker follows while a hand changes rows; `told` is all that its log says of contradictions. */
async function world(onTestFinished: TestContext['onTestFinished']) {
  const database = await createTestDatabase();
  const net = await startDevnet({ seed: 9, blocks: 3, random: false });
  const { pool } = database;
  await register(pool, 'ann', ANN);
  let vitals = startingVitals(0);
  const told: string[] = [];
  const toldBefore: unknown[] = [];
  const worker = openWorker(database, net, {
    hotWallet: net.chain.faucet,
    leading: [provingJobs(net)],
    observe: (event: SyncEvent<SeenSummary>) => {
      vitals = observeVitals(vitals, event, 0);
      for (const { fields, message } of logLines(event)) {
        if (fields.event === 'books_contradict') told.push(message);
        if (fields.event === 'event_told_before') toldBefore.push(fields.event_key);
      }
    },
  });
  onTestFinished(async () => {
    await worker.stop();
    await net.close();
    await database.drop();
  });
  const cursor = async (): Promise<string | undefined> =>
    (await pool.query<{ hash: string }>('select last_block_hash as hash from sync_state')).rows[0]
      ?.hash;
  const untilAtTip = (): Promise<unknown> =>
    vi.waitFor(
      async () => {
        expect((await pool.query(WAITING)).rows).toEqual([{ waiting: 0 }]);
        expect(await cursor()).toBe(net.chain.blocks().at(-1)?.id);
      },
      { timeout: 20_000, interval: 20 },
    );
  const untilItStops = (): Promise<unknown> =>
    vi.waitFor(() => expect(vitals.obstacle?.kind).toBe('books_contradict'), {
      timeout: 20_000,
      interval: 20,
    });
  /** Told a moment after the block was committed. */
  const untilItGoesOn = (): Promise<unknown> =>
    vi.waitFor(() => expect(vitals.obstacle).toBeNull(), { timeout: 20_000, interval: 20 });
  const { transaction } = net.payNow({ address: ANN[0] ?? '', lovelace: AMOUNT });
  await untilAtTip();
  return {
    pool,
    net,
    told,
    toldBefore,
    cursor,
    untilAtTip,
    untilItStops,
    untilItGoesOn,
    obstacle: () => vitals.obstacle,
    transaction,
    /** One row, changed as nothing of chain-teller would. */
    byHand: async (sql: string) => {
      expect((await pool.query(`${sql} where user_id = 'ann'`)).rowCount).toBe(1);
    },
  };
}

type World = Awaited<ReturnType<typeof world>>;

async function repair(pool: Pool) {
  const id = await requestJob(pool, {
    partitionId: 0,
    kind: 'repair',
    params: { addresses: null },
    requestedBy: 'test',
  });
  return followJob(pool, id, () => undefined, AbortSignal.timeout(40_000));
}

const confirmIt = async ({ net, untilAtTip }: World): Promise<void> => {
  for (let block = 0; block < 3; block += 1) net.mine();
  await untilAtTip();
};

type Story = {
  readonly what: string;
  readonly says: string;
  /** What the chain gives ann in the end. */
  readonly owns: bigint;
  /** Up to the block that can't be booked. */
  readonly tell: (world: World) => Promise<void>;
};

const STORIES: readonly Story[] = [
  {
    what: 'a payment that was confirmed is pending',
    says: '(inclusion 1, user ann) is booked already as payment_confirmed',
    owns: AMOUNT,
    tell: async (world) => {
      await confirmIt(world);
      await world.byHand(`update incoming_payments set status = 'pending', confirmed_at = null`);
      world.net.mine();
    },
  },
  {
    what: 'a payment that was told to be confirmed is pending, and its entries are gone',
    says: "the lovelace of user ann aren't the sum of the entries",
    owns: AMOUNT,
    tell: async (world) => {
      await confirmIt(world);
      await world.byHand(`update incoming_payments set status = 'pending', confirmed_at = null`);
      await world.pool.query(`delete from balance_transactions where reason = 'payment_confirmed'`);
      world.net.mine();
    },
  },
  {
    what: 'an inclusion is lowered and the payment rolled back',
    says: '(inclusion 1, user ann) is booked already as payment_rolled_back',
    owns: 0n,
    tell: async (world) => {
      world.net.fork(1);
      await world.untilAtTip();
      await world.byHand('update incoming_payments set inclusion = 1');
      world.net.fork(2, { comeBack: 'none' });
    },
  },
  {
    what: 'an inclusion is lowered and the payment comes again',
    says: '(inclusion 2, user ann) is booked already as payment_detected',
    owns: AMOUNT,
    tell: async (world) => {
      world.net.fork(1);
      await world.untilAtTip();
      world.net.fork(2, { comeBack: 'none' });
      await world.untilAtTip();
      await world.byHand('update incoming_payments set inclusion = 1');
      world.net.mine([world.transaction]);
    },
  },
  {
    what: 'a payment was deleted and comes again',
    says: '(inclusion 1, user ann) is booked already as payment_detected',
    owns: AMOUNT,
    tell: async (world) => {
      await world.byHand('delete from incoming_payments');
      world.net.fork(1);
    },
  },
  {
    what: 'a payment was deleted after a rollback and comes again',
    says: '(inclusion 1, user ann) is booked already as payment_detected',
    owns: AMOUNT,
    tell: async (world) => {
      world.net.fork(1, { comeBack: 'none' });
      await world.untilAtTip();
      await world.byHand('delete from incoming_payments');
      world.net.mine([world.transaction]);
    },
  },
  {
    what: 'a payment that was rolled back stands in a block, and that block is rolled back',
    says: '(inclusion 1, user ann) is booked already as payment_rolled_back',
    owns: 0n,
    tell: async (world) => {
      world.net.fork(1, { comeBack: 'none' });
      await world.untilAtTip();
      await world.byHand(
        `update incoming_payments p set status = 'pending', block_hash = b.hash, block_height = b.height,
                slot = b.slot, tx_position = 0
           from (select * from blocks order by height desc limit 1) b`,
      );
      world.net.fork(1);
    },
  },
  {
    what: 'a payment stands in an earlier block and comes again',
    says: '(inclusion 1, user ann) is recorded as pending in block',
    owns: AMOUNT,
    tell: async (world) => {
      await world.byHand(
        'update incoming_payments set block_height = 1, required_confirmations = 99',
      );
      world.net.fork(1);
    },
  },
  {
    what: 'an output of the hot wallet stands in an earlier block and comes again',
    says: '#1 of the hot wallet is recorded in block',
    owns: AMOUNT,
    tell: async (world) => {
      const { rowCount } = await world.pool.query(
        'update wallet_outputs set block_height = 1 where tx_hash = $1',
        [world.transaction.id],
      );
      expect(rowCount).toBe(1);
      world.net.fork(1);
    },
  },
];

test.concurrent.for(STORIES)(
  'where $what the chain stops and says why, until a repair lets it go on',
  { timeout: 60_000 },
  async (story, { onTestFinished }) => {
    const under = await world(onTestFinished);
    const { pool, net } = under;
    await story.tell(under);
    await under.untilItStops();
    const stoppedAt = await under.cursor();
    expect(under.obstacle()?.detail).toContain(under.transaction.id);
    expect(under.obstacle()?.detail).toContain(story.says);
    expect(under.obstacle()?.detail).toContain('teller reconcile --repair');
    expect(under.told[0]).toBe(under.obstacle()?.detail);
    expect(stoppedAt).not.toBe(net.chain.blocks().at(-1)?.id);

    expect(await repair(pool)).toMatchObject({ state: 'done' });
    await under.untilAtTip();
    await under.untilItGoesOn();
    await repair(pool);
    expect((await reconcileFully(pool, net)).findings).toEqual([]);
    expect((await verifyBooks(pool)).totalMismatches).toBe(0);
    const { rows } = await pool.query(
      'select sum(available + pending)::text as owns, sum(held)::text as held from user_balances',
    );
    expect(rows).toEqual([{ owns: story.owns.toString(), held: '0' }]);
  },
);

const NOTED = `
  select entity_id as key, actor, details ->> 'type' as type from audit_log
   where action = 'event.told_before'`;

test('an event that another hand wrote beforehand stops nothing, stays as it is, and is noted', {
  timeout: 60_000,
}, async ({ onTestFinished }) => {
  const under = await world(onTestFinished);
  const { pool, net, transaction } = under;
  const key = `payment.confirmed:${transaction.id}#0:1`;
  await pool.query(
    `insert into outbox (type, event_key, data) values ('payment.confirmed', $1, '{"by": "hand"}')`,
    [key],
  );
  await confirmIt(under);
  expect(under.obstacle()).toBeNull();
  expect((await pool.query(NOTED)).rows).toEqual([
    { key, actor: 'worker', type: 'payment.confirmed' },
  ]);
  const told = await pool.query('select data from outbox where event_key = $1', [key]);
  expect(told.rows).toEqual([{ data: { by: 'hand' } }]);
  expect(under.toldBefore).toEqual([key]);
  const { rows } = await pool.query('select status from incoming_payments');
  expect(rows).toEqual([{ status: 'confirmed' }]);
  expect((await reconcileFully(pool, net)).findings).toEqual([]);
  expect((await verifyBooks(pool)).totalMismatches).toBe(0);
});
