import { createChainSynchronizationClient, createInteractionContext } from '@cardano-ogmios/client';
import { WebSocket } from 'ws';
import { makeAddress } from '../src/devnet/address.js';
import { createRandom } from '../src/devnet/random.js';
import { emptyTables, followUntil } from '../test/support/follow.js';
import { benchCommand, howMany } from './flags.js';
import { median, openDatabase, startFeeder } from './surroundings.js';

/**
 * How fast a chain is caught up with, beside what bounds it (receive and discard) and what others do (the
 * official client, counting only). One feeder process, one run: quote the ratios.
 */
const { blocks, addresses, rounds } = benchCommand(
  'catch-up',
  'Blocks a second that are caught up with, beside receiving and discarding them and beside the official client.',
)
  .addOption(howMany('blocks', 3_000, 'blocks of the chain'))
  .addOption(howMany('addresses', 100_000, 'addresses that are watched'))
  .addOption(howMany('rounds', 3, 'rounds that count, after one that warms up'))
  .parse()
  .opts<{ blocks: number; addresses: number; rounds: number }>();

const feeder = await startFeeder('--blocks', String(blocks));
const database = await openDatabase();
const ways: Record<string, () => Promise<void>> = {
  'receive and discard': () => receive(feeder.url),
  'official client, counting': () => officialClient(feeder.url),
  'worker into PostgreSQL': () => worker(feeder.url),
};
const rates = new Map<string, number[]>();
for (let round = -1; round < rounds; round += 1) {
  for (const [name, read] of Object.entries(ways)) {
    if (name.startsWith('worker')) await register(addresses);
    const started = performance.now();
    await read();
    const rate = blocks / ((performance.now() - started) / 1000);
    // The first round only warms up: the feeder renders each block once.
    if (round >= 0) rates.set(name, [...(rates.get(name) ?? []), rate]);
  }
}
const baseline = median(rates.get('official client, counting') ?? []);
for (const [name, list] of rates) {
  const rate = median(list);
  console.log(
    `${name.padEnd(28)} ${Math.round(rate).toString().padStart(7)} blocks/s  × ${(rate / baseline).toFixed(2)}`,
  );
}
await feeder.close();
await database.close();

function receive(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 2 ** 27 });
    const next = '{"jsonrpc":"2.0","method":"nextBlock"}';
    let received = 0;
    socket.on('error', reject);
    socket.on('open', () => {
      socket.send('{"jsonrpc":"2.0","method":"findIntersection","params":{"points":["origin"]}}');
      for (let i = 0; i < 50; i += 1) socket.send(next);
    });
    socket.on('message', () => {
      received += 1;
      // The intersection and the step back to it come first.
      if (received < blocks + 2) return socket.send(next);
      socket.close();
      resolve();
    });
  });
}

async function officialClient(url: string): Promise<void> {
  const context = await createInteractionContext(
    (error) => console.error(error),
    () => undefined,
    { connection: { host: '127.0.0.1', port: Number(new URL(url).port) } },
  );
  let count = 0;
  await new Promise<void>((resolve, reject) => {
    const handlers = {
      rollForward: (_: unknown, next: () => void): Promise<void> => {
        count += 1;
        if (count === blocks) resolve();
        next();
        return Promise.resolve();
      },
      rollBackward: (_: unknown, next: () => void): Promise<void> => {
        next();
        return Promise.resolve();
      },
    };
    createChainSynchronizationClient(context, handlers, { sequential: true })
      .then((client) => client.resume(['origin'], 100))
      .catch(reject);
  });
  context.socket.close();
}

async function register(count: number): Promise<void> {
  await emptyTables(database.pool);
  const random = createRandom('bench');
  const address = (): string => makeAddress('base', 42, random.bytes(28), random.bytes(28));
  await database.pool.query(
    `insert into payment_addresses (address, partition_id, user_id)
     select address, 0, 'user-' || ord from unnest($1::text[]) with ordinality as a (address, ord)`,
    [Array.from({ length: count }, address)],
  );
}

async function worker(url: string): Promise<void> {
  await followUntil(
    {
      databaseUrl: database.url,
      pool: database.pool,
      urls: [url],
      startPoint: 'origin',
    },
    (event) =>
      event.type === 'forward' &&
      event.tip !== 'origin' &&
      event.cursor.height === event.tip.height,
  );
}
