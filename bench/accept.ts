import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Option } from 'commander';
import { Registry } from 'prom-client';
import { buildHttp } from '../src/api/server.js';
import { parseNetwork } from '../src/chain/network.js';
import { Secret } from '../src/config.js';
import { createPool } from '../src/database/pool.js';
import { createLogger } from '../src/health/logging.js';
import { createMetrics } from '../src/health/metrics.js';
import { startingVitals } from '../src/health/vitals.js';
import { openQueue } from '../src/payouts/queue/queue.js';
import { longAddress } from '../test/support/addresses.js';
import { asJson, benchCommand, howMany } from './flags.js';
import { openDatabase, verdict } from './surroundings.js';

/**
 * How many payouts are accepted a second over HTTP, and how long each waits: a client with keep-alive
 * connections, a server in a process of its own, and PostgreSQL with the queue, all on this machine. Each
 * payout is new; those of users hold their amount. Nobody pays them. Fails where a target is missed.
 */
const values = benchCommand(
  'accept',
  'Payouts a second that are accepted over HTTP, and how long each waits.',
)
  .addOption(howMany('seconds', 15, 'seconds that count, after three that warm up'))
  .addOption(howMany('connections', 64, 'connections that are kept'))
  .addOption(howMany('rate', 0, 'payouts a second, evenly; 0: as many as there can be', 0))
  .addOption(howMany('users', 1_000, 'users'))
  .option('--limit', 'with PAYOUT_DAILY_LIMIT_ADA set to what never suffices to refuse')
  .option('--quiet', "without telling the payer's queue")
  .addOption(asJson())
  // Of the process that it starts: the server, on this database.
  .addOption(new Option('--serve <url>').hideHelp())
  .parse()
  .opts<{
    seconds: number;
    connections: number;
    rate: number;
    users: number;
    limit?: true;
    quiet?: true;
    json?: true;
    serve?: string;
  }>();
const KEY = 'key-of-the-bench';
const WARM_UP_MS = 3_000;
const RATE_LEAST = 1_000;
const P95_MS_MAX = 100;
let sent = 0;

if (values.serve === undefined) await measure();
else await serve(values.serve);

async function serve(url: string): Promise<void> {
  const network = parseNetwork('preprod');
  if (network === undefined) throw new Error('preprod is a network');
  const pool = createPool({
    url,
    connectionsMax: 10,
    applicationName: 'bench',
    behindPooler: false,
    onIdleError: () => undefined,
  });
  const log = createLogger('warn', 'stderr');
  const queue = await openQueue({ redisUrl: null, databaseDirectUrl: new Secret(url) }, log);
  const app = buildHttp({
    version: '0.0.0-bench',
    network,
    partitionId: 0,
    hotWalletAddress: longAddress(0),
    readyMaxLagBlocks: 100,
    pool,
    metrics: createMetrics(new Registry(), Date.now),
    vitals: () => startingVitals(0),
    pingRedis: null,
    now: Date.now,
    apiKeys: [
      {
        name: 'bench',
        scopes: new Set(['payout']),
        sha256: createHash('sha256').update(KEY).digest(),
      },
    ],
    log,
    nudge: (ids) => (values.quiet ? undefined : queue.nudge(ids)),
    payouts: {
      network,
      hotWalletAddress: longAddress(0),
      destinations: null,
      approvalAboveLovelace: null,
      dailyLimitLovelace: values.limit ? 10n ** 16n : null,
      fees: 'user',
      idSecret: new Secret('a-secret-for-payout-ids'),
    },
  });
  process.stdout.write(`${await app.listen({ host: '127.0.0.1', port: 0 })}\n`);
  const loaded = process.cpuUsage();
  // Ends with whoever measures, however that ends.
  process.stdin.resume().once('end', () => {
    const { user, system } = process.cpuUsage(loaded);
    process.send?.((user + system) / 1000);
    app.server.closeAllConnections();
    void app.close().then(() => Promise.all([pool.end(), queue.close()]));
  });
}

async function measure(): Promise<void> {
  const database = await openDatabase();
  const { users } = values;
  await database.pool.query(
    `insert into user_balances (user_id, unit, available)
     select 'user-' || n, 'lovelace', 1e15 from generate_series(1, $1::int) as n`,
    [users],
  );
  const child = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      fileURLToPath(import.meta.url),
      '--serve',
      database.url,
      ...(values.limit ? ['--limit'] : []),
      ...(values.quiet ? ['--quiet'] : []),
    ],
    { stdio: ['pipe', 'pipe', 'inherit', 'ipc'] },
  );
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('its streams were asked for');
  const [url = ''] = await firstLine(stdout);
  const post = client(url, users);
  await run(post, WARM_UP_MS);
  const begun = performance.now();
  const { times, failed } = await run(post, values.seconds * 1000);
  const seconds = (performance.now() - begun) / 1000;
  const used = new Promise<number>((resolve) => child.once('message', (ms) => resolve(Number(ms))));
  const exited = new Promise((resolve) => child.once('exit', resolve));
  stdin.end();
  // Of all that were sent, also those of the warm-up.
  report(times, failed, seconds, (await used) / sent);
  await exited;
  await database.close();
}

function report(times: number[], failed: number, seconds: number, cpuMs: number): void {
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  const figures = {
    perSecond: Math.round(times.length / seconds),
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    mostMs: at(1),
    cpuMs,
    accepted: times.length,
    failed,
  };
  // A rate that was asked for is as much as there can be.
  const wanted = values.rate === 0 ? RATE_LEAST : Math.min(RATE_LEAST, values.rate);
  const holds = {
    rate: figures.perSecond >= wanted * 0.99,
    p95: figures.p95Ms < P95_MS_MAX,
  };
  process.exitCode = holds.rate && holds.p95 && failed === 0 ? 0 : 1;
  if (values.json) return console.log(JSON.stringify({ bench: 'accept', ...figures, holds }));
  console.log(
    `${figures.perSecond} payouts/s (${RATE_LEAST}: ${verdict(holds.rate)}),` +
      ` p50 ${at(0.5).toFixed(1)} ms, p95 ${at(0.95).toFixed(1)} ms` +
      ` (${P95_MS_MAX} ms: ${verdict(holds.p95)}), p99 ${at(0.99).toFixed(1)} ms,` +
      ` most ${at(1).toFixed(1)} ms; ${times.length} accepted, ${failed} not;` +
      ` the server used ${cpuMs.toFixed(2)} ms of CPU for each`,
  );
}

async function firstLine(stream: NodeJS.ReadableStream): Promise<string[]> {
  for await (const line of createInterface({ input: stream })) return [line];
  throw new Error('the server ended before it listened');
}

type Post = (n: number) => Promise<number>;

function client(url: string, users: number): Post {
  const { connections } = values;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const target = new URL('/v1/payouts', url);
  return (n) =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify({
        destinationAddress: longAddress(1 + (n % 5000)),
        amountLovelace: String(2_000_000 + n),
        // Every fourth is the treasury's.
        ...(n % 4 === 0 ? {} : { userId: `user-${1 + (n % users)}` }),
        referenceId: `order-${n}`,
      });
      const call = request(
        target,
        {
          agent,
          method: 'POST',
          headers: {
            authorization: `Bearer ${KEY}`,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
            'idempotency-key': `bench-${n}`,
          },
        },
        (answer) => {
          answer.resume();
          answer.on('end', () => resolve(answer.statusCode ?? 0));
        },
      );
      call.on('error', reject);
      call.end(body);
    });
}

async function run(post: Post, forMs: number): Promise<{ times: number[]; failed: number }> {
  const times: number[] = [];
  let failed = 0;
  const begun = performance.now();
  const { rate } = values;
  let slot = 0;
  const connection = async (): Promise<void> => {
    for (;;) {
      // Latency counts from when it was due, so that a server that stalls can't hide it.
      const due = rate === 0 ? performance.now() : begun + (slot++ * 1000) / rate;
      if (due - begun >= forMs) return;
      const wait = due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      sent += 1;
      const status = await post(sent);
      if (status === 201) times.push(performance.now() - due);
      else failed += 1;
    }
  };
  await Promise.all(Array.from({ length: values.connections }, connection));
  return { times, failed };
}
