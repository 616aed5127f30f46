import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { Slot } from '../../src/chain/point.js';
import { type ProtocolParameters, USUAL_PARAMETERS } from '../../src/chain/protocol-parameters.js';
import type { DevnetChain } from '../../src/devnet/chain.js';
import { createRandom } from '../../src/devnet/random.js';
import { type ReadIdentity, readIdentity } from '../../src/payouts/model/database-identity.js';
import type { PayoutPolicy } from '../../src/payouts/model/policy.js';
import type { NodeView, SubmitOutcome } from '../../src/payouts/node/node.js';
import { pay } from '../../src/payouts/paying/payer.js';
import type { PayerDeps, PayerEvent } from '../../src/payouts/paying/payer-deps.js';
import { beginPayerTerm, type PayerTerm } from '../../src/payouts/paying/term-queries.js';
import { buildTransaction } from '../../src/payouts/transaction/build.js';
import type { UnsignedTransaction } from '../../src/payouts/transaction/transaction.js';
import { NETWORK } from '../simulation/network.js';
import { drawWallet, noteBackfill } from '../simulation/payouts/wallet.js';
import { createTestDatabase } from './database.js';
import { emptyTables } from './follow.js';
import { looksInto } from './paying-books.js';
import { CONFIRMATIONS, chainIn } from './paying-chain.js';
import { requestsIn } from './paying-requests.js';
import type { TestDatabase } from './test-databases.js';

/** k of these worlds. */
export const K = 6;
/** Five blocks. */
export const VALIDITY_SECONDS = 100;
export const RESUBMIT_MS = 60_000;

export type Submitted = { readonly txHash: string; readonly cbor: Uint8Array };

/** What happens to a submission instead of its getting to the devnet; null: it gets there. */
type Fate = (submitted: Submitted) => SubmitOutcome | null;

/** All that a test turns while it pays. */
export type Knobs = {
  fate: Fate;
  /** Before the signer signs: it may refuse, and the world may change. */
  beforeSigning: (transaction: UnsignedTransaction) => Promise<void> | void;
  /** Between what was committed and its submission. */
  beforeSubmitting: () => Promise<void> | void;
  parameters: ProtocolParameters;
  lag: string | null;
  unreachable: boolean;
  /** A part of the database's identity. */
  generation: number;
  /** How far the payer's clock is ahead. */
  aheadMs: number;
  deps: Partial<PayerDeps>;
};

export type Paying = Awaited<ReturnType<typeof openPaying>>;

/** Opens a new one before each test, and looks after each whether anything was paid twice or is out of balance. */
export function payingInTests(fees: PayoutPolicy['fees'], use: (world: Paying) => void): void {
  let database: TestDatabase;
  let world: Paying;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    world = await openPaying(database, fees);
    use(world);
  });
  afterEach(async () => {
    expect(await world.broken()).toEqual([]);
    await world.close();
  });
}

/** How often anything was signed in a test, for those that go on before signing as they are. */
export function countingSignatures(world: () => Paying): () => number {
  let signatures = 0;
  beforeEach(() => {
    signatures = 0;
    world().knobs.beforeSigning = () => {
      signatures += 1;
    };
  });
  return () => signatures;
}

/** A chain, the books that follow it, and a payer whose rounds come when the test says so. */
async function openPaying({ pool, url }: TestDatabase, fees: PayoutPolicy['fees']) {
  await emptyTables(pool);
  const wallet = drawWallet(createRandom('paying'));
  await noteBackfill(pool, { wallet });
  const signer = wallet.openSigner();
  const knobs: Knobs = {
    fate: () => null,
    beforeSigning: () => undefined,
    beforeSubmitting: () => undefined,
    parameters: USUAL_PARAMETERS,
    lag: null,
    unreachable: false,
    generation: 1,
    aheadMs: 0,
    deps: {},
  };
  const readOwnIdentity: ReadIdentity = async (db) => ({
    ...(await readIdentity(db)),
    generation: knobs.generation.toString(),
  });
  const devnet = chainIn(pool, wallet.address);
  const events: PayerEvent[] = [];
  const submitted: Submitted[] = [];
  const deps = (): PayerDeps => ({
    pool,
    partitionId: 0,
    network: NETWORK,
    wallet: wallet.address,
    confirmations: CONFIRMATIONS,
    validitySeconds: VALIDITY_SECONDS,
    unconfirmedMax: 0,
    batch: { payoutsMax: 5, waitMs: 0 },
    securityParameter: K,
    resubmitMs: RESUBMIT_MS,
    spareOutputs: 1,
    node: nodeOf(devnet.chain, knobs, submitted),
    signer: {
      ...signer,
      sign: async (transaction, signal) => {
        await knobs.beforeSigning(transaction);
        return signer.sign(transaction, signal);
      },
    },
    build: buildTransaction,
    readIdentity: readOwnIdentity,
    observe: (event) => events.push(event),
    now: () => new Date(Date.now() + knobs.aheadMs),
    launch: async (_txHash, submit) => {
      await knobs.beforeSubmitting();
      await submit();
    },
    ...knobs.deps,
  });
  let term: PayerTerm = await beginPayerTerm(pool);
  return {
    ...devnet,
    ...requestsIn(pool, wallet.address, fees, readOwnIdentity),
    ...looksInto(pool, devnet.chain),
    pool,
    databaseUrl: () => url,
    wallet: wallet.address,
    knobs,
    events,
    submitted,
    deps,
    term: () => term,
    takeOver: async () => {
      term = await beginPayerTerm(pool);
    },
    /** One round. Answers what is in the way. */
    pay: async () => {
      await pay(deps(), term, new AbortController().signal);
      const told = events.findLast((event) => event.type === 'waiting');
      return told?.type === 'waiting' ? told.why : null;
    },
    close: () => signer.close(),
  };
}

function nodeOf(chain: DevnetChain, knobs: Knobs, submitted: Submitted[]): PayerDeps['node'] {
  const viewOf = (): NodeView => {
    const { tip } = chain;
    const slot = tip === 'origin' ? 0 : tip.slot;
    return {
      tip,
      parameters: knobs.parameters,
      slotAfter: (seconds) => (slot + seconds) as Slot,
      lag: knobs.lag,
    };
  };
  return {
    look: () =>
      knobs.unreachable ? Promise.reject(new Error('no answer')) : Promise.resolve(viewOf()),
    submit: (cbor, txHash) => {
      submitted.push({ txHash, cbor });
      const fate = knobs.fate({ txHash, cbor });
      if (fate !== null) return Promise.resolve(fate);
      const { accepted } = chain.mempool.submit(cbor);
      return Promise.resolve(
        accepted ? { type: 'accepted' } : { type: 'look_at_chain', reason: 'its inputs are gone' },
      );
    },
  };
}
