import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { inTransaction } from '../src/database/transaction.js';
import { rewriteDigests } from '../src/payments/digest/recompute.js';
import { asJson, benchCommand, howMany } from './flags.js';
import { compareTips, sayTips, startLiveWorker, TIP_P95_MS_MAX } from './live-worker.js';
import {
  ASSETS_EVERY,
  fill,
  OUTPUTS_PER_BLOCK,
  readShares,
  register,
  type Shares,
  unspentAt,
} from './reconcile-books.js';
import { median, openDatabase, verdict } from './surroundings.js';

/**
 * How long records and chain take to be compared, output by output, how much memory that needs, and how late
 * the live worker commits blocks meanwhile, beside how late it does without: chain, database, worker and
 * comparison each have a process of their own. Fails where a target is missed, or where sound books differ.
 */
const SECONDS_MAX = 60;
const RSS_MB_MAX = 300;
const values = benchCommand(
  'reconcile',
  `Seconds and memory that a comparison of records and chain takes, and how late blocks at the tip are meanwhile.
One in ${ASSETS_EVERY} of the outputs holds a native asset. For each ${OUTPUTS_PER_BLOCK} of them there is a block of random
transactions: they pay to the addresses, the last of them payments that are still pending, and spend
some of what is there. A block more comes twice a second.
Fails above ${SECONDS_MAX} s or ${RSS_MB_MAX} MB, where anything differs, or where 1 in 20 blocks is later than ${TIP_P95_MS_MAX} ms.`,
)
  .addOption(howMany('outputs', 1_000_000, 'unspent outputs that are there before the first block'))
  .addOption(howMany('addresses', 100_000, 'addresses'))
  .addOption(howMany('rounds', 2, 'comparisons'))
  .addOption(asJson())
  .parse()
  .opts<{ outputs: number; addresses: number; rounds: number; json?: true }>();
const { outputs, addresses } = values;

const BLOCK_EVERY_MS = 500;
const QUIET_BLOCKS = 20;

type Told = {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssMb: number;
  readonly height: number;
  readonly matched: number;
  readonly findings: number;
  readonly problem: string | null;
};
type Round = Told & {
  readonly unspent: number;
  readonly quietMs: readonly number[];
  readonly busyMs: readonly number[];
};

const say = (text: string): void => void process.stderr.write(`${text}\n`);

// The devnet keeps all outputs in memory.
const chain = start(
  '--max-old-space-size=6000',
  'bench/reconcile-chain.ts',
  String(outputs),
  String(addresses),
);
const ofChain = linesOf(chain);
const database = await openDatabase();
const { pool } = database;
await register(pool, addresses);
await fill(pool, outputs, addresses);
const { url, httpUrl } = await next<{ url: string; httpUrl: string }>(ofChain);
const worker = startLiveWorker(database, { url, httpUrl });
await worker.caughtUp;
await inTransaction(pool, (tx) => rewriteDigests(tx, 0, -1));
const shares = await readShares(pool);
if (shares !== undefined) sayShares(shares);
const rounds: Round[] = [];
while (rounds.length < values.rounds) rounds.push(await measure());
report();
await worker.stop();
chain.stdin?.end();
await once(chain, 'exit');
await database.close();

async function measure(): Promise<Round> {
  const before = await chainCpuSeconds();
  const quietMs = await blocksUntil((done) => done === QUIET_BLOCKS);
  const run = start('bench/reconcile-run.ts', database.url, url);
  let over = false;
  const telling = next<Told>(linesOf(run)).finally(() => {
    over = true;
  });
  const busyMs = await blocksUntil(() => over);
  const told = await telling;
  const unspent = await unspentAt(pool, told.height);
  const { seconds, cpuSeconds, rssMb, matched, findings, problem } = told;
  const chainSeconds = (await chainCpuSeconds()) - before;
  say(
    `${seconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of CPU here, ` +
      `${chainSeconds.toFixed(1)} s in the devnet), ${Math.round(rssMb)} MB, ` +
      `${matched} of ${unspent} matched, ${findings} differ${problem === null ? '' : `: ${problem}`}`,
  );
  return { ...told, unspent, quietMs, busyMs };
}

function sayShares({ unspent, withAssets, inBlocks, pending, spent }: Shares): void {
  say(
    `${unspent} unspent outputs at ${addresses} addresses: ${withAssets} with native assets, ` +
      `${inBlocks} in recorded blocks, ${pending} pending; and ${spent} spent ones`,
  );
}

function report(): void {
  const seconds = median(rounds.map((round) => round.seconds));
  const rssMb = Math.max(...rounds.map((round) => round.rssMb));
  const unspent = Math.min(...rounds.map((round) => round.unspent));
  const tips = compareTips(
    rounds.flatMap(({ quietMs }) => quietMs),
    rounds.flatMap(({ busyMs }) => busyMs),
  );
  const holds = {
    sound: rounds.every(
      (one) => one.matched === one.unspent && one.findings === 0 && one.problem === null,
    ),
    seconds: seconds <= SECONDS_MAX,
    memory: rssMb <= RSS_MB_MAX,
    tip: tips.holds,
  };
  process.exitCode = Object.values(holds).every(Boolean) ? 0 : 1;
  if (values.json) {
    const figures = { ...shares, unspent, addresses, seconds, rssMb, ...tips };
    return console.log(JSON.stringify({ bench: 'reconcile', ...figures, holds }));
  }
  console.log(
    `${unspent} unspent outputs compared in ${seconds.toFixed(1)} s (${SECONDS_MAX}: ${verdict(holds.seconds)}), ` +
      `${Math.round(unspent / seconds)} a second, with ${Math.round(rssMb)} MB (${RSS_MB_MAX}: ` +
      `${verdict(holds.memory)}); all matched: ${verdict(holds.sound)}; ${sayTips(tips)}`,
  );
}

/** A block every now and then, as long as it takes. @returns the milliseconds that each took */
async function blocksUntil(isOver: (done: number) => boolean): Promise<number[]> {
  const times: number[] = [];
  while (!isOver(times.length)) {
    const took = await worker.blockMs();
    times.push(took);
    await sleep(Math.max(0, BLOCK_EVERY_MS - took));
  }
  return times;
}

/** @param words flags of Node, the script and what is given to it */
function start(...words: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

function linesOf(child: ChildProcess): AsyncIterator<string> {
  if (child.stdout === null) throw new Error('it says nothing');
  return createInterface({ input: child.stdout })[Symbol.asyncIterator]();
}

async function next<T>(lines: AsyncIterator<string>): Promise<T> {
  const line = await lines.next();
  if (line.done === true) throw new Error('it ended before it said anything');
  return JSON.parse(line.value) as T;
}

async function chainCpuSeconds(): Promise<number> {
  chain.kill('SIGUSR2');
  return (await next<{ cpuSeconds: number }>(ofChain)).cpuSeconds;
}
