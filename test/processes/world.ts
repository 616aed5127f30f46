import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { test as plainTest } from 'vitest';
import type { Network } from '../../src/chain/network.js';
import { makeAddress } from '../../src/devnet/address.js';
import { type Devnet, type DevnetOptions, startDevnet } from '../../src/devnet/server.js';
import { createPaymentHandlers } from '../../src/payments/apply.js';
import type { PaymentsSummary } from '../../src/payments/payment.js';
import { registerAddresses } from '../../src/payments/registration.js';
import type { BlockHandlers } from '../../src/sync/follower.js';
import { readBooks } from '../simulation/books.js';
import { violations } from '../simulation/invariants.js';
import { bookedAlwaysBy, type Policy } from '../simulation/policies.js';
import { createTestDatabase } from '../support/database.js';
import { builtProgram } from './built-program.js';
import { type Ended, runVerb } from './teller-process.js';
import { startWorker, type WorkerProcess } from './worker-process.js';

/** Before any test begins: building holds everything up for seconds. */
const PROGRAM = builtProgram();
const MAGIC = 42;
const ADA = 1_000_000n;
const NETWORK: Network = { name: `custom:${MAGIC}`, networkId: 0, magic: MAGIC };

/** The policy that `ENVIRONMENT` sets, as the comparison with the chain wants it. */
const POLICY: Policy = {
  tiers: [
    { fromLovelace: 0n, confirmations: 3 },
    { fromLovelace: 1_000n * ADA, confirmations: 6 },
    { fromLovelace: 100_000n * ADA, confirmations: 9 },
  ],
  minPaymentLovelace: 3n * ADA,
};
export const WRITE_KEY = 'write-key-of-the-tests';
const ENVIRONMENT = {
  NETWORK: NETWORK.name,
  START_POINT: 'origin',
  CONFIRMATION_TIERS: '0=3,1000=6,100000=9',
  MIN_PAYMENT_LOVELACE: '3000000',
  HTTP_PORT: '0',
  API_KEYS: `shop:read+write:${createHash('sha256').update(WRITE_KEY).digest('hex')}`,
};

/** The nth address that a test may register; what stands at 0 is the hot wallet. */
export const addressAt = (index: number): string => {
  const seed = createHash('sha256').update(`address ${index}`).digest().subarray(0, 28);
  return makeAddress(index % 7 === 3 ? 'byron' : index % 2 === 0 ? 'base' : 'enterprise', 42, seed);
};
const HOT_WALLET = addressAt(0);

/** What the daemon would make of `ENVIRONMENT`, for tests that follow in this process. */
export const handlersOf = (): BlockHandlers<PaymentsSummary> =>
  createPaymentHandlers({ partitionId: 0, policy: POLICY, hotWallet: HOT_WALLET });

/** What a world needs of a database, so that one that can be stopped may stand in. */
export type WorldDatabase = { readonly url: string; readonly pool: pg.Pool };

export type WorldOptions = {
  readonly devnet?: DevnetOptions;
  /** A test database of its own by default. */
  readonly database?: WorldDatabase;
  /** Addresses that are registered before anything runs; default 12. */
  readonly addresses?: number;
};

/** A chain, a database, workers on both, and the comparison of the two at the end. */
export type World = {
  readonly devnet: Devnet;
  readonly pool: pg.Pool;
  readonly url: string;
  readonly start: (environment?: Readonly<Record<string, string>>) => Promise<WorkerProcess>;
  /** `teller` with the settings of the workers, in a process of its own. */
  readonly teller: (...words: readonly string[]) => Promise<Ended>;
  /** From now on a block every so many milliseconds, and a fork now and then; ends when told to. */
  readonly load: (blockMs: number) => { readonly stop: () => void };
  /** Says that the address counts from above a height on, or an earlier one that it wasn't paid at before. */
  readonly registered: (address: string, userId: string, aboveHeight: number) => void;
  readonly cursor: () => Promise<string | null>;
  /** Everything that the books say wrongly about the chain up to the cursor; nothing when all is well. */
  readonly wrong: () => Promise<string[]>;
  /** Waits until the books stand at the devnet's tip, then tells what is wrong. */
  readonly wrongAtTip: (withinMs?: number) => Promise<string[]>;
  readonly close: () => Promise<void>;
};

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const owned = options.database === undefined ? await createTestDatabase() : null;
  const { url, pool } = options.database ?? owned ?? failed();
  const watched = Array.from({ length: options.addresses ?? 12 }, (_, i) => addressAt(i + 1));
  const devnet = await startDevnet({
    networkMagic: MAGIC,
    content: {
      watched: [HOT_WALLET, ...watched],
      watchedShare: 0.5,
      transactions: { least: 0, most: 4 },
      failedShare: 0.1,
    },
    ...options.devnet,
  });
  const owners = new Map<string, string>();
  const countsFrom = new Map([[HOT_WALLET, Number.NEGATIVE_INFINITY]]);
  const registered: World['registered'] = (address, userId, aboveHeight) => {
    owners.set(address, userId);
    countsFrom.set(address, aboveHeight);
  };
  const requests = watched.map((address, i) => ({ address, userId: `user-${i % 3}` }));
  await registerAddresses(pool, requests, {
    network: NETWORK,
    partitionId: 0,
    hotWalletAddress: HOT_WALLET,
    actor: 'test',
  });
  for (const { address, userId } of requests) {
    registered(address, userId, Number.NEGATIVE_INFINITY);
  }
  const workers: WorkerProcess[] = [];
  const loads: { stop: () => void }[] = [];

  const cursor = async (): Promise<string | null> =>
    (await readBooks(pool)).state?.last_block_hash ?? null;
  const wrong = async (): Promise<string[]> => {
    const books = await readBooks(pool);
    const start = startOf(devnet, books.blocks[0]?.hash);
    return violations(books, null, {
      chain: devnet.chain,
      policies: bookedAlwaysBy(POLICY),
      hotWallet: HOT_WALLET,
      ...start,
      owners,
      countsFrom,
      countsEarlier: true,
      asksForPast: () => false,
      confirmedBefore: new Set(),
      wasSpoilt: false,
      prunedBelow: 0,
      mayBeReadAgain: false,
      leftOut: [],
      payouts: [],
    });
  };
  const settings = {
    ...ENVIRONMENT,
    DATABASE_URL: url,
    OGMIOS_URL: devnet.url,
    HOT_WALLET_ADDRESS: HOT_WALLET,
  };
  return {
    devnet,
    pool,
    url,
    registered,
    cursor,
    wrong,
    start: async (environment = {}) => {
      const worker = await startWorker(PROGRAM, { ...settings, ...environment });
      workers.push(worker);
      return worker;
    },
    teller: (...words) => runVerb(PROGRAM, words, settings),
    load: (blockMs) => {
      const load = startLoad(devnet, blockMs);
      loads.push(load);
      return load;
    },
    wrongAtTip: async (withinMs = 20_000) => {
      const deadline = performance.now() + withinMs;
      for (;;) {
        const at = await cursor();
        if (devnet.chain.tip !== 'origin' && at === devnet.chain.tip.id) return wrong();
        if (performance.now() > deadline) {
          return [`the books stand at ${at}, the tip is ${JSON.stringify(devnet.chain.tip)}`];
        }
        await sleep(50);
      }
    },
    close: async () => {
      for (const load of loads) load.stop();
      await Promise.all(workers.map((worker) => worker.end()));
      await devnet.close();
      await owned?.drop();
    },
  };
}

/** Forks are never deeper than this: the books stay ahead of what they must take back. */
const FORK_DEPTHS = [1, 2, 3, 7, 12];
const BLOCKS_BETWEEN_FORKS = 40;

function startLoad(devnet: Devnet, blockMs: number): { stop: () => void } {
  let mined = 0;
  const timer = setInterval(() => {
    mined += 1;
    const depth = FORK_DEPTHS[(mined / BLOCKS_BETWEEN_FORKS) % FORK_DEPTHS.length];
    if (mined % BLOCKS_BETWEEN_FORKS === 0 && depth !== undefined) devnet.fork(depth);
    else devnet.mine();
  }, blockMs);
  return { stop: () => clearInterval(timer) };
}

/** Where a database began: its oldest header, unless that is the chain's first block. */
function startOf(devnet: Devnet, oldest: string | undefined) {
  const block = oldest === undefined ? undefined : devnet.chain.block(oldest);
  if (block === undefined || block.parent === 'origin') {
    return { startId: 'origin', startHeight: -1 };
  }
  return { startId: block.id, startHeight: block.height };
}

const failed = (): never => {
  throw new Error('a database is made or given');
};

/** `test` with worlds that close when it ends, however it ends. */
export const test = plainTest.extend<{ open: (options?: WorldOptions) => Promise<World> }>({
  open: async ({ onTestFinished }, use) => {
    await use(async (options) => {
      const world = await createWorld(options);
      onTestFinished(() => world.close());
      return world;
    });
  },
});
