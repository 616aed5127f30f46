import { WebSocket } from 'ws';
import type { Dial } from './endpoints.js';

/** The endpoint doesn't take our key: over HTTP, by a close code, or in a JSON-RPC error. */
export class KeyRefused extends Error {
  override readonly name = 'KeyRefused';
}

/** The connection ended, for a reason that isn't the chain's. */
export class ConnectionEnded extends Error {
  override readonly name = 'ConnectionEnded';
}

const CONNECT_MS_MAX = 10_000;

/**
 * The largest block is 90 kB of CBOR today, some megabytes as JSON at worst. `ws` would take 100 MiB
 * and close with 1009 beyond; it is set here so that a library's change can't change it.
 */
const PAYLOAD_BYTES_MAX = 128 * 1024 * 1024;

const REFUSED_STATUS = new Set([401, 403]);
const REFUSED_CLOSE_CODES = new Set([1008, 4001, 4003, 4401, 4403]);

/** What a JSON-RPC error says when it is the key that it doesn't like. */
export const SAYS_KEY_REFUSED = /unauthori[sz]ed|forbidden|invalid[\s_-]*(api[\s_-]*)?key/i;

/** Silent until the time limit: another endpoint may answer. */
export class Stalled extends ConnectionEnded {}

/** Why a server refuses a key may name the key: its words are passed on only where it isn't about that. */
export const closedWith = (code: number, reason: string): Error =>
  REFUSED_CLOSE_CODES.has(code)
    ? new KeyRefused(`closed with ${code}`)
    : new ConnectionEnded(`closed with ${code}${reason === '' ? '' : ` (${reason})`}`);

/**
 * Opens a WebSocket; rejects with KeyRefused or ConnectionEnded, at the latest after ten seconds. It
 * comes paused, so that nothing that arrives right behind the handshake finds nobody listening.
 */
export function openSocket(
  dial: Pick<Dial, 'url' | 'headers'>,
  signal: AbortSignal,
): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(dial.url, {
      headers: dial.headers,
      handshakeTimeout: CONNECT_MS_MAX,
      maxPayload: PAYLOAD_BYTES_MAX,
      // Measured: inflating costs more than the bytes that it saves.
      perMessageDeflate: false,
    });
    const timer = setTimeout(
      () => fail(new ConnectionEnded('no connection in 10 s')),
      CONNECT_MS_MAX,
    );
    const onAbort = (): void => fail(new ConnectionEnded('stopped while connecting'));
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners();
      // An 'error' that nobody hears ends the process, and terminating emits one more.
      socket.on('error', () => undefined);
    };
    const fail = (error: Error): void => {
      settle();
      socket.terminate();
      reject(error);
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('open', () => {
      settle();
      socket.pause();
      resolve(socket);
    });
    socket.on('unexpected-response', (_request, response) => {
      const status = response.statusCode ?? 0;
      const said = `answered HTTP ${status} to the upgrade`;
      fail(REFUSED_STATUS.has(status) ? new KeyRefused(said) : new ConnectionEnded(said));
    });
    socket.on('close', (code, reason) => fail(closedWith(code, reason.toString())));
    // The message may hold the URL and with it the key: only its code is passed on.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      fail(new ConnectionEnded(`can't connect: ${error.code ?? 'WebSocket error'}`)),
    );
  });
}
