import { decodeNextBlock } from '../src/chain/decode.js';
import { createPool } from '../src/database/pool.js';
import { reconcile } from '../src/reconcile/runs/reconcile.js';
import { createChainView } from '../src/sync/ogmios-chain-view.js';

/** One reconciliation in a process of its own: `node reconcile-run.ts DATABASE_URL OGMIOS_URL`. */
const [databaseUrl = '', url = ''] = process.argv.slice(2);
const pool = createPool({
  url: databaseUrl,
  connectionsMax: 4,
  applicationName: 'bench',
  behindPooler: false,
  onIdleError: () => undefined,
});
let rssMax = 0;
const watching = setInterval(() => {
  rssMax = Math.max(rssMax, process.memoryUsage.rss());
}, 20);
const cpu = process.cpuUsage();
const began = performance.now();
const result = await reconcile(
  {
    pool,
    partitionId: 0,
    chain: createChainView(
      { urls: [url], keys: [], keyHeader: null, keyParam: 'apikey' },
      decodeNextBlock,
    ),
    hotWallet: null,
    observe: () => undefined,
    onProgress: () => undefined,
    now: () => new Date(),
    signal: new AbortController().signal,
  },
  { scope: 'full', requestedBy: 'bench', resume: false },
);
clearInterval(watching);
const { height, matched, findings, addresses, problem } = result;
const { user, system } = process.cpuUsage(cpu);
const seconds = (performance.now() - began) / 1000;
process.stdout.write(
  `${JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, rssMb: rssMax / 2 ** 20, height, matched, findings: findings.length, addresses, problem })}\n`,
);
await pool.end();
