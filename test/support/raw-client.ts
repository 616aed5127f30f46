import { once } from 'node:events';
import { WebSocket } from 'ws';

/** A client that knows nothing of Ogmios: what arrives, as it arrives, and how it ends. */
export type RawClient = {
  readonly socket: WebSocket;
  /** Texts that nobody took yet. */
  readonly arrived: string[];
  readonly take: () => Promise<string>;
  readonly ask: (text: string) => Promise<string>;
  readonly closed: Promise<number>;
  readonly closeCode: () => number | undefined;
};

export async function connectRaw(
  url: string,
  headers: Record<string, string> = {},
): Promise<RawClient> {
  const socket = new WebSocket(url, { perMessageDeflate: false, headers });
  const arrived: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  socket.on('message', (payload: Buffer) => {
    const text = payload.toString();
    const next = waiting.shift();
    if (next === undefined) arrived.push(text);
    else next(text);
  });
  let closeCode: number | undefined;
  const closed = new Promise<number>((resolve) => {
    socket.on('close', (code) => {
      closeCode = code;
      resolve(code);
    });
  });
  await once(socket, 'open');
  // A broken frame is an error here and a close code for whoever asks.
  socket.on('error', () => undefined);
  const take = (): Promise<string> => {
    const text = arrived.shift();
    return text === undefined
      ? new Promise((resolve) => waiting.push(resolve))
      : Promise.resolve(text);
  };
  const ask = (text: string): Promise<string> => {
    socket.send(text);
    return take();
  };
  return { socket, arrived, take, ask, closed, closeCode: () => closeCode };
}

/** 101 where the upgrade succeeds, else the status that it is refused with. */
export function upgradeStatus(url: string): Promise<number | undefined> {
  const socket = new WebSocket(url);
  socket.on('error', () => undefined);
  return new Promise((resolve) => {
    socket.on('unexpected-response', (request, response) => {
      request.destroy();
      resolve(response.statusCode);
    });
    socket.on('open', () => {
      socket.terminate();
      resolve(101);
    });
  });
}
