import type { IncomingMessage } from 'node:http';

/** A request of a test, not of the world. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;

/** All of an HTTP request's body, as text. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX) throw new RangeError(`a body has ${BODY_BYTES_MAX} bytes at most`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
