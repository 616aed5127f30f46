import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type pg from 'pg';
import { inTransaction } from '../src/database/transaction.js';
import { rewriteDigests } from '../src/payments/digest/recompute.js';
import { longAddress } from '../test/support/addresses.js';
import { sayTimes, startLiveWorker } from './live-worker.js';
import { openDatabase } from './surroundings.js';

/**
 * How long records and chain take to be compared, output by output, how much memory that needs, and how late
 * the live worker commits blocks meanwhile, beside how late it does without: chain, database, worker and
 * comparison each have a process of their own. Fails where a target is missed.
 */
const { values } = parseArgs({
  options: {
    outputs: { type: 'string', default: '1000000' },
    addresses: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '2' },
  },
});
const outputs = Number(values.outputs);
const addresses = Number(values.addresses);

const SECONDS_MAX = 60;
const BLOCK_EVERY_MS = 500;
const QUIET_BLOCKS = 20;
const RSS_MB_MAX = 300;

// The devnet keeps all outputs in memory.
const chain = start(
  '--max-old-space-size=6000',
  'bench/reconcile-chain.ts',
  String(outputs),
  String(addresses),
);
const database = await openDatabase();
const ofChain = linesOf(chain);
const { url, httpUrl } = await next<{ url: string; httpUrl: string }>(ofChain);
await register(database.pool);
const worker = startLiveWorker(database, { url, httpUrl });
await worker.caughtUp;
await fill(database.pool);
console.log(`${outputs} unspent outputs at ${addresses} addresses`);
for (let round = 1; round <= Number(values.rounds); round += 1) {
  const before = await chainCpuSeconds();
  const quiet = await blocksUntil((done) => done === QUIET_BLOCKS);
  const run = start('bench/reconcile-run.ts', database.url, url);
  let over = false;
  const telling = next<{
    seconds: number;
    cpuSeconds: number;
    rssMb: number;
    matched: number;
    findings: number;
  }>(linesOf(run)).finally(() => {
    over = true;
  });
  const meanwhile = await blocksUntil(() => over);
  const told = await telling;
  const { seconds, cpuSeconds, rssMb, matched, findings } = told;
  const chainSeconds = (await chainCpuSeconds()) - before;
  console.log(
    `round ${round}: ${seconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of CPU here, ` +
      `${chainSeconds.toFixed(1)} s in the devnet), ${Math.round(matched / seconds)} outputs/s, ` +
      `${Math.round(rssMb)} MB at most, ${matched} matched, ${findings} differ`,
  );
  console.log(
    `a block at the tip is committed after ${sayTimes(quiet)}, meanwhile after ${sayTimes(meanwhile)}`,
  );
  const isSound = matched === outputs && findings === 0;
  if (!isSound || seconds > SECONDS_MAX || rssMb > RSS_MB_MAX) process.exitCode = 1;
}
await worker.stop();
chain.kill('SIGTERM');
await once(chain, 'exit');
await database.close();

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
    stdio: ['ignore', 'pipe', 'inherit'],
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

async function register(pool: pg.Pool): Promise<void> {
  await pool.query(
    `insert into payment_addresses (address, partition_id, user_id, watched_from, backfill, backfilled_height)
     select address, 0, 'user-' || n, -1, true, 0 from unnest($1::text[]) with ordinality as a (address, n)`,
    [Array.from({ length: addresses }, (_, seed) => longAddress(seed))],
  );
  await pool.query(
    `insert into audit_log (action, entity_type, entity_id, actor, details)
     select 'address.registered', 'payment_address', address, 'bench', jsonb_build_object('userId', user_id)
       from payment_addresses`,
  );
}

/** As a backfill and the blocks after it would have left them: confirmed, and booked. */
async function fill(pool: pg.Pool): Promise<void> {
  await pool.query(
    `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status,
                                    counted_from, confirmed_at)
     select encode(sha256(('output ' || n)::bytea), 'hex'), 0, a.address, a.user_id, 2000000 + n,
            'confirmed', 0, now()
       from generate_series(1, $1::int) n
       join (select *, row_number() over (order by watch_id) - 1 as seed from payment_addresses) a
         on a.seed = n % $2::int`,
    [outputs, addresses],
  );
  await pool.query(
    `insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion)
     select user_id, 'lovelace', e.bucket, e.type, amount_lovelace, e.reason, tx_hash, output_index, 1
       from incoming_payments,
            (values ('pending', 'credit', 'detected'), ('pending', 'debit', 'confirmed'),
                    ('available', 'credit', 'confirmed')) as e (bucket, type, reason)`,
  );
  await inTransaction(pool, (tx) => rewriteDigests(tx, 0, -1));
  await pool.query('vacuum analyze');
}
