import { createHash } from 'node:crypto';
import type { Endowment } from '../src/devnet/genesis.js';
import { startDevnet } from '../src/devnet/server.js';
import { longAddress } from '../test/support/addresses.js';
import { ASSETS_EVERY, LOVELACE_LEAST, OUTPUTS_PER_BLOCK, TOKEN } from './reconcile-books.js';

/**
 * A devnet with a large ledger, in a process of its own: `node reconcile-chain.ts OUTPUTS ADDRESSES`. At SIGUSR2
 * it says how much time of processors it took since it listened.
 */
const [outputs = 0, addresses = 1] = process.argv.slice(2).map(Number);
const owners = Array.from({ length: addresses }, (_, seed) => longAddress(seed));

function* endowments(): Generator<Endowment> {
  for (let n = 1; n <= outputs; n += 1) {
    const id = createHash('sha256').update(`output ${n}`).digest('hex');
    const address = owners[n % addresses] ?? '';
    const assets = n % ASSETS_EVERY === 0 ? { assets: new Map([[TOKEN, BigInt(n)]]) } : {};
    yield [`${id}#0`, { address, lovelace: LOVELACE_LEAST + BigInt(n), ...assets }];
  }
}

const devnet = await startDevnet({
  seed: 'bench',
  blocks: Math.ceil(outputs / OUTPUTS_PER_BLOCK),
  content: { watched: owners, watchedShare: 0.5 },
  endowments: endowments(),
});
process.stdout.write(`${JSON.stringify({ url: devnet.url, httpUrl: devnet.httpUrl })}\n`);
const { user, system } = process.cpuUsage();
const startedMicros = user + system;
process.on('SIGUSR2', () => {
  const now = process.cpuUsage();
  const cpuSeconds = (now.user + now.system - startedMicros) / 1e6;
  process.stdout.write(`${JSON.stringify({ cpuSeconds })}\n`);
});
// Ends with whoever measures, however that ends.
process.stdin.resume().once('end', () => void devnet.close().then(() => process.exit(0)));
