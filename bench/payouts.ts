import { outputReference } from '../src/chain/block.js';
import { parseNetwork } from '../src/chain/network.js';
import type { Slot } from '../src/chain/point.js';
import { USUAL_PARAMETERS } from '../src/chain/protocol-parameters.js';
import { readConfig } from '../src/config.js';
import { makeAddress } from '../src/devnet/address.js';
import { createRandom } from '../src/devnet/random.js';
import { buildTransaction } from '../src/payouts/transaction/build.js';
import type { Payee } from '../src/payouts/transaction/transaction.js';
import { wholeNumber } from '../src/verbs/flags.js';
import { asJson, benchCommand, howMany } from './flags.js';
import { type Paid, startPaying } from './paying.js';
import {
  type BenchDatabase,
  type Feeder,
  median,
  openDatabase,
  startFeeder,
  verdict,
} from './surroundings.js';

/**
 * From accepted to in a block: payouts that are queued together, the worker's own payer and block
 * handlers in this process, a devnet in another one, and PostgreSQL. Says how many transactions it took
 * and how many the size limit asks for, and how long building, signing and committing take.
 */
const values = benchCommand(
  'payouts',
  'Payouts that are queued together, from accepted to in a block, and how many transactions they take.',
)
  .addOption(howMany('payouts', 1_000, 'payouts'))
  .addOption(howMany('rounds', 3, 'rounds'))
  .option('--batch <number>', 'PAYOUT_BATCH_MAX, if not its default', wholeNumber(1, 1_000))
  .addOption(howMany('outputs', 12, 'outputs that the hot wallet is given'))
  .addOption(asJson())
  .parse()
  .opts<{ payouts: number; rounds: number; batch?: number; outputs: number; json?: true }>();
const COMMITTED_MS_MAX = 5_000;
const ADA = 1_000_000n;

const count = values.payouts;
const [WARM_UP, payees] = [makePayees('warm-up', 2), makePayees('payees', count)];
const least = transactionsLeast(payees);
const rounds: Paid[] = [];
for (let round = 0; round < values.rounds; round += 1) rounds.push(await measure());
report();

/** Every address of its own, as customers have: base addresses, 1.5 to 4,000 ada. */
function makePayees(seed: string, howMany: number): readonly Omit<Payee, 'payoutId'>[] {
  const random = createRandom(seed);
  return Array.from({ length: howMany }, () => ({
    address: makeAddress('base', 42, random.bytes(28), random.bytes(28)),
    lovelace: BigInt(random.between(1_500_000, 2_000_000_000)) * 2n,
    assets: new Map<string, bigint>(),
  }));
}

/** With one input and one change output each: in fewer transactions nobody can pay them. */
function transactionsLeast(all: readonly Omit<Payee, 'payoutId'>[]): number {
  const network = parseNetwork('custom:42');
  if (network === undefined) throw new Error('custom:42 is a network');
  const wallet = makeAddress('enterprise', 42, new Uint8Array(28));
  let transactions = 0;
  for (let paid = 0; paid < all.length; transactions += 1) {
    const built = buildTransaction({
      network,
      wallet,
      parameters: USUAL_PARAMETERS,
      invalidHereafter: 100_000_000 as Slot,
      anchor: null,
      candidates: [
        {
          reference: outputReference('ab'.repeat(32), 0),
          lovelace: 10_000_000n * ADA,
          assets: new Map(),
          hasScript: false,
          chainDepth: 0,
        },
      ],
      payees: all.slice(paid, paid + 400).map((payee, i) => ({
        ...payee,
        payoutId: i.toString(16).padStart(32, '0'),
      })),
      extent: 'fill',
      spareOutputs: 1,
    });
    if (!built.ok) throw new Error(`a payee that nobody can pay: ${built.problem.type}`);
    paid += built.transaction.payees.length;
  }
  return transactions;
}

function settingsOf(databaseUrl: string, ogmiosUrl: string, wallet: string, signer: string) {
  return {
    NETWORK: 'custom:42',
    DATABASE_URL: databaseUrl,
    OGMIOS_URL: ogmiosUrl,
    START_POINT: 'origin',
    HOT_WALLET_ADDRESS: wallet,
    SIGNER: signer,
    PAYOUT_ID_SECRET: 'a-secret-for-payout-ids-of-the-bench',
    ...(values.batch === undefined ? {} : { PAYOUT_BATCH_MAX: String(values.batch) }),
  };
}

async function measure(): Promise<Paid> {
  const database = await openDatabase();
  try {
    const feeder = await startFeeder('--empty');
    return await payOn(database, feeder).finally(() => feeder.close());
  } finally {
    await database.close();
  }
}

async function payOn(database: BenchDatabase, feeder: Feeder): Promise<Paid> {
  const outputs = Array.from({ length: values.outputs }, () => 10_000_000n * ADA);
  const paying = await startPaying(database.pool, feeder, outputs, (wallet, signer) =>
    readConfig(settingsOf(database.url, feeder.url, wallet, signer)),
  );
  try {
    // What is loaded at first use is no part of paying.
    await paying.pay(WARM_UP);
    return await paying.pay(payees);
  } finally {
    await paying.close();
  }
}

function report(): void {
  const of = (figure: (paid: Paid) => number): number => median(rounds.map(figure));
  const figures = {
    payouts: count,
    transactions: of((paid) => paid.transactions),
    transactionsLeast: least,
    blocks: of((paid) => paid.blocks),
    buildMs: of((paid) => paid.buildMs),
    signMs: of((paid) => paid.signMs),
    commitMs: of((paid) => paid.commitMs),
    acceptMs: of((paid) => paid.acceptMs),
    committedAfterMs: of((paid) => paid.committedAfterMs),
    takenAfterMs: of((paid) => paid.takenAfterMs),
    inBlockAfterMs: of((paid) => paid.inBlockAfterMs),
    rounds: rounds.length,
  };
  const workMs = figures.buildMs + figures.signMs + figures.commitMs;
  const holds = {
    transactions: figures.transactions <= least,
    committed: figures.committedAfterMs <= COMMITTED_MS_MAX,
  };
  process.exitCode = holds.transactions && holds.committed ? 0 : 1;
  if (values.json) {
    console.log(JSON.stringify({ bench: 'payouts', ...figures, workMs, holds }));
    return;
  }
  const told = (ms: number): string => `${ms.toFixed(0).padStart(6)} ms`;
  const lines: readonly (readonly [string, string])[] = [
    ['payouts', String(count).padStart(6)],
    [
      'transactions',
      `${String(figures.transactions).padStart(6)}, and ${least} is what the size limit asks for` +
        `: ${verdict(holds.transactions)}`,
    ],
    ['accepting', told(figures.acceptMs)],
    ['building', told(figures.buildMs)],
    ['signing', told(figures.signMs)],
    ['committing', told(figures.commitMs)],
    ['  these three', told(workMs)],
    [
      'accepted to all committed',
      `${told(figures.committedAfterMs)}, below ${COMMITTED_MS_MAX}: ${verdict(holds.committed)}`,
    ],
    ['accepted to all in mempool', told(figures.takenAfterMs)],
    ['accepted to all in a block', `${told(figures.inBlockAfterMs)}, ${figures.blocks} blocks`],
  ];
  for (const [name, text] of lines) console.log(`${name.padEnd(28)} ${text}`);
  console.log(`medians of ${rounds.length} rounds; waiting for a full batch is in the last three`);
}
