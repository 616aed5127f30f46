import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { makeHotWallet } from '../demo/hot-wallet.js';
import type { Config } from '../src/config.js';
import { acceptPayouts } from '../src/payouts/accepting/acceptance.js';
import { checkPayout } from '../src/payouts/accepting/request.js';
import { readIdentity } from '../src/payouts/model/database-identity.js';
import { payoutPolicyOf } from '../src/payouts/model/policy.js';
import { createOgmiosNode } from '../src/payouts/node/ogmios-node.js';
import type { PayerDeps, PayerEvent } from '../src/payouts/paying/payer-deps.js';
import { type Nudges, runPayer } from '../src/payouts/paying/run-payer.js';
import { openSigner } from '../src/payouts/signing/open-signer.js';
import { buildTransaction } from '../src/payouts/transaction/build.js';
import { minimumLovelace } from '../src/payouts/transaction/minimum.js';
import type { Payee } from '../src/payouts/transaction/transaction.js';
import { syncDeps } from '../src/run/chain.js';
import { endpointsOf } from '../src/run/endpoints.js';
import { payerSettings } from '../src/run/payer.js';
import { runSync } from '../src/sync/worker.js';
import { control, type Feeder } from './surroundings.js';

/** What one round took. Times that begin with acceptance contain the wait for a full batch. */
export type Paid = {
  readonly transactions: number;
  readonly blocks: number;
  readonly acceptMs: number;
  readonly buildMs: number;
  readonly signMs: number;
  readonly commitMs: number;
  readonly committedAfterMs: number;
  readonly takenAfterMs: number;
  readonly inBlockAfterMs: number;
};

type Wanted = readonly Omit<Payee, 'payoutId'>[];

export type Paying = {
  readonly pay: (payees: Wanted) => Promise<Paid>;
  readonly close: () => Promise<void>;
};

const SWEEP_MS = 5_000;
const WAIT_MS_MAX = 120_000;

/** Follows and pays as `run` does; what is loaded at first use is loaded by then. */
export async function startPaying(
  pool: Pool,
  feeder: Feeder,
  outputs: readonly bigint[],
  configure: (wallet: string, signer: string) => Config,
): Promise<Paying> {
  const wallet = await makeHotWallet();
  const config = configure(wallet.address, wallet.signer);
  const stopping = new AbortController();
  const watch = createWatch();
  const bell = createBell();
  const sync = syncDeps(config, pool, () => undefined);
  const following = runSync(sync, stopping.signal);
  const { deps, close } = await payerDeps(config, pool, watch);
  for (const lovelace of outputs) {
    await control(feeder, 'pay', { address: wallet.address, lovelace: lovelace.toString() });
  }
  await control(feeder, 'mine', { blocks: 2 });
  await until('the hot wallet is known', async () => (await read(pool, UNSPENT)) >= outputs.length);
  const directUrl = config.databaseDirectUrl.reveal();
  const options = { directUrl, nudges: bell.nudges, sweepMs: SWEEP_MS };
  const paying = runPayer(deps, options, stopping.signal);
  let rounds = 0;
  return {
    pay: async (payees) => {
      rounds += 1;
      return payAll({ pool, feeder, config, watch, ring: bell.ring }, payees, `round-${rounds}`);
    },
    close: async () => {
      stopping.abort(new Error('stopped'));
      await Promise.all([following, paying]);
      await close();
      await wallet.close();
    },
  };
}

type Stopwatch = {
  readonly figures: () => { buildMs: number; signMs: number; commitMs: number };
  readonly transactions: ReadonlySet<string>;
  readonly taken: ReadonlySet<string>;
  readonly lastCommittedAt: number;
  readonly lastTakenAt: number;
  readonly reset: () => void;
  readonly around: (deps: Pick<PayerDeps, 'build' | 'signer'>) => typeof deps;
  readonly observe: (event: PayerEvent) => void;
};

/** Stops the time of what the payer is given to build and sign with, and hears when it has committed. */
function createWatch(): Stopwatch {
  const times = { buildMs: 0, signMs: 0, commitMs: 0 };
  const transactions = new Set<string>();
  const taken = new Set<string>();
  let [signedAt, lastCommittedAt, lastTakenAt] = [0, 0, 0];
  return {
    figures: () => ({ ...times }),
    transactions,
    taken,
    get lastCommittedAt() {
      return lastCommittedAt;
    },
    get lastTakenAt() {
      return lastTakenAt;
    },
    reset: () => {
      Object.assign(times, { buildMs: 0, signMs: 0, commitMs: 0 });
      transactions.clear();
      taken.clear();
    },
    around: ({ build, signer }) => ({
      build: (request) => {
        const began = performance.now();
        const result = build(request);
        times.buildMs += performance.now() - began;
        return result;
      },
      signer: {
        ...signer,
        sign: async (unsigned, signal) => {
          const began = performance.now();
          const cbor = await signer.sign(unsigned, signal);
          signedAt = performance.now();
          times.signMs += signedAt - began;
          return cbor;
        },
      },
    }),
    observe: (event) => {
      const now = performance.now();
      if (event.type === 'payouts_submitted') {
        times.commitMs += now - signedAt;
        transactions.add(event.txHash);
        lastCommittedAt = now;
      }
      if (event.type === 'submission_answered' && event.outcome.type === 'accepted') {
        taken.add(event.txHash);
        lastTakenAt = now;
      }
    },
  };
}

async function payerDeps(config: Config, pool: Pool, watch: Stopwatch) {
  const { signer: address, hotWalletAddress: wallet, network } = config;
  if (address === null || wallet === null) throw new Error('the bench has a signer');
  const tls = { cert: null, key: null, ca: null };
  const signer = await openSigner(address, { network, hotWalletAddress: wallet, tls });
  const node = createOgmiosNode(endpointsOf(config), { now: Date.now });
  const deps = {
    pool,
    ...payerSettings(config, wallet),
    node,
    ...watch.around({ build: buildTransaction, signer }),
    readIdentity,
    observe: watch.observe,
    now: () => new Date(),
  };
  const close = async (): Promise<void> => {
    node.close();
    await signer.close();
  };
  return { deps, close };
}

/** The queue's nudge, without a queue: it comes at once, as it does where nothing else waits. */
function createBell(): { readonly nudges: Nudges; readonly ring: () => void } {
  let onNudge: (() => Promise<void>) | undefined;
  return {
    ring: () => void onNudge?.(),
    nudges: {
      consume: (callback, signal) => {
        onNudge = callback;
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    },
  };
}

type Round = {
  readonly pool: Pool;
  readonly feeder: Feeder;
  readonly config: Config;
  readonly watch: Stopwatch;
  readonly ring: () => void;
};

async function payAll(round: Round, payees: Wanted, name: string): Promise<Paid> {
  const { pool, feeder, watch } = round;
  watch.reset();
  const begun = performance.now();
  await accept(round, payees, name);
  const acceptedAt = performance.now();
  round.ring();
  await until('everything is signed', async () => (await read(pool, WAITING)) === 0);
  const { transactions, taken } = watch;
  await until('the node has it all', () => Promise.resolve(taken.size === transactions.size));
  let blocks = 0;
  while ((await read(pool, OUT_OF_BLOCKS)) > 0) {
    await control(feeder, 'mine', { blocks: 1 });
    blocks += 1;
    await until(
      'the block is recorded',
      async () => (await read(pool, HEIGHT)) >= (await tip(feeder)),
    );
  }
  const inBlockAfterMs = performance.now() - acceptedAt;
  await expectPaidOnce(feeder, transactions, payees);
  return {
    ...watch.figures(),
    transactions: transactions.size,
    blocks,
    acceptMs: acceptedAt - begun,
    committedAfterMs: watch.lastCommittedAt - acceptedAt,
    takenAfterMs: watch.lastTakenAt - acceptedAt,
    inBlockAfterMs,
  };
}

/** All in one transaction, so that there is one moment from which on they are accepted. */
async function accept({ pool, config }: Round, payees: Wanted, name: string): Promise<void> {
  const policy = payoutPolicyOf(config);
  const { idSecret: secret, network } = policy;
  if (secret === null) throw new Error('the bench has a secret');
  const requests = payees.map(({ address, lovelace }, i) => {
    const body = { destinationAddress: address, amountLovelace: lovelace.toString() };
    const caller = { kind: 'key', name: 'bench' } as const;
    const checked = checkPayout(body, { caller, idempotencyKey: `${name}-${i}`, secret, network });
    if (!checked.ok) throw new Error(`${checked.field} ${checked.problem}`);
    return checked.request;
  });
  const deps = { policy, minimumLovelace, seenUnits: new Set<string>(), readIdentity };
  for (const outcome of await acceptPayouts(pool, requests, deps)) {
    if (outcome.type !== 'created') throw new Error(`a payout was ${outcome.type}`);
  }
}

type Output = { readonly address: string; readonly lovelace: string };

/** By the simulated chain's own ledger. */
async function expectPaidOnce(
  feeder: Feeder,
  transactions: ReadonlySet<string>,
  payees: Wanted,
): Promise<void> {
  const paid: string[] = [];
  for (const id of transactions) {
    const path = `${feeder.httpUrl}/control/transactions?id=${id}`;
    const found = (await (await fetch(path)).json()) as { outputs: Output[] }[];
    for (const { outputs } of found) {
      paid.push(...outputs.map(({ address, lovelace }) => `${address} ${lovelace}`));
    }
  }
  for (const { address, lovelace } of payees) {
    const times = paid.filter((line) => line === `${address} ${lovelace}`).length;
    if (times !== 1) throw new Error(`${address} was paid ${times} times`);
  }
}

const UNSPENT = 'select count(*) as n from wallet_outputs where spent_by is null';
const WAITING = `select count(*) as n from outbound_payments where status = 'queued'`;
const OUT_OF_BLOCKS = `select count(*) as n from outbound_payments where status in ('queued', 'submitted')`;
const HEIGHT = 'select last_block_height as n from sync_state';

const read = async (pool: Pool, question: string): Promise<number> =>
  Number((await pool.query<{ n: string | null }>(question)).rows[0]?.n ?? -1);

async function tip(feeder: Feeder): Promise<number> {
  const answer = (await (await fetch(`${feeder.httpUrl}/control/tip`)).json()) as {
    height: number;
  };
  return answer.height;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WAIT_MS_MAX;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${WAIT_MS_MAX / 1000} s`);
    await sleep(10);
  }
}
