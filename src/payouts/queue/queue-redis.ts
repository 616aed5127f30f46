import { createRedisBackend } from 'bullmq';
import { Cluster, type Redis } from 'ioredis';
import type { Secret } from '../../config/secret.js';
import { createLink, describeQueueError, type QueueBackend, type QueueLink } from './queue-link.js';
import { createRedisClient } from './redis-client.js';

const CONNECT_TIMEOUT_MS = 2_000;
/** Longer than the worker's longest wait for a job, which is a command too. */
const COMMAND_TIMEOUT_MS = 15_000;
/** Commands that BullMQ's scripts use came with it. */
const OLDEST_VERSION = [6, 2] as const;

export function createRedisQueueBackend(url: Secret): QueueBackend {
  return {
    name: 'redis',
    connect: () => Promise.resolve(connect(url)),
    problems: () => askProblems(url),
  };
}

function connect(url: Secret): QueueLink {
  const clients: (Redis | Cluster)[] = [];
  const track = <R extends Redis | Cluster>(client: R): R => {
    clients.push(client);
    // BullMQ lets go of its own listener when it closes; an error without any goes to the console.
    client.on('error', () => undefined);
    return client;
  };
  const client = track(open(url));
  // The worker waits for jobs on a connection of its own, which it makes by this.
  if (client instanceof Cluster) {
    const duplicate = client.duplicate.bind(client);
    client.duplicate = (...args) => track(duplicate(...args));
  } else {
    const duplicate = client.duplicate.bind(client);
    client.duplicate = (override) => track(duplicate(override));
  }
  return createLink(createRedisBackend, client, () => {
    for (const one of clients) one.disconnect();
  });
}

const open = (url: Secret) =>
  createRedisClient(url.reveal(), {
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    // BullMQ refuses a number here: a wait for a job may be sent again as often as it takes.
    maxRetriesPerRequest: null,
    reconnects: false,
  });

async function askProblems(url: Secret): Promise<readonly string[]> {
  const client = open(url);
  // That the connection ended is all that `connect` would tell.
  let reason: string | undefined;
  client.on('error', (error) => {
    reason ??= describeQueueError(error);
  });
  try {
    await client.connect();
    const nodes = client instanceof Cluster ? client.nodes('master') : [client];
    const answers = await Promise.all(nodes.map((node) => node.info()));
    return [...new Set(answers.flatMap(redisProblems))];
  } catch (error) {
    throw new Error(reason ?? describeQueueError(error));
  } finally {
    client.disconnect();
  }
}

/** @param info the answer to INFO */
export function redisProblems(info: string): string[] {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1];
  const problems: string[] = [];
  const policy = field('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    problems.push(
      `Redis has maxmemory-policy ${policy}: jobs could vanish; set it to noeviction (CONFIG SET maxmemory-policy noeviction)`,
    );
  }
  const version = field('redis_version');
  if (version !== undefined && isOlder(version)) {
    problems.push(`Redis is version ${version}: use ${OLDEST_VERSION.join('.')} or newer`);
  }
  if (field('role') === 'slave') {
    problems.push('Redis is a read-only replica: let REDIS_URL name its primary');
  }
  return problems;
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor, wantedMinor] = OLDEST_VERSION;
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}
