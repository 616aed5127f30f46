import type { Secret } from '../config/secret.js';
import { createRedisClient } from '../payouts/queue/redis-client.js';

export type RedisPing = { ping(): Promise<void>; close(): void };

/** Connects when it is first asked. */
export function createRedisPing(url: Secret): RedisPing {
  const client = createRedisClient(url.reveal(), {
    connectTimeout: 2_000,
    maxRetriesPerRequest: 1,
    reconnects: true,
  });
  // Its own reconnects report here; the health check tells what it finds when it is asked.
  client.on('error', () => undefined);
  return {
    ping: async () => {
      await client.ping();
    },
    close: () => {
      client.disconnect();
    },
  };
}
