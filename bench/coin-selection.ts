import { randomInt } from 'node:crypto';
import { outputReference } from '../src/chain/block.js';
import { parseNetwork } from '../src/chain/network.js';
import type { Slot } from '../src/chain/point.js';
import { USUAL_PARAMETERS } from '../src/chain/protocol-parameters.js';
import { buildTransaction } from '../src/payouts/transaction/build.js';
import { draftTransaction } from '../src/payouts/transaction/draft.js';
import type {
  Payee,
  TransactionRequest,
  WalletOutput,
} from '../src/payouts/transaction/transaction.js';
import { asJson, benchCommand, howMany } from './flags.js';
import { median } from './surroundings.js';

/**
 * How long it takes to choose inputs and change for a full transaction out of a large wallet, and to write
 * it. Fails above 100 ms of CPU for the choice, which other work on the machine doesn't lengthen.
 */
const LIMIT_MS = 100;

const { outputs, rounds, json } = benchCommand(
  'coins',
  'Milliseconds to choose inputs and change for a full transaction out of a large wallet, and to write it.',
)
  .addOption(howMany('outputs', 100_000, 'unspent outputs of the wallet'))
  .addOption(howMany('rounds', 9, 'rounds that count, after one that warms up'))
  .addOption(asJson())
  .parse()
  .opts<{ outputs: number; rounds: number; json?: true }>();
const network = parseNetwork('preprod');
if (network === undefined) throw new Error('no network');
const wallet = 'addr_test1vz9jrppy446d7fwntsh23cy55nzutt4jew6yysvnx9tfxycvp587p';
const TOKEN = 'ab'.repeat(30);

const payees: readonly Payee[] = Array.from({ length: 150 }, (_, i) => ({
  payoutId: i.toString(16).padStart(32, '0'),
  address: wallet,
  lovelace: BigInt(randomInt(2_000_000, 50_000_000)),
  assets: new Map(i % 15 === 0 ? [[TOKEN, 3n]] : []),
}));

const makeWallet = (amount: (i: number) => bigint): WalletOutput[] =>
  Array.from({ length: outputs }, (_, i) => ({
    reference: outputReference((i * 2_654_435_761).toString(16).padStart(64, '0'), i % 200),
    lovelace: amount(i),
    assets: new Map(i % 10 === 0 ? [[TOKEN, BigInt(i % 50) + 1n]] : []),
    hasScript: false,
    chainDepth: i % 3,
  }));

const wallets: Readonly<Record<string, readonly WalletOutput[]>> = {
  'of all sizes': makeWallet(() => BigInt(randomInt(1_000_000, 5_000_000_000))),
  'of small outputs': makeWallet(() => BigInt(randomInt(1_000_000, 12_000_000))),
  'of ever larger outputs': makeWallet((i) => 1_000_000n + BigInt(i) * 40_000n),
  'without funds': makeWallet(() => 1_000_000n).slice(0, 40),
};

let isTooSlow = false;
for (const [name, candidates] of Object.entries(wallets)) {
  const request: TransactionRequest = {
    network,
    wallet,
    parameters: USUAL_PARAMETERS,
    invalidHereafter: 100_000_000 as Slot,
    anchor: null,
    candidates,
    payees,
    extent: 'fill',
    spareOutputs: 20,
  };
  const selecting = measure(() => draftTransaction(request));
  const building = measure(() => buildTransaction(request));
  const result = draftTransaction(request);
  const told = result.ok
    ? `${result.draft.inputs.length} inputs, ${result.draft.payees.length} payees`
    : result.problem.type;
  isTooSlow ||= selecting.cpu > LIMIT_MS;
  if (json) {
    const figures = { outputs: candidates.length, wallet: name, selecting, building };
    console.log(JSON.stringify({ bench: 'coins', ...figures, holds: selecting.cpu <= LIMIT_MS }));
    continue;
  }
  console.log(
    `${String(candidates.length).padStart(7)} outputs, ${name.padEnd(22)}  select ${show(selecting)}` +
      `  and write ${show(building)}  ${told}`,
  );
}
process.exitCode = isTooSlow ? 1 : 0;

type Time = { readonly wall: number; readonly cpu: number };

function show({ wall, cpu }: Time): string {
  return `${wall.toFixed(0).padStart(4)} ms (${cpu.toFixed(0).padStart(4)} ms of CPU)`;
}

/** Medians of the rounds, the first left out: it warms up. */
function measure(work: () => unknown): Time {
  const walls: number[] = [];
  const cpus: number[] = [];
  for (let round = -1; round < rounds; round += 1) {
    const [started, used] = [performance.now(), process.cpuUsage()];
    work();
    const { user, system } = process.cpuUsage(used);
    if (round < 0) continue;
    walls.push(performance.now() - started);
    cpus.push((user + system) / 1000);
  }
  return { wall: median(walls), cpu: median(cpus) };
}
