import { createHash } from 'node:crypto';
import type { Endowment } from '../src/devnet/genesis.js';
import { startDevnet } from '../src/devnet/server.js';
import { longAddress } from '../test/support/addresses.js';

/** A devnet with a large ledger, in a process of its own: `node reconcile-chain.ts OUTPUTS ADDRESSES`. */
const [outputs = 0, addresses = 1] = process.argv.slice(2).map(Number);
const owners = Array.from({ length: addresses }, (_, seed) => longAddress(seed));

function* endowments(): Generator<Endowment> {
  for (let n = 1; n <= outputs; n += 1) {
    const id = createHash('sha256').update(`output ${n}`).digest('hex');
    const address = owners[n % addresses] ?? '';
    yield [`${id}#0`, { address, lovelace: 2_000_000n + BigInt(n) }];
  }
}

const devnet = await startDevnet({
  seed: 'bench',
  blocks: 10,
  random: false,
  endowments: endowments(),
});
process.stdout.write(`${JSON.stringify({ url: devnet.url })}\n`);
process.once('SIGTERM', () => void devnet.close().then(() => process.exit(0)));
