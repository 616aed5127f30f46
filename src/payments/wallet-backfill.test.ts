import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { devnet } from '../../test/support/devnet.js';
import { emptyTables, POLICY } from '../../test/support/follow.js';
import { decodeNextBlock } from '../chain/decode.js';
import type { Devnet } from '../devnet/server.js';
import type { SyncEvent } from '../sync/events.js';
import { runSync } from '../sync/worker.js';
import { createPaymentHandlers } from './apply.js';
import type { PaymentsSummary } from './payment.js';

const database = await createTestDatabase();
afterAll(() => database.drop());
beforeEach(() => emptyTables(database.pool));

type Worker = {
  readonly events: SyncEvent<PaymentsSummary>[];
  readonly stop: () => Promise<void>;
};

/** The real worker, from the tip on, with the devnet's faucet as its hot wallet. */
function follow(net: Devnet, hotWallet = net.chain.faucet): Worker {
  const events: SyncEvent<PaymentsSummary>[] = [];
  const abort = new AbortController();
  const running = runSync(
    {
      pool: database.pool,
      directUrl: database.url,
      partitionId: 0,
      totalPartitions: 1,
      network: 'custom:42',
      startPoint: 'tip',
      endpoints: { urls: [net.url], keys: [], keyHeader: null, keyParam: 'apikey' },
      decode: decodeNextBlock,
      createHandlers: () => createPaymentHandlers({ partitionId: 0, policy: POLICY, hotWallet }),
      observe: (event) => void events.push(event),
      random: () => 0,
      preferredRetryMs: 60_000,
    },
    abort.signal,
  );
  const stop = async (): Promise<void> => {
    abort.abort(new Error('stopped'));
    await running;
  };
  onTestFinished(stop);
  return { events, stop };
}

type Row = { reference: string; height: string | null; spentBy: string | null };

const rows = async (): Promise<Row[]> =>
  (
    await database.pool.query<Row>(
      `select tx_hash || '#' || output_index as reference, block_height as height,
              spent_by as "spentBy" from wallet_outputs`,
    )
  ).rows;
const unspent = async (): Promise<string[]> =>
  (await rows()).flatMap((row) => (row.spentBy === null ? row.reference : [])).sort();
const backfilledAt = async (): Promise<string[]> =>
  (
    await database.pool.query<{ hash: string }>('select block_hash as hash from wallet_backfills')
  ).rows.map(({ hash }) => hash);

const ledger = (net: Devnet, owner = net.chain.faucet): string[] =>
  [...net.chain.unspentAt(net.chain.blocks().at(-1)?.id ?? 'origin', [owner]).keys()].sort();
const tipId = (net: Devnet): string => net.chain.blocks().at(-1)?.id ?? '';

const eventually = (check: () => unknown): Promise<unknown> =>
  vi.waitFor(check, { timeout: 10_000, interval: 20 });
const untilCursorIs = (id: string): Promise<unknown> =>
  eventually(async () => {
    const { rows: found } = await database.pool.query<{ hash: string }>(
      'select last_block_hash as hash from sync_state',
    );
    expect(found[0]?.hash).toBe(id);
  });
const untilBackfilled = (id: string): Promise<unknown> =>
  eventually(async () => expect(await backfilledAt()).toEqual([id]));

/** At whichever block of a fork the question found its turn. */
const untilBackfilledAgain = async (net: Devnet, before: string): Promise<void> => {
  await untilCursorIs(tipId(net));
  await eventually(async () => {
    const at = await backfilledAt();
    expect(at).toHaveLength(1);
    expect(at).not.toEqual([before]);
  });
};

const somebody = (net: Devnet) => ({ address: net.chain.faucet, lovelace: 7_000_000n });

describe('what the hot wallet held before it was followed', () => {
  test('is recorded without a block, once the node’s tip is near', async () => {
    const net = await devnet({ random: false });
    const worker = follow(net);
    await untilBackfilled(tipId(net));
    const found = await rows();
    expect(found.length).toBeGreaterThan(20);
    expect(found.every(({ height, spentBy }) => height === null && spentBy === null)).toBe(true);
    expect(await unspent()).toEqual(ledger(net));
    await eventually(() => expect(worker.events.map(({ type }) => type)).toContain('ledger_asked'));
  });

  test('is recorded exactly, amounts and all', async () => {
    const net = await devnet({ random: false });
    follow(net);
    await untilBackfilled(tipId(net));
    const { rows: stored } = await database.pool.query<{ reference: string; amount: string }>(
      `select tx_hash || '#' || output_index as reference, amount_lovelace::text as amount
         from wallet_outputs`,
    );
    const truth = net.chain.unspentAt(tipId(net), [net.chain.faucet]);
    expect(new Map(stored.map(({ reference, amount }) => [reference, amount]))).toEqual(
      new Map([...truth].map(([reference, { lovelace }]) => [reference, lovelace.toString()])),
    );
  });

  test('is spent by the blocks that follow, and unspent by their rollback', async () => {
    const net = await devnet({ random: false });
    follow(net);
    await untilBackfilled(tipId(net));
    const before = ledger(net);
    const { block, transaction } = net.payNow(somebody(net));
    await untilCursorIs(block.id);
    const spent = (await rows()).filter(({ spentBy }) => spentBy !== null);
    expect(spent.map(({ height, spentBy }) => [height, spentBy])).toEqual([[null, transaction.id]]);
    expect(await unspent()).toEqual(ledger(net));
    net.fork(1, { comeBack: 'none' });
    await untilCursorIs(tipId(net));
    expect(await unspent()).toEqual(before);
    expect(await backfilledAt()).toHaveLength(1);
  });

  test('is known to the next term, which sees it spent', async () => {
    const net = await devnet({ random: false });
    await untilStopped(net);
    const { block } = net.payNow(somebody(net));
    follow(net);
    await untilCursorIs(block.id);
    expect((await rows()).filter(({ spentBy }) => spentBy !== null)).toHaveLength(1);
    expect(await unspent()).toEqual(ledger(net));
  });

  test('is asked for again after a rollback below, and what the new chain spends meanwhile is seen', async () => {
    const net = await devnet({ random: false });
    net.mine();
    net.mine();
    // Following begins below the block whose ledger is asked, so that the rollback stays within it.
    const worker = follow(net);
    await untilBackfilled(tipId(net));
    const asked = await backfilledAt();
    const { block } = net.payNow(somebody(net));
    await untilCursorIs(block.id);
    // The payment comes back in the new chain's first block, before the node is asked again.
    net.fork(2);
    await untilBackfilledAgain(net, asked[0] ?? '');
    expect(await unspent()).toEqual(ledger(net));
    expect((await rows()).filter(({ spentBy }) => spentBy !== null)).toHaveLength(1);
    expect(worker.events.filter(({ type }) => type === 'ledger_asked')).toHaveLength(2);
  });

  test('vanishes with the chain that it was on', async () => {
    const net = await devnet({ random: false });
    const { block } = net.payNow(somebody(net));
    follow(net);
    await untilBackfilled(block.id);
    const before = await unspent();
    net.fork(1, { comeBack: 'none' });
    await untilBackfilledAgain(net, block.id);
    expect(await unspent()).toEqual(ledger(net));
    expect(await unspent()).not.toEqual(before);
  });

  test('gets its block when a rollback brings it back in one that is followed', async () => {
    const net = await devnet({ random: false });
    const { block, transaction } = net.payNow(somebody(net));
    follow(net);
    await untilBackfilled(block.id);
    const [again] = net.fork(1);
    await untilBackfilledAgain(net, block.id);
    expect(again?.transactions.map(({ id }) => id)).toEqual([transaction.id]);
    const paid = (await rows()).find(({ reference }) => reference === `${transaction.id}#0`);
    expect(paid?.height).toBe(String(again?.height));
    expect(await unspent()).toEqual(ledger(net));
  });

  test('is asked for once more where the wallet was another one meanwhile', async () => {
    const net = await devnet({ random: false });
    await untilStopped(net);
    const other = follow(net, 'addr_test1vpfwv0ezc5g8a4mkku8hhy3y3vp92t7s3ul8g778g5yegsgalc6gc');
    net.mine();
    await untilBackfilled(tipId(net));
    const { block } = net.payNow(somebody(net));
    await untilCursorIs(block.id);
    await other.stop();
    follow(net);
    net.mine();
    await untilCursorIs(tipId(net));
    await eventually(async () => expect(await unspent()).toEqual(ledger(net)));
  });

  test('of nobody is asked for by nobody', async () => {
    const net = await devnet({ random: false });
    const handlers = createPaymentHandlers({ partitionId: 0, policy: POLICY, hotWallet: null });
    const refuse = (): never => {
      throw new Error('nothing may be asked');
    };
    const [block] = net.chain.blocks();
    if (block === undefined) throw new Error('there must be a block');
    const books = { pool: database.pool, point: block.point, height: block.height };
    const outcome = await handlers.between?.({
      ...books,
      unspentAt: refuse,
      unspentAmong: refuse,
      write: refuse,
    });
    expect(outcome).toBe('nothing_to_do');
  });
});

/** A worker that has backfilled and is gone. */
async function untilStopped(net: Devnet): Promise<void> {
  const worker = follow(net);
  await untilBackfilled(tipId(net));
  await worker.stop();
  await sleep(0);
}
