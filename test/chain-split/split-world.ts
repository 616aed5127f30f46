import { expect, onTestFinished, vi } from 'vitest';
import { decodeNextBlock } from '../../src/chain/decode.js';
import { createRandom } from '../../src/devnet/random.js';
import { type Devnet, type DevnetOptions, startDevnet } from '../../src/devnet/server.js';
import { askActiveSlots } from '../../src/guard/active-slots.js';
import type { GuardEvent } from '../../src/guard/events.js';
import { type HeardWitness, readGuard } from '../../src/guard/guard-queries.js';
import { withGuard } from '../../src/guard/rollback.js';
import { type WatchDeps, watchChain } from '../../src/guard/watch.js';
import { createWitnesses, type Witness } from '../../src/guard/witness.js';
import { createPaymentHandlers } from '../../src/payments/apply.js';
import { registerAddresses } from '../../src/payments/registration.js';
import { readIdentity } from '../../src/payouts/model/database-identity.js';
import { createOgmiosNode } from '../../src/payouts/node/ogmios-node.js';
import { pay } from '../../src/payouts/paying/payer.js';
import type { PayerDeps, PayerEvent } from '../../src/payouts/paying/payer-deps.js';
import { beginPayerTerm } from '../../src/payouts/paying/term-queries.js';
import { withPayouts } from '../../src/payouts/tracking/tracking.js';
import { buildTransaction } from '../../src/payouts/transaction/build.js';
import { runSync } from '../../src/sync/worker.js';
import { NETWORK } from '../simulation/network.js';
import { drawWallet, noteBackfill } from '../simulation/payouts/wallet.js';
import { createTestDatabase } from '../support/database.js';
import { ADA } from '../support/follow.js';
import { looksInto } from '../support/paying-books.js';
import { requestsIn } from '../support/paying-requests.js';

/** Contract: the lowest tier. */
const POLICY = {
  tiers: [{ fromLovelace: 0n, confirmations: 6 }],
  minPaymentLovelace: 0n,
};
const PAYOUT_CONFIRMATIONS = 15;
const SECURITY_PARAMETER = 2160;
export const SPLIT_DEPTH = 5;
export const ROLLBACK_DEPTH = 30;
const CHECK_MS = 25;
export const SOON = { timeout: 60_000, interval: 25 };

export type SplitWorld = Awaited<ReturnType<typeof openSplitWorld>>;

type Options = {
  readonly hasWitness: boolean;
  readonly watchesDensity: boolean;
  readonly devnet?: DevnetOptions;
  /** Addresses of a user, and what the chains do, before the worker starts. */
  readonly watched?: readonly string[];
  readonly before?: (chains: { readonly ours: Devnet; readonly theirs: Devnet }) => void;
  /** What another leader heard. */
  readonly witnessesBefore?: readonly HeardWitness[];
  readonly now?: () => Date;
  /** Between two questions; far less than in reality. */
  readonly checkMs?: number;
  readonly pause?: WatchDeps['pause'];
};

/** A chain, a witness of it, and the real worker, guard and payer. */
export async function openSplitWorld(options: Options) {
  const { hasWitness, watchesDensity, devnet = {}, now = () => new Date() } = options;
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { pool, url } = database;
  const ours = await startDevnet({ seed: 11, blocks: 5, random: false, ...devnet });
  onTestFinished(() => ours.close());
  const theirs = await ours.split();
  const wallet = drawWallet(createRandom('split'));
  await noteBackfill(pool, { wallet });

  const register = (address: string, userId: string) =>
    registerAddresses(pool, [{ address, userId }], {
      network: NETWORK,
      partitionId: 0,
      hotWalletAddress: wallet.address,
      actor: 'test',
    });
  for (const address of options.watched ?? []) await register(address, 'ann');
  options.before?.({ ours, theirs });
  if (options.witnessesBefore !== undefined) {
    const witnesses = JSON.stringify(options.witnessesBefore);
    await pool.query('insert into chain_guard (partition_id, witnesses) values (0, $1)', [
      witnesses,
    ]);
  }

  const told: GuardEvent[] = [];
  let checks = 0;
  const counted = (witness: Witness): Witness => ({
    name: witness.name,
    close: () => witness.close(),
    findIntersection: async (points, signal) => {
      try {
        return await witness.findIntersection(points, signal);
      } finally {
        checks += 1;
      }
    },
  });
  const endpointsOf = (of: Devnet) =>
    ({ urls: [of.url], keys: [], keyHeader: null, keyParam: 'apikey' }) as const;
  const stop = new AbortController();
  const working = runSync(
    {
      pool,
      directUrl: url,
      partitionId: 0,
      totalPartitions: 1,
      network: NETWORK.name,
      startPoint: 'origin',
      endpoints: endpointsOf(ours),
      decode: decodeNextBlock,
      createHandlers: () =>
        withGuard(
          withPayouts(
            createPaymentHandlers({ partitionId: 0, policy: POLICY, hotWallet: wallet.address }),
            { partitionId: 0, confirmations: PAYOUT_CONFIRMATIONS },
          ),
          { partitionId: 0, rollbackDepth: ROLLBACK_DEPTH, hasWitnesses: hasWitness },
        ),
      leading: [
        watchChain({
          openWitnesses: () =>
            hasWitness ? createWitnesses(endpointsOf(theirs)).map(counted) : [],
          splitDepth: SPLIT_DEPTH,
          rollbackDepth: ROLLBACK_DEPTH,
          activeSlots: watchesDensity ? askActiveSlots(endpointsOf(ours)) : null,
          observe: (event) => told.push(event),
          checkMs: options.checkMs ?? CHECK_MS,
          now,
          ...(options.pause === undefined ? {} : { pause: options.pause }),
        }),
      ],
      observe: () => undefined,
      random: () => 0,
      preferredRetryMs: 60_000,
    },
    stop.signal,
  );
  onTestFinished(async () => {
    stop.abort(new Error('done'));
    await working;
  });

  const query = async (text: string, values: unknown[] = []) =>
    (await pool.query<Record<string, unknown>>(text, values)).rows;
  /** Until the books are at the tip of the chain that the worker follows. */
  const followed = () =>
    vi.waitFor(async () => {
      const { tip } = ours.chain;
      const [row] = await query('select last_block_hash as hash from sync_state');
      expect(row?.hash).toBe(tip === 'origin' ? null : tip.id);
    }, SOON);
  const guard = () => readGuard(pool, 0);
  return {
    pool,
    databaseUrl: url,
    ours,
    theirs,
    wallet: wallet.address,
    told,
    query,
    followed,
    guard,
    ...requestsIn(pool, wallet.address, 'treasury', readIdentity),
    look: looksInto(pool, ours.chain),
    round: await payerOf(),
    register,
    held: (...kinds: string[]) =>
      vi.waitFor(async () => {
        const { reasons } = await guard();
        expect(reasons.map(({ kind }) => kind).sort()).toEqual(kinds.sort());
      }, SOON),
    /** So many more times the witness answered, or failed to. */
    heard: (times: number) => {
      const from = checks;
      return vi.waitFor(() => expect(checks - from).toBeGreaterThanOrEqual(times), SOON);
    },
    statuses: async () =>
      Object.fromEntries(
        (await query('select amount_lovelace::text as amount, status from incoming_payments')).map(
          ({ amount, status }) => [Number(BigInt(String(amount)) / ADA), status],
        ),
      ),
    balance: async (userId: string) =>
      (
        await query('select available::text, pending::text from user_balances where user_id = $1', [
          userId,
        ])
      )[0],
  };

  /** Rounds of paying that come when the test says so; answers what is in the way. */
  async function payerOf() {
    const signer = wallet.openSigner();
    onTestFinished(() => signer.close());
    const node = createOgmiosNode(endpointsOf(ours), { now: () => 0 });
    onTestFinished(() => node.close());
    const events: PayerEvent[] = [];
    const term = await beginPayerTerm(pool);
    const deps: PayerDeps = {
      pool,
      partitionId: 0,
      network: NETWORK,
      wallet: wallet.address,
      confirmations: PAYOUT_CONFIRMATIONS,
      validitySeconds: 7200,
      unconfirmedMax: 0,
      batch: { payoutsMax: 5, waitMs: 0 },
      securityParameter: SECURITY_PARAMETER,
      resubmitMs: 0,
      spareOutputs: 1,
      node,
      signer,
      build: buildTransaction,
      readIdentity,
      observe: (event) => events.push(event),
      now: () => new Date(),
      launch: (_txHash, submit) => submit(),
    };
    return async (): Promise<string | null> => {
      await pay(deps, term, new AbortController().signal);
      const waiting = events.findLast((event) => event.type === 'waiting');
      return waiting?.type === 'waiting' ? waiting.why : null;
    };
  }
}
