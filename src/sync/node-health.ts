import { setTimeout as sleep } from 'node:timers/promises';
import { type Choice, dialOf, type Endpoints } from './endpoints.js';
import { withTimeLimit } from './time-limit.js';

/** What `GET /health` of Ogmios says of its node: https://ogmios.dev/getting-started/monitoring/ */
export type NodeHealth = {
  /** Share of the chain that the node has, 0 to 1; null where it isn't told. */
  readonly synchronization: number | null;
  /** Whether Ogmios has its node; null where it isn't told. */
  readonly connected: boolean | null;
};

const UNKNOWN: NodeHealth = { synchronization: null, connected: null };
const POLL_MS = 10_000;
const ANSWER_MS_MAX = 5_000;

/**
 * Asks beside the WebSocket, because Ogmios answers there while its node is still syncing. Not every
 * hosted endpoint serves it: what isn't answered is unknown, and unknown is no trouble.
 */
export async function watchNodeHealth(
  endpoints: Endpoints,
  choice: Choice,
  tell: (health: NodeHealth) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    tell(await askNodeHealth(endpoints, choice, signal));
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Settles within five seconds, and never rejects. */
export async function askNodeHealth(
  endpoints: Endpoints,
  choice: Choice,
  signal: AbortSignal,
): Promise<NodeHealth> {
  const dial = dialOf(endpoints, choice);
  const url = new URL(dial.url);
  url.protocol = url.protocol === 'wss:' ? 'https:' : 'http:';
  url.pathname = `${url.pathname.replace(/\/$/, '')}/health`;
  // `fetch` refuses URLs that hold a user.
  url.username = '';
  url.password = '';
  try {
    return await withTimeLimit(signal, ANSWER_MS_MAX, async (limited) => {
      // Followed, a redirect would carry the key's header to another host.
      const options = { headers: dial.headers, redirect: 'error', signal: limited } as const;
      const response = await fetch(url, options);
      return readNodeHealth(await response.json());
    });
  } catch {
    return UNKNOWN;
  }
}

export function readNodeHealth(answer: unknown): NodeHealth {
  if (typeof answer !== 'object' || answer === null) return UNKNOWN;
  const { networkSynchronization, connectionStatus } = answer as Record<string, unknown>;
  return {
    synchronization: typeof networkSynchronization === 'number' ? networkSynchronization : null,
    connected: typeof connectionStatus === 'string' ? connectionStatus === 'connected' : null,
  };
}

/** Ogmios rounds to five digits; a node at the tip says 1, one that is three days behind less than this. */
const SYNCHRONIZED = 0.999;

/** Why what this node says of the tip can't be trusted; null where it can, or nothing is known. */
export function nodeProblem({ synchronization, connected }: NodeHealth): string | null {
  if (connected === false) return 'Ogmios is not connected to its node';
  if (synchronization !== null && synchronization < SYNCHRONIZED) {
    return `the node is still syncing: it has ${(synchronization * 100).toFixed(2)} % of the chain`;
  }
  return null;
}
