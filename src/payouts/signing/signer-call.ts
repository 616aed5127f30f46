import { Agent, type RequestOptions, request } from 'node:https';
import type { Secret } from '../../config/secret.js';

export type ClientTls = {
  readonly cert: Secret | null;
  readonly key: Secret | null;
  /** Null: the authorities that Node knows. */
  readonly ca: Secret | null;
};

export type SignerAnswer = {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
};

export type SignerCall = {
  get(path: string, signal: AbortSignal): Promise<SignerAnswer>;
  post(path: string, body: string, signal: AbortSignal): Promise<SignerAnswer>;
  close(): void;
};

/** From the first byte sent to the last one received. */
const TIMEOUT_MS = 10_000;
/** An answer has some 300 bytes. */
const ANSWER_BYTES_MAX = 65_536;

/** HTTPS to one signer: never anything else, no redirects, no proxy, no answer that lasts or grows. */
export function connectSigner(base: string, tls: ClientTls): SignerCall {
  const agent = new Agent({
    ...(tls.cert === null ? {} : { cert: tls.cert.reveal() }),
    ...(tls.key === null ? {} : { key: tls.key.reveal() }),
    ...(tls.ca === null ? {} : { ca: tls.ca.reveal() }),
    minVersion: 'TLSv1.2',
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
    rejectUnauthorized: true,
    // A connection that was kept may be dead, and a request on it can't be repeated blindly.
    keepAlive: false,
  });
  const call = async (path: string, options: RequestOptions, body: string, given: AbortSignal) => {
    const url = new URL(base);
    url.pathname = url.pathname.replace(/\/$/, '') + path;
    // Not AbortSignal.any with AbortSignal.timeout: Node 20 may collect the timer while it is waited for.
    const stop = new AbortController();
    const onAbort = () => stop.abort();
    const timer = setTimeout(onAbort, TIMEOUT_MS);
    given.addEventListener('abort', onAbort);
    try {
      given.throwIfAborted();
      return await exchange(url, { ...options, agent, signal: stop.signal }, body);
    } catch (error) {
      throw new Error(`the signer at ${url.origin} ${reasonOf(error, given, stop.signal)}`);
    } finally {
      clearTimeout(timer);
      given.removeEventListener('abort', onAbort);
    }
  };
  return {
    get: (path, signal) => call(path, { method: 'GET' }, '', signal),
    post: (path, body, signal) => {
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      };
      return call(path, { method: 'POST', headers }, body, signal);
    },
    close: () => agent.destroy(),
  };
}

function reasonOf(error: unknown, given: AbortSignal, bounded: AbortSignal): string {
  if (given.aborted) return "wasn't waited for any longer";
  if (bounded.aborted) return `didn't answer within ${TIMEOUT_MS / 1000} s`;
  const detail = error instanceof Error ? error.message : String(error);
  return `can't be reached: ${detail}`;
}

const exchange = (url: URL, options: RequestOptions, body: string): Promise<SignerAnswer> =>
  new Promise((resolve, reject) => {
    const outgoing = request(url, options, (incoming) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      incoming.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes <= ANSWER_BYTES_MAX) return;
        reject(new Error('its answer is too long'));
        incoming.destroy();
      });
      incoming.on('error', reject);
      incoming.on('aborted', () => reject(new Error('its answer broke off')));
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          contentType: incoming.headers['content-type'] ?? '',
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
