import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

const STATUS_TEXT = { 401: 'Unauthorized', 403: 'Forbidden' };

export const refuseUpgrade = (socket: Duplex, status: 401 | 403): void => {
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_TEXT[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
  );
};

/** The places where hosted Ogmios endpoints look for a key. */
export function apiKeyOf({ url, headers }: IncomingMessage): string | undefined {
  const query = new URL(url ?? '/', 'http://devnet').searchParams;
  const bearer = headers.authorization?.replace(/^Bearer /, '');
  const [header] = ['dmtr-api-key', 'x-api-key', 'apikey', 'api-key'].flatMap(
    (name) => headers[name] ?? [],
  );
  return query.get('apikey') ?? query.get('key') ?? header ?? bearer;
}
