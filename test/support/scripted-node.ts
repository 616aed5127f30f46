import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';

export type ScriptedRequest = {
  readonly method: string;
  readonly params: unknown;
  readonly id: string;
};

export type Scripted = {
  readonly url: string;
  /** All that was asked, in order. */
  readonly requests: readonly ScriptedRequest[];
  readonly connections: () => number;
};

export type Reply = {
  readonly socket: WebSocket;
  readonly result: (result: unknown) => void;
  readonly error: (code: number, message: string, data?: unknown) => void;
  readonly send: (text: string) => void;
};

/** A node that answers what it is told to; it ends with its test. `path` is what was dialled. */
export async function scriptedNode(
  answer: (request: ScriptedRequest, reply: Reply, path: string) => void,
  admit: (path: string) => boolean = () => true,
): Promise<Scripted> {
  const requests: ScriptedRequest[] = [];
  const http = createServer((_, response) => void response.writeHead(404).end());
  const server = new WebSocketServer({ noServer: true });
  http.on('upgrade', (request, socket, head) => {
    const path = request.url ?? '/';
    socket.on('error', () => undefined);
    if (!admit(path)) {
      socket.end('HTTP/1.1 401 No\r\nconnection: close\r\n\r\n');
      return;
    }
    server.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => undefined);
      client.on('message', (text: Buffer) => {
        const asked = JSON.parse(text.toString()) as ScriptedRequest;
        requests.push(asked);
        answer(asked, replyTo(client, asked), path);
      });
      server.emit('connection', client, request);
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    http.close();
    http.closeAllConnections();
  });
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return { url, requests, connections: () => server.clients.size };
}

function replyTo(socket: WebSocket, { method, id }: ScriptedRequest): Reply {
  const send = (text: string): void => socket.send(text);
  return {
    socket,
    send,
    result: (result) => send(JSON.stringify({ jsonrpc: '2.0', method, result, id })),
    error: (code, message, data) =>
      send(JSON.stringify({ jsonrpc: '2.0', method, error: { code, message, data }, id })),
  };
}
