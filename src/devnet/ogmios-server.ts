import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { Connection } from './connection.js';
import { serveConnection } from './connection.js';
import type { Fault, FaultKind, Faults, Refusal } from './faults.js';
import { createFaults } from './faults.js';
import { renderHealth } from './health.js';
import type { OgmiosVersion } from './render.js';
import { readRequest } from './request.js';
import type { Session } from './session.js';
import { createSession } from './session.js';
import type { BlockSource } from './source.js';

export type ServeOptions = {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  readonly version?: OgmiosVersion;
  /** Only these keys get in, as query parameter `apikey` or in a header; anyone by default. */
  readonly apiKeys?: readonly string[];
  readonly faults?: Faults;
  /** Answers HTTP requests that aren't Ogmios'; true where it did. */
  readonly onRequest?: (request: IncomingMessage, response: ServerResponse) => boolean;
};

/** Ogmios on a socket: WebSocket and `GET /health`, for any source of blocks. */
export type OgmiosServer = {
  /** `ws://127.0.0.1:PORT` */
  readonly url: string;
  readonly httpUrl: string;
  readonly port: number;
  readonly faults: Faults;
  /** Clients that are connected now. */
  readonly connections: number;
  /** To be called after the chain grew or switched. */
  chainChanged(): void;
  inject(fault: Fault): void;
  heal(kind?: FaultKind): void;
  readonly close: () => Promise<void>;
};

/** Requests are small: what is larger isn't one. Submitted transactions have 16 KiB. */
const REQUEST_BYTES_MAX = 1024 * 1024;

export async function serveOgmios(
  source: BlockSource,
  options: ServeOptions = {},
): Promise<OgmiosServer> {
  const version = options.version ?? 6;
  const faults = options.faults ?? createFaults();
  const connections = new Set<Connection>();
  const vitals = createVitals(source.tip() !== 'origin');
  const webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: REQUEST_BYTES_MAX,
  });
  const http = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://devnet');
    if (pathname === '/health') {
      const synchronization = faults.synchronization;
      const health = renderHealth(source, version, { ...vitals.read(), synchronization });
      response.setHeader('content-type', 'application/json; charset=utf-8');
      response.setHeader('access-control-allow-origin', '*');
      response.end(health);
    } else if (options.onRequest?.(request, response) !== true) {
      response.writeHead(404).end();
    }
  });
  const serve = (webSocket: WebSocket, socket: Duplex, refusal: Refusal | undefined): void => {
    if (typeof refusal === 'number') return webSocket.close(refusal, 'invalid api key');
    const session = refusal === 'error' ? unauthorized : createSession(source, { version });
    const connection = serveConnection(webSocket, socket, session, faults);
    const closed = vitals.opened();
    connections.add(connection);
    webSocket.on('message', vitals.message);
    webSocket.on('close', () => {
      connections.delete(connection);
      closed();
    });
  };
  http.on('upgrade', (request, socket, head) => {
    const key = keyOf(request);
    const unknown = options.apiKeys !== undefined && !options.apiKeys.includes(key ?? '');
    const refusal = faults.refusal(key) ?? (unknown ? 401 : undefined);
    if (refusal === 401 || refusal === 403) return refuse(socket, refusal);
    webSockets.handleUpgrade(request, socket, head, (webSocket) =>
      serve(webSocket, socket, refusal),
    );
  });
  const wakeAll = (): void => {
    for (const connection of connections) connection.wake();
  };
  const dropAll = (code?: number): void => {
    for (const connection of connections) connection.drop(code);
  };
  const host = options.host ?? '127.0.0.1';
  const port = await listen(http, host, options.port ?? 0);
  return {
    url: `ws://${host}:${port}`,
    httpUrl: `http://${host}:${port}`,
    port,
    faults,
    get connections() {
      return connections.size;
    },
    chainChanged: () => {
      vitals.tipMoved();
      wakeAll();
    },
    inject: (fault) => {
      switch (fault.kind) {
        case 'drop':
          return dropAll(fault.code);
        case 'halfOpen':
          for (const connection of connections) connection.halfOpen();
          return;
        case 'syncing':
        case 'oldTip':
          // A node gets behind its own chain by being restarted: nobody stays connected to it.
          faults.set(fault);
          return dropAll();
        case 'stall':
        case 'slow':
        case 'refuseKey':
        case 'garbage':
        case 'truncatedJson':
        case 'truncatedFrame':
        case 'undecodable':
        case 'rpcError':
          return faults.set(fault);
      }
    },
    heal: (kind) => {
      faults.heal(kind);
      wakeAll();
    },
    close: async () => {
      dropAll();
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      http.closeAllConnections();
      await closed;
    },
  };
}

function listen(http: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, host, () => {
      const address = http.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

const STATUS_TEXT = { 401: 'Unauthorized', 403: 'Forbidden' };

const refuse = (socket: Duplex, status: 401 | 403): void => {
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_TEXT[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
  );
};

/** The places where hosted Ogmios endpoints look for a key. */
function keyOf({ url, headers }: IncomingMessage): string | undefined {
  const query = new URL(url ?? '/', 'http://devnet').searchParams;
  const bearer = headers.authorization?.replace(/^Bearer /, '');
  const [header] = ['dmtr-api-key', 'x-api-key', 'apikey', 'api-key'].flatMap(
    (name) => headers[name] ?? [],
  );
  return query.get('apikey') ?? query.get('key') ?? header ?? bearer;
}

/** The third way in which endpoints refuse a key: the connection is open, and every answer says no. */
const unauthorized: Session = {
  handle: (request) => [
    `{"jsonrpc":"2.0","error":{"code":-32000,"message":"Unauthorized: invalid api key."},"id":${readRequest(request).id}}`,
  ],
  chainChanged: () => [],
};

/** Counts what `/health` shows. */
function createVitals(hasTip: boolean) {
  const startTime = new Date().toISOString();
  let lastTipUpdate = hasTip ? startTime : null;
  let [active, total, messages] = [0, 0, 0];
  const durations = { count: 0, sum: 0, min: 0, max: 0 };
  return {
    tipMoved: () => {
      lastTipUpdate = new Date().toISOString();
    },
    message: () => {
      messages += 1;
    },
    opened: () => {
      const since = performance.now();
      active += 1;
      total += 1;
      return () => {
        const lasted = performance.now() - since;
        active -= 1;
        durations.min = durations.count === 0 ? lasted : Math.min(durations.min, lasted);
        durations.max = Math.max(durations.max, lasted);
        durations.count += 1;
        durations.sum += lasted;
      };
    },
    read: () => ({
      startTime,
      lastTipUpdate,
      activeConnections: active,
      totalConnections: total,
      totalMessages: messages,
      sessionDurationsMs: {
        min: durations.min,
        mean: durations.count === 0 ? 0 : durations.sum / durations.count,
        max: durations.max,
      },
    }),
  };
}
