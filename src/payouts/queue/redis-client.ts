import { Cluster, Redis } from 'ioredis';

export type RedisWaits = {
  readonly connectTimeout: number;
  readonly commandTimeout?: number;
  /** How often a command may be sent again over another connection; null: for ever. */
  readonly maxRetriesPerRequest: number | null;
  /** False: what lost its connection is at its end, and its owner opens another one. */
  readonly reconnects: boolean;
};

const DEFAULT_PORT = 6379;

/** Connects when it is first asked. `redis+cluster://user:password@h1:p,h2:p` is a cluster. */
export function createRedisClient(
  url: string,
  { reconnects, ...waits }: RedisWaits,
): Redis | Cluster {
  const never = () => null;
  const [, credentials, hosts] = /^redis\+cluster:\/\/(?:([^@/]*)@)?([^/]+)/.exec(url) ?? [];
  if (hosts === undefined) {
    const retries = reconnects ? {} : { retryStrategy: never };
    return new Redis(url, { ...waits, ...retries, lazyConnect: true });
  }
  const nodes = hosts.split(',').map((host) => {
    const parsed = new URL(`redis://${host}`);
    return { host: parsed.hostname, port: Number(parsed.port || DEFAULT_PORT) };
  });
  const [, username = '', password] = /^([^:]*):(.*)$/.exec(credentials ?? '') ?? [];
  const login =
    password === undefined
      ? {}
      : {
          ...(username && { username: decodeURIComponent(username) }),
          password: decodeURIComponent(password),
        };
  return new Cluster(nodes, {
    ...(reconnects ? {} : { clusterRetryStrategy: never }),
    redisOptions: { ...waits, ...login },
    lazyConnect: true,
  });
}
