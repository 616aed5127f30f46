import type { NodeMemory } from './node-memory.js';

/** Where Ogmios is asked for, in order of preference, and with which keys. */
export type Endpoints = {
  readonly urls: readonly [string, ...string[]];
  readonly keys: readonly string[];
  /** Keys travel in this header where it is set, else in the query parameter. */
  readonly keyHeader: string | null;
  readonly keyParam: string;
  /** Nodes of another network than its own are refused; left out, nothing is compared. */
  readonly nodes?: NodeMemory;
};

/** What is dialled. Never log it: its key is in it. */
export type Dial = Pick<Endpoints, 'nodes'> & {
  readonly url: string;
  readonly headers: Record<string, string>;
};

/** Which endpoint and key come next, and how often it went wrong in a row. */
export type Choice = {
  readonly endpoint: number;
  readonly key: number;
  readonly failures: number;
  /** Keys refused one after the other at this endpoint. */
  readonly refusals: number;
};

export const FIRST_CHOICE: Choice = { endpoint: 0, key: 0, failures: 0, refusals: 0 };

/** A session that did its work: begin again with the preferred endpoint, with the key that worked. */
export const afterSuccess = (choice: Choice, endpoint = 0): Choice => ({
  ...FIRST_CHOICE,
  endpoint,
  key: choice.key,
});

export const afterFailure = (choice: Choice, endpoints: Endpoints): Choice => ({
  endpoint: (choice.endpoint + 1) % endpoints.urls.length,
  key: choice.key,
  failures: choice.failures + 1,
  refusals: 0,
});

/** The next key at the same endpoint; when all were refused in a row, the endpoint has failed. */
export function afterRefusal(choice: Choice, endpoints: Endpoints): Choice {
  if (choice.refusals + 1 >= endpoints.keys.length) return afterFailure(choice, endpoints);
  return {
    ...choice,
    key: (choice.key + 1) % endpoints.keys.length,
    refusals: choice.refusals + 1,
  };
}

const BACKOFF_FIRST_MS = 500;
export const BACKOFF_MAX_MS = 60_000;

/**
 * Full jitter, or every instance reconnects in the same second. A round through all endpoints counts
 * as one attempt, so that the second endpoint is tried soon.
 *
 * @param random in [0, 1)
 */
export function backoffMs(choice: Choice, endpoints: Endpoints, random: number): number {
  if (choice.refusals > 0) return 0;
  const rounds = Math.floor(choice.failures / endpoints.urls.length);
  return Math.floor(
    random * Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(rounds, 10)),
  );
}

/** The address to dial, with its key. */
export function dialOf(endpoints: Endpoints, choice: Choice): Dial {
  const url = new URL(endpoints.urls[choice.endpoint] ?? endpoints.urls[0]);
  const key = endpoints.keys[choice.key];
  const nodes = endpoints.nodes === undefined ? {} : { nodes: endpoints.nodes };
  if (key === undefined) return { url: url.href, headers: {}, ...nodes };
  if (endpoints.keyHeader !== null)
    return { url: url.href, headers: { [endpoints.keyHeader]: key }, ...nodes };
  url.searchParams.set(endpoints.keyParam, key);
  return { url: url.href, headers: {}, ...nodes };
}

/** An endpoint as it may be shown. */
export const endpointName = (endpoints: Endpoints, choice: Choice): string =>
  showUrl(endpoints.urls[choice.endpoint] ?? endpoints.urls[0]);

/**
 * A URL without what may be a key: no user, password, query or fragment, and nothing of the path or
 * the host that is as long as one. Some providers put keys there.
 */
export function showUrl(url: string): string {
  if (!URL.canParse(url)) return '[hidden]';
  const { protocol, hostname, port, pathname } = new URL(url);
  const host = hostname.startsWith('[')
    ? hostname
    : hostname
        .split('.')
        .map((label) => (looksLikeKey(label) ? '***' : label))
        .join('.');
  const path = pathname
    .split('/')
    .map((segment) => (segment.length >= KEY_LENGTH_MIN ? '***' : segment))
    .join('/');
  return `${protocol}//${host}${port === '' ? '' : `:${port}`}${path === '/' ? '' : path}`;
}

const KEY_LENGTH_MIN = 16;

/** Names of hosts may be long, and are words; keys have digits among their letters. */
const looksLikeKey = (label: string): boolean =>
  label.length >= KEY_LENGTH_MIN && /\d/.test(label) && /[a-z]/i.test(label);
