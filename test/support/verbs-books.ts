import type { Devnet } from '../../src/devnet/server.js';
import type { LeadingTask } from '../../src/sync/leadership.js';
import { devnet } from './devnet.js';
import { register, startWorker, untilBackfilled, untilFollowed } from './rebuilding.js';
import type { TestDatabase } from './test-databases.js';

type Under = { readonly database: TestDatabase; environment: NodeJS.ProcessEnv };
type Wishes = {
  readonly address: string;
  readonly lovelace: readonly bigint[];
  readonly leading?: readonly LeadingTask[];
};

/** Books of a chain in which Ann was paid, the worker that follows it, and verbs set to both. */
export async function paidBooks(under: Under, { address, lovelace, leading }: Wishes) {
  const { pool } = under.database;
  const net: Devnet = await devnet({ blocks: 3 });
  await register(pool, 'ann', [address]);
  const worker = startWorker(under.database, net, leading === undefined ? {} : { leading });
  for (const amount of lovelace) net.payNow({ address, lovelace: amount });
  await untilFollowed(pool, net);
  // Else whoever leads next asks what Ann held before, and books what a test took away.
  await untilBackfilled(pool);
  under.environment = {
    NETWORK: 'custom:42',
    DATABASE_URL: under.database.url,
    OGMIOS_URL: net.url,
    START_POINT: 'origin',
    CONFIRMATION_TIERS: '0=3,1000=6',
  };
  return { net, pool, worker };
}
