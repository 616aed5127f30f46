import { Cluster, Redis } from 'ioredis';
import type { Secret } from '../config/secret.js';

export type RedisPing = { ping(): Promise<void>; close(): void };

const DEFAULT_PORT = 6379;

/** Connects when it is first asked. `redis+cluster://h1:p,h2:p` is a cluster. */
export function createRedisPing(url: Secret): RedisPing {
  const client = connect(url.reveal());
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

function connect(url: string): Redis | Cluster {
  const [, credentials, hosts] = /^redis\+cluster:\/\/(?:([^@/]*)@)?([^/]+)/.exec(url) ?? [];
  const waits = { connectTimeout: 2_000, maxRetriesPerRequest: 1 } as const;
  if (hosts === undefined) return new Redis(url, { ...waits, lazyConnect: true });
  const nodes = hosts.split(',').map((host) => {
    const parsed = new URL(`redis://${host}`);
    return { host: parsed.hostname, port: Number(parsed.port || DEFAULT_PORT) };
  });
  const [username = '', password] = (credentials ?? '').split(':').map(decodeURIComponent);
  const login = password === undefined ? {} : { ...(username && { username }), password };
  return new Cluster(nodes, { lazyConnect: true, redisOptions: { ...waits, ...login } });
}
