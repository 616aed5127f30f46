import { setTimeout as sleep } from 'node:timers/promises';
import { decodeNextBlock } from '../src/chain/decode.js';
import { makeAddress } from '../src/devnet/address.js';
import { createRandom } from '../src/devnet/random.js';
import { followJob } from '../src/reconcile/jobs/follow-job.js';
import { requestJob } from '../src/reconcile/jobs/job-queries.js';
import { runJobs } from '../src/reconcile/jobs/job-runner.js';
import { rebuildJob } from '../src/reconcile/jobs/rebuild-work.js';
import type { Endpoints } from '../src/sync/endpoints.js';
import { createChainView } from '../src/sync/ogmios-chain-view.js';
import { emptyTables, POLICY } from '../test/support/follow.js';
import { asJson, benchCommand, howMany } from './flags.js';
import { compareTips, sayTips, startLiveWorker, TIP_P95_MS_MAX } from './live-worker.js';
import { control, median, openDatabase, startFeeder, verdict } from './surroundings.js';

/**
 * How fast a rebuild reads the chain, beside catching up with it, in turns in one run over the same blocks
 * and addresses; and how late the live worker applies blocks while a rebuild reads, beside how late it is
 * without one. Fails where a target is missed.
 */
const RATIO_LEAST = 0.9;
const values = benchCommand(
  'rebuild',
  `Blocks a second of a rebuild beside those of catching up, and how late blocks at the tip are meanwhile.
Fails below ${RATIO_LEAST} of catching up, or where 1 in 20 blocks is later than ${TIP_P95_MS_MAX} ms.`,
)
  .addOption(howMany('blocks', 10_000, 'blocks of the chain'))
  .addOption(howMany('addresses', 100_000, 'addresses that are watched'))
  .addOption(howMany('rounds', 3, 'rounds that count, after one that warms up'))
  .addOption(asJson())
  .parse()
  .opts<{ blocks: number; addresses: number; rounds: number; json?: true }>();
const QUIET_BLOCKS = 20;
const WATCHED_AT_ONCE = 2_000;
/** More often than on any chain: a rebuild ends between two blocks. */
const BLOCK_EVERY_MS = 100;

const addresses = drawAddresses(values.addresses);
const feeder = await startFeeder('--blocks', '1');
for (let from = 0; from < addresses.length; from += WATCHED_AT_ONCE) {
  await control(feeder, 'watch', { addresses: addresses.slice(from, from + WATCHED_AT_ONCE) });
}
await control(feeder, 'mine', { blocks: values.blocks });
const database = await openDatabase();
const { pool } = database;
const endpoints: Endpoints = { urls: [feeder.url], keys: [], keyHeader: null, keyParam: 'apikey' };

const caughtUp: number[] = [];
const rebuilt: number[] = [];
const quietMs: number[] = [];
const busyMs: number[] = [];
// The first round only warms up: the feeder renders each block once.
for (let round = -1; round < values.rounds; round += 1) {
  const rates = await measure();
  if (round < 0) continue;
  caughtUp.push(rates.catchUp);
  rebuilt.push(rates.rebuild);
  quietMs.push(...rates.quietMs);
  busyMs.push(...rates.busyMs);
}
report();
await feeder.close();
await database.close();

async function measure() {
  await register();
  const worker = startLiveWorker(database, feeder, [jobs()]);
  // More than at first: each round leaves some behind.
  const { blocks, seconds } = await worker.caughtUp;
  const catchUp = blocks / seconds;
  const quiet: number[] = [];
  for (let i = 0; i < QUIET_BLOCKS; i += 1) quiet.push(await worker.blockMs());
  // Alone, as catching up was; then once more with a live chain beside it.
  const rebuild = await rebuildRate();
  const busy: number[] = [];
  let over = false;
  const beside = rebuildRate().finally(() => {
    over = true;
  });
  const isOver = (): boolean => over;
  while (!isOver()) {
    busy.push(await worker.blockMs());
    await sleep(BLOCK_EVERY_MS);
  }
  await beside;
  await worker.stop();
  return { catchUp, rebuild, quietMs: quiet, busyMs: busy };
}

/** Blocks a second of a whole rebuild, from when the leader takes it: learning what is watched, reading, comparing. */
async function rebuildRate(): Promise<number> {
  const id = await requestJob(pool, {
    partitionId: 0,
    kind: 'rebuild',
    params: { from: 'origin', dryRun: true },
    requestedBy: 'bench',
  });
  const never = new AbortController().signal;
  const { result, problem, startedAt, finishedAt } = await followJob(
    pool,
    id,
    () => undefined,
    never,
  );
  if (problem !== null || Object.keys(result?.differences ?? { none: 0 }).length > 0) {
    throw new Error(`it must find nothing: ${problem ?? JSON.stringify(result)}`);
  }
  if (Number(result?.outputs) < Number(result?.blocks)) {
    throw new Error(`too little comes to the addresses: ${JSON.stringify(result)}`);
  }
  return Number(result?.blocks) / ((Number(finishedAt) - Number(startedAt)) / 1000);
}

function jobs() {
  return runJobs({
    work: {
      rebuild: rebuildJob({
        chain: createChainView(endpoints, decodeNextBlock),
        hotWallet: null,
        policy: POLICY,
        observe: () => undefined,
        now: () => new Date(),
        slotAt: () => Promise.reject(new Error('nobody asks for days')),
      }),
      repair: () => Promise.reject(new Error('nobody asks for it')),
    },
    observe: () => undefined,
  });
}

function drawAddresses(count: number): readonly string[] {
  const random = createRandom('bench');
  const address = (): string => makeAddress('base', 42, random.bytes(28), random.bytes(28));
  return Array.from({ length: count }, address);
}

async function register(): Promise<void> {
  await emptyTables(pool);
  await pool.query('truncate chain_jobs cascade');
  // Their past is known: else it would be asked for at the tip, beside the rebuild, and not while catching up.
  await pool.query(
    `insert into payment_addresses (address, partition_id, user_id, watched_from, backfilled_height)
     select address, 0, 'user-' || ord, -1, -1 from unnest($1::text[]) with ordinality as a (address, ord)`,
    [addresses],
  );
  await pool.query(
    `insert into audit_log (action, entity_type, entity_id, actor, details)
     select 'address.registered', 'payment_address', address, 'bench', jsonb_build_object('userId', user_id)
       from payment_addresses`,
  );
}

function report(): void {
  const [catchUp, rebuild] = [median(caughtUp), median(rebuilt)];
  const ratio = rebuild / catchUp;
  const tips = compareTips(quietMs, busyMs);
  const holds = { ratio: ratio >= RATIO_LEAST, tip: tips.holds };
  process.exitCode = holds.ratio && holds.tip ? 0 : 1;
  const figures = {
    catchUpBlocksPerSecond: Math.round(catchUp),
    rebuildBlocksPerSecond: Math.round(rebuild),
    ratio,
    ...tips,
  };
  if (values.json) return console.log(JSON.stringify({ bench: 'rebuild', ...figures, holds }));
  console.log(
    `${values.blocks} blocks, ${values.addresses} addresses: catch-up ${figures.catchUpBlocksPerSecond} blocks/s, rebuild ${figures.rebuildBlocksPerSecond} ` +
      `blocks/s: × ${ratio.toFixed(2)} (${RATIO_LEAST}: ${verdict(holds.ratio)}); ${sayTips(tips)}`,
  );
}
