import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { expect, test as plainTest, vi } from 'vitest';
import { parseNetwork } from '../../src/chain/network.js';
import { type Devnet, type DevnetOptions, startDevnet } from '../../src/devnet/server.js';
import { registerAddresses } from '../../src/payments/registration.js';
import type { PayoutView } from '../../src/payouts/model/payout.js';
import { enterpriseAddress, longAddress } from '../support/addresses.js';
import { copyTestDatabase, createTestDatabase } from '../support/database.js';
import { TEST_WALLET } from '../support/payout-wallet.js';
import type { TestDatabase } from '../support/test-databases.js';
import { builtProgram } from './built-program.js';
import { booksDiffer, type Promised, wronglyPaid } from './payout-truth.js';
import { type Ended, runVerb } from './teller-process.js';
import { startWorker, type WorkerProcess } from './worker-process.js';

/** Before any test begins: building holds everything up for seconds. */
export const PROGRAM = builtProgram();
const ADA = 1_000_000n;
/** Of `TEST_WALLET`, as cardano-cli keeps it. */
export const KEY_HEX = '07'.repeat(32);

/** Name → what `Authorization` carries. */
export const KEYS = {
  shop: 'shop-key-of-the-tests',
  desk: 'desk-key-of-the-tests',
  boss: 'boss-key-of-the-tests',
} as const;
const SCOPES = { shop: 'read+write+payout', desk: 'read+payout+approve', boss: 'read+approve' };
const keySettings = (Object.keys(KEYS) as (keyof typeof KEYS)[]).map((name) => {
  const digest = createHash('sha256').update(KEYS[name]).digest('hex');
  return `${name}:${SCOPES[name]}:${digest}`;
});

export const ENVIRONMENT = {
  NETWORK: 'custom:42',
  START_POINT: 'origin',
  CONFIRMATION_TIERS: '0=2',
  HTTP_PORT: '0',
  API_KEYS: keySettings.join(),
  HOT_WALLET_ADDRESS: TEST_WALLET,
  PAYOUT_ID_SECRET: 'what-the-ids-of-tests-are-made-with',
  PAYOUT_CONFIRMATIONS: '3',
  PAYOUT_BATCH_WAIT_SECONDS: '0',
} as const;

type Environment = Readonly<Record<string, string>>;

export type PayoutWorldOptions = {
  readonly devnet?: DevnetOptions;
  /** Outputs of 1,000 ada that the hot wallet has at the start; default 20. */
  readonly outputs?: number;
  /** Users that deposited 1,000 ada before anything runs; `user-0`, `user-1` …; default none. */
  readonly users?: number;
  /** Of every worker and command of this world. */
  readonly environment?: Environment;
};

/** A chain without chance, a funded hot wallet, workers that pay from it, and what is true in the end. */
export type PayoutWorld = {
  readonly devnet: Devnet;
  /** Of the database that is in use. */
  readonly pool: pg.Pool;
  /** A copy of the database in use as it is now; whoever is connected to that is cut off. */
  readonly backup: () => Promise<TestDatabase>;
  /** From now on everything is with this one, as after a restore. */
  readonly use: (database: TestDatabase) => void;
  /** The file that SIGNER names. */
  readonly keyPath: string;
  readonly start: (environment?: Environment) => Promise<WorkerProcess>;
  /** `teller` with the settings of the workers, and no key of the hot wallet. */
  readonly teller: (words: readonly string[], environment?: Environment) => Promise<Ended>;
  /** A block every so many milliseconds, until told to stop. */
  readonly mineEvery: (ms: number) => { readonly stop: () => void };
  /** Payouts by status. */
  readonly statuses: () => Promise<Record<string, number>>;
  readonly payout: (id: string) => Promise<PayoutRecord>;
  /** Which payer's time it is: rises whenever another instance begins to pay. */
  readonly term: () => Promise<number>;
  /** How far the books are. */
  readonly height: () => Promise<number>;
  /** How many users have what they deposited. */
  readonly deposited: () => Promise<number>;
  readonly untilStatus: (id: string, status: string, withinMs?: number) => Promise<PayoutRecord>;
  /** Waits until the books are at the tip; then all that was promised is paid once, and all agree on it. */
  readonly expectAllRight: (promised: readonly Promised[]) => Promise<void>;
};

export type PayoutRecord = {
  readonly id: string;
  readonly status: string;
  readonly tx_hash: string | null;
  readonly turn: number;
};

/** The nth destination, and an amount of its own. */
export const promise = (nth: number, userId: string | null = null): Promised => ({
  destination: longAddress(1_000 + nth),
  lovelace: 2n * ADA + BigInt(nth),
  userId,
});

/** Asks a worker for it, as a client does that may have to ask again. */
export async function ask(
  worker: WorkerProcess,
  promised: Promised,
  idempotencyKey = promised.destination,
  key: string = KEYS.shop,
): Promise<{ readonly status: number; readonly payout: PayoutView }> {
  const body = {
    destinationAddress: promised.destination,
    amountLovelace: promised.lovelace.toString(),
    ...(promised.userId === null ? {} : { userId: promised.userId }),
  };
  const headers = { 'idempotency-key': idempotencyKey };
  const answer = await worker.post('/v1/payouts', body, key, headers);
  return { status: answer.status, payout: answer.body as PayoutView };
}

/** For what takes moments on a machine that has time. */
export const SOON = { timeout: 20_000, interval: 50 };

const DEPOSITED = `
  select count(*)::int as n from user_balances where available >= 1000000000 and unit = 'lovelace'`;
const TIP = 'select last_block_hash as tip, last_block_height as height from sync_state';
const TERM = 'select payer_epoch as term from payout_control';
const STATUSES = `
  select coalesce(jsonb_object_agg(status, n), '{}') as statuses
    from (select status, count(*) as n from outbound_payments group by status) s`;
const PAYOUT = 'select id, status, tx_hash, turn from outbound_payments where id = $1';

async function readPayout(pool: pg.Pool, id: string): Promise<PayoutRecord> {
  const { rows } = await pool.query<PayoutRecord>(PAYOUT, [id]);
  const [row] = rows;
  if (row === undefined) throw new Error(`there is no payout ${id}`);
  return row;
}

export async function createPayoutWorld(
  options: PayoutWorldOptions,
  onClose: (close: () => unknown) => void,
): Promise<PayoutWorld> {
  const original = await createTestDatabase();
  onClose(() => original.drop());
  let database = original;
  const folder = await mkdtemp(join(tmpdir(), 'teller-payouts-'));
  onClose(() => rm(folder, { recursive: true }));
  const keyPath = join(folder, 'payment.skey');
  const envelope = { type: 'PaymentSigningKeyShelley_ed25519', cborHex: `5820${KEY_HEX}` };
  await writeFile(keyPath, JSON.stringify({ ...envelope, description: '' }), { mode: 0o600 });
  const devnet = await startDevnet({ networkMagic: 42, random: false, ...options.devnet });
  onClose(() => devnet.close());
  await fund(devnet, database.pool, options);
  const environment = () => ({
    ...ENVIRONMENT,
    DATABASE_URL: database.url,
    OGMIOS_URL: devnet.url,
    ...options.environment,
  });
  const start = async (more: Environment = {}): Promise<WorkerProcess> => {
    const all = { ...environment(), SIGNER: `file:${keyPath}`, ...more };
    const worker = await startWorker(PROGRAM, all);
    onClose(() => worker.end());
    return worker;
  };
  const teller: PayoutWorld['teller'] = (words, more) =>
    runVerb(PROGRAM, words, { ...environment(), ...more });
  return {
    devnet,
    get pool() {
      return database.pool;
    },
    backup: async () => {
      const copy = await copyTestDatabase(database.url);
      onClose(() => copy.drop());
      return copy;
    },
    use: (other) => {
      database = other;
    },
    keyPath,
    start,
    teller,
    mineEvery: (ms) => {
      const timer = setInterval(() => void devnet.mine(), ms);
      onClose(() => clearInterval(timer));
      return { stop: () => clearInterval(timer) };
    },
    statuses: async () => {
      const { rows } = await database.pool.query<{ statuses: Record<string, number> }>(STATUSES);
      return rows[0]?.statuses ?? {};
    },
    payout: (id) => readPayout(database.pool, id),
    term: async () => Number((await database.pool.query<{ term: string }>(TERM)).rows[0]?.term),
    height: async () =>
      Number((await database.pool.query<{ height: string }>(TIP)).rows[0]?.height),
    deposited: async () => (await database.pool.query<{ n: number }>(DEPOSITED)).rows[0]?.n ?? 0,
    untilStatus: (id, status, timeout = SOON.timeout) =>
      vi.waitFor(
        async () => {
          const found = await readPayout(database.pool, id);
          expect(found).toMatchObject({ status });
          return found;
        },
        { timeout, interval: 50 },
      ),
    expectAllRight: async (promised) => {
      const problems = async (): Promise<string[]> => {
        const { rows } = await database.pool.query<{ tip: string }>(TIP);
        const { tip } = devnet.chain;
        if (tip === 'origin' || rows[0]?.tip !== tip.id) return ['the books are not at the tip'];
        return [
          ...wronglyPaid(devnet.chain, promised),
          ...(await booksDiffer(database.pool, devnet.chain, promised)),
        ];
      };
      await vi.waitFor(async () => expect(await problems()).toEqual([]), SOON);
      const { exitCode, out, err } = await teller(['balance', 'verify']);
      expect(`${exitCode} ${out}${err}`).toMatch(/^0 /);
    },
  };
}

/** What users have, they deposited: the ledger is right from its first entry on. */
async function fund(devnet: Devnet, pool: pg.Pool, options: PayoutWorldOptions): Promise<void> {
  const { outputs = 20, users = 0 } = options;
  const network = parseNetwork('custom:42');
  if (network === undefined) throw new Error('custom:42 is a network');
  const requests = Array.from({ length: users }, (_, i) => ({
    address: enterpriseAddress(i + 1),
    userId: `user-${i}`,
  }));
  await registerAddresses(pool, requests, {
    network,
    partitionId: 0,
    hotWalletAddress: TEST_WALLET,
    actor: 'test',
  });
  const addresses = Array.from({ length: outputs }, () => TEST_WALLET);
  const paid = [...addresses, ...requests.map(({ address }) => address)];
  devnet.payNow(...paid.map((address) => ({ address, lovelace: 1_000n * ADA })));
  for (let i = 0; i < 3; i += 1) devnet.mine();
}

/** `test` with worlds that close when it ends, last made first, however it ends. */
export const test = plainTest.extend<{
  open: (options?: PayoutWorldOptions) => Promise<PayoutWorld>;
}>({
  open: async ({ onTestFinished }, use) => {
    const closers: (() => unknown)[] = [];
    onTestFinished(async () => {
      for (const close of closers.reverse()) await close();
    });
    await use((options = {}) => createPayoutWorld(options, (close) => closers.push(close)));
  },
});
