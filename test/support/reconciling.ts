import type pg from 'pg';
import { afterAll, onTestFinished, vi } from 'vitest';
import { parseNetwork } from '../../src/chain/network.js';
import { type Devnet, startDevnet } from '../../src/devnet/server.js';
import { registerAddresses } from '../../src/payments/registration.js';
import {
  type ReconcileDeps,
  type ReconcileRequest,
  type Reconciliation,
  reconcile,
} from '../../src/reconcile/runs/reconcile.js';
import { enterpriseAddress } from './addresses.js';
import { copyTestDatabase, createTestDatabase } from './database.js';
import { ADA } from './follow.js';
import { NETWORK, openWorker, viewOf, type WorkerWishes } from './following.js';
import type { TestDatabase } from './test-databases.js';

export const ANN = [enterpriseAddress(1), enterpriseAddress(2)];
/** Held something before they were registered: Carol's counts, Dave's is recorded as ignored. */
export const CAROL = enterpriseAddress(3);
export const DAVE = enterpriseAddress(4);

const eventually = (check: () => Promise<boolean>): Promise<unknown> =>
  vi.waitFor(
    async () => {
      if (!(await check())) throw new Error('not yet');
    },
    { timeout: 20_000, interval: 20 },
  );

/** The real worker, with the devnet's faucet as its hot wallet, until it is stopped. */
export function startWorker(database: TestDatabase, net: Devnet, wishes: WorkerWishes = {}) {
  const { stop } = openWorker(database, net, { hotWallet: net.chain.faucet, ...wishes });
  const untilAtTip = (): Promise<unknown> =>
    eventually(async () => {
      const { rows } = await database.pool.query<{ hash: string; waiting: boolean }>(
        `select last_block_hash as hash, exists (
           select 1 from payment_addresses where backfilled_height is null)
           or not exists (select 1 from wallet_backfills) as waiting from sync_state`,
      );
      return rows[0]?.hash === net.chain.blocks().at(-1)?.id && rows[0]?.waiting === false;
    });
  return { untilAtTip, stop };
}

export async function register(
  pool: pg.Pool,
  userId: string,
  addresses: readonly string[],
  backfill = false,
): Promise<void> {
  const network = parseNetwork(NETWORK);
  if (network === undefined) throw new Error('no network');
  const deps = { network, partitionId: 0, hotWalletAddress: null, actor: 'cli' };
  const requests = addresses.map((address) => ({ address, userId, backfill }));
  await registerAddresses(pool, requests, deps);
}

/**
 * A chain and its books, with all that can be in them: payments pending, confirmed, spent, rolled back and
 * ignored, held before they were watched, and a hot wallet that pays and gets change.
 */
export async function followedWorld(database: TestDatabase) {
  const net = await startDevnet({ seed: 4, blocks: 3 });
  const { pool } = database;
  const pay = (address: string, ada: bigint) => net.payNow({ address, lovelace: ada * ADA });
  await register(pool, 'ann', ANN);
  net.chain.watch(ANN);
  pay(CAROL, 20n);
  pay(DAVE, 30n);
  const worker = startWorker(database, net);
  await worker.untilAtTip();
  for (let block = 0; block < 12; block += 1) net.mine();
  await worker.untilAtTip();
  await register(pool, 'carol', [CAROL], true);
  await register(pool, 'dave', [DAVE]);
  for (const address of ANN) pay(address, 5n);
  await worker.untilAtTip();
  pay(ANN[0] ?? '', 77n);
  await worker.untilAtTip();
  // Rolled back for good; the backfill's point lies below.
  net.fork(1, { comeBack: 'none' });
  await worker.untilAtTip();
  pay(ANN[0] ?? '', 1n);
  for (const address of ANN) pay(address, 900n);
  for (let block = 0; block < 4; block += 1) net.mine();
  for (const address of ANN) pay(address, 9n);
  await worker.untilAtTip();
  await worker.stop();
  return { net };
}

/** Such a world for all tests of a file, and a copy of its books for each that wants to spoil them. */
export async function followedBooks() {
  const original = await createTestDatabase();
  const { net } = await followedWorld(original);
  afterAll(async () => {
    await net.close();
    await original.drop();
  });
  const copyBooks = async (): Promise<TestDatabase> => {
    const database = await copyTestDatabase(original.url);
    onTestFinished(() => database.drop());
    return database;
  };
  return { net, copyBooks };
}

export const depsOf = (
  pool: pg.Pool,
  net: Devnet,
  wishes: Partial<ReconcileDeps> = {},
): ReconcileDeps => ({
  pool,
  partitionId: 0,
  chain: viewOf(net),
  hotWallet: net.chain.faucet,
  observe: () => undefined,
  now: () => new Date(),
  signal: AbortSignal.timeout(60_000),
  pacing: { pauseMs: 0, pauseShare: 0 },
  ...wishes,
});

export const FULL: ReconcileRequest = { scope: 'full', requestedBy: 'cli:test', resume: false };

export const reconcileFully = (pool: pg.Pool, net: Devnet): Promise<Reconciliation> =>
  reconcile(depsOf(pool, net), FULL);
