import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { apiKeyOf, refuseUpgrade } from './api-key.js';
import type { Connection } from './connection.js';
import { serveConnection } from './connection.js';
import type { Fault, FaultKind, Faults, Refusal } from './faults.js';
import { createFaults } from './faults.js';
import { renderHealth } from './health.js';
import type { OgmiosVersion } from './render.js';
import { readRequest } from './request.js';
import { readBody } from './request-body.js';
import type { Session } from './session.js';
import { createSession } from './session.js';
import type { BlockSource } from './source.js';
import { withSubmissionFaults } from './submission-faults.js';
import type { VitalsCounter } from './vitals.js';
import { createVitals } from './vitals.js';

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
  readonly chainChanged: () => void;
  /** To be called after something else than a block or a submission changed the mempool. */
  readonly mempoolChanged: () => void;
  readonly inject: (fault: Fault) => void;
  readonly heal: (kind?: FaultKind) => void;
  readonly close: () => Promise<void>;
};

/** What is larger isn't a request: ten thousand addresses at once have a megabyte and more. */
const REQUEST_BYTES_MAX = 4 * 1024 * 1024;

export async function serveOgmios(
  blocks: BlockSource,
  options: ServeOptions = {},
): Promise<OgmiosServer> {
  const version = options.version ?? 6;
  const faults = options.faults ?? createFaults();
  const wakeAll = (): void => {
    for (const connection of clients.connections) connection.wake();
  };
  // Whoever waits for another mempool is told, but behind the answer to who changed it.
  const source = withSubmissionFaults(blocks, faults, () => setImmediate(wakeAll));
  const vitals = createVitals(source.tip() !== 'origin');
  const clients = createClients(source, version, faults, vitals);
  const http = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://devnet');
    if (pathname === '/health') {
      const { synchronization } = faults;
      response.setHeader('content-type', 'application/json; charset=utf-8');
      response.setHeader('access-control-allow-origin', '*');
      response.end(renderHealth(source, version, { ...vitals.read(), synchronization }));
    } else if (pathname === '/' && request.method === 'POST') {
      void answerOverHttp(createSession(source, { version }), request, response);
    } else if (options.onRequest?.(request, response) !== true) {
      response.writeHead(404).end();
    }
  });
  http.on('upgrade', (request, socket, head) => {
    // Whoever is refused may reset the connection: without a listener that would end the devnet.
    socket.on('error', () => undefined);
    const key = apiKeyOf(request);
    const unknown = options.apiKeys !== undefined && !options.apiKeys.includes(key ?? '');
    clients.admit(request, socket, head, faults.refusal(key) ?? (unknown ? 401 : undefined));
  });
  const host = options.host ?? '127.0.0.1';
  const port = await listen(http, host, options.port ?? 0);
  return {
    url: `ws://${host}:${port}`,
    httpUrl: `http://${host}:${port}`,
    port,
    faults,
    get connections() {
      return clients.connections.size;
    },
    chainChanged: () => {
      vitals.tipMoved();
      wakeAll();
    },
    mempoolChanged: wakeAll,
    inject: (fault) => inject(fault, faults, clients.connections),
    heal: (kind) => {
      faults.heal(kind);
      wakeAll();
    },
    close: async () => {
      for (const connection of clients.connections) connection.drop();
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      http.closeAllConnections();
      await closed;
    },
  };
}

/** As Ogmios does it: one request, one fresh session, 400 where the answer is an error. */
async function answerOverHttp(
  session: Session,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const [answer = ''] = session.handle(await readBody(request));
    response.writeHead(/^\{"jsonrpc":"2.0",("method":"[^"]*",)?"error":/.test(answer) ? 400 : 200, {
      'content-type': 'application/json; charset=utf-8',
      'access-control-allow-origin': '*',
    });
    response.end(answer);
  } catch {
    // The client went away, or sent more than any request has.
    response.writeHead(500).end();
  }
}

/** Those who are connected, and the door. */
function createClients(
  source: BlockSource,
  version: OgmiosVersion,
  faults: Faults,
  vitals: VitalsCounter,
) {
  const connections = new Set<Connection>();
  const webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: REQUEST_BYTES_MAX,
  });
  const serve = (webSocket: WebSocket, socket: Duplex, session: Session): void => {
    const connection = serveConnection(webSocket, socket, session, faults);
    const closed = vitals.opened();
    connections.add(connection);
    webSocket.on('message', vitals.message);
    webSocket.on('close', () => {
      connections.delete(connection);
      closed();
    });
  };
  const admit = (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    refusal: Refusal | undefined,
  ): void => {
    if (refusal === 401 || refusal === 403) return refuseUpgrade(socket, refusal);
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      // A client that breaks the protocol is closed by `ws`; that is its problem alone.
      webSocket.on('error', () => undefined);
      if (typeof refusal === 'number') webSocket.close(refusal, 'invalid api key');
      else if (refusal === 'error') serve(webSocket, socket, unauthorized);
      else serve(webSocket, socket, createSession(source, { version }));
    });
  };
  return { connections, admit };
}

function inject(fault: Fault, faults: Faults, connections: ReadonlySet<Connection>): void {
  switch (fault.kind) {
    case 'drop':
      for (const connection of connections) connection.drop(fault.code);
      return;
    case 'halfOpen':
      for (const connection of connections) connection.halfOpen();
      return;
    case 'syncing':
    case 'oldTip':
      // A node gets behind its own chain by being restarted: nobody stays connected to it.
      faults.set(fault);
      for (const connection of connections) connection.drop();
      return;
    case 'stall':
    case 'slow':
    case 'refuseKey':
    case 'garbage':
    case 'truncatedJson':
    case 'truncatedFrame':
    case 'undecodable':
    case 'rpcError':
    case 'submitLate':
    case 'submitUnanswered':
    case 'submitMisreported':
    case 'submitRefused':
    case 'submitForgotten':
    case 'mempoolFull':
    case 'congestion':
      faults.set(fault);
      return;
  }
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

/** The third way in which endpoints refuse a key: the connection is open, and every answer says no. */
const unauthorized: Session = {
  handle: (request) => [
    `{"jsonrpc":"2.0","error":{"code":-32000,"message":"Unauthorized: invalid api key."},"id":${readRequest(request).id}}`,
  ],
  chainChanged: () => [],
};
