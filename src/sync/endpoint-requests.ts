import { KeyRefused } from './connection.js';
import { afterRefusal, type Choice, dialOf, type Endpoints, FIRST_CHOICE } from './endpoints.js';
import { type NodeRequests, openRequests } from './requests.js';

/** Requests to one endpoint: connections are opened when needed, and kept for a while. */
export type EndpointRequests = {
  /**
   * Hands `work` a connection that nobody else uses. Where the key is refused, be it in the middle,
   * `work` begins again with the next one, each key once. Rejects as `openRequests` does before
   * anything was sent, then as `work` does.
   */
  use<T>(signal: AbortSignal, work: (requests: NodeRequests) => Promise<T>): Promise<T>;
  /** The endpoint, and the key that worked last. */
  choice(): Choice;
  close(): void;
};

/** What is idle for longer may be dead without having said so. */
const IDLE_MS_MAX = 30_000;

export function createEndpointRequests(endpoints: Endpoints, endpoint: number): EndpointRequests {
  let choice: Choice = { ...FIRST_CHOICE, endpoint };
  let closed = false;
  let idle: { readonly requests: NodeRequests; readonly timer: NodeJS.Timeout } | null = null;

  const takeIdle = (): NodeRequests | null => {
    const taken = idle;
    idle = null;
    clearTimeout(taken?.timer);
    return taken === null || taken.requests.ended() !== null ? null : taken.requests;
  };
  const giveBack = (requests: NodeRequests): void => {
    if (closed || idle !== null || requests.ended() !== null) return requests.close('done with it');
    const timer = setTimeout(() => takeIdle()?.close('idle'), IDLE_MS_MAX);
    timer.unref();
    idle = { requests, timer };
  };
  const attempt = async <T>(
    signal: AbortSignal,
    work: (requests: NodeRequests) => Promise<T>,
  ): Promise<T> => {
    const requests = takeIdle() ?? (await openRequests(dialOf(endpoints, choice), signal));
    try {
      const result = await work(requests);
      giveBack(requests);
      return result;
    } catch (error) {
      requests.close('it failed');
      throw error;
    }
  };
  return {
    choice: () => choice,
    use: async (signal, work) => {
      let trying: Choice = { ...choice, refusals: 0 };
      for (;;) {
        try {
          return await attempt(signal, work);
        } catch (error) {
          if (!(error instanceof KeyRefused)) throw error;
          trying = afterRefusal(trying, endpoints);
          if (trying.refusals === 0) throw error;
          choice = { ...FIRST_CHOICE, endpoint, key: trying.key };
        }
      }
    },
    close: () => {
      closed = true;
      takeIdle()?.close('closed');
    },
  };
}

/** Asks over a connection that is closed again; the first endpoint that answers. */
export const askFirst = <T>(
  endpoints: Endpoints,
  signal: AbortSignal,
  work: (requests: NodeRequests) => Promise<T>,
): Promise<T> =>
  firstToAnswer(endpoints, async (endpoint) => {
    const requests = createEndpointRequests(endpoints, endpoint);
    try {
      return await requests.use(signal, work);
    } finally {
      requests.close();
    }
  });

/** Tries one endpoint after the other, in the order of preference. */
export async function firstToAnswer<T>(
  { urls }: Endpoints,
  ask: (endpoint: number) => Promise<T>,
): Promise<T> {
  const failures: unknown[] = [];
  for (const endpoint of urls.keys()) {
    try {
      return await ask(endpoint);
    } catch (error) {
      failures.push(error);
    }
  }
  // What the preferred one says matters most; of the others only that they didn't do better.
  throw failures[0];
}
