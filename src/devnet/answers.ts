import type { Request } from './request.js';

export const nextBlock = (id: string, result: string): string =>
  `{"jsonrpc":"2.0","method":"nextBlock","result":{${result}},"id":${id}}`;

export const succeeded = ({ method, id }: Request, result: string): string =>
  `{"jsonrpc":"2.0","method":"${method}","result":${result},"id":${id}}`;

export function failed(
  { method, id }: Request,
  code: number,
  message: string,
  data?: string,
): string {
  const detail = data === undefined ? '' : `,"data":${data}`;
  const error = `{"code":${code},"message":${JSON.stringify(message)}${detail}}`;
  return `{"jsonrpc":"2.0","method":"${method}","error":${error},"id":${id}}`;
}

/** Ogmios answers -32600 to all that it can't read, also to a method that it doesn't know. */
export function invalid(id: string, problem: string): string {
  const message = JSON.stringify(`Invalid request: ${problem}.`);
  return `{"jsonrpc":"2.0","error":{"code":-32600,"message":${message}},"id":${id}}`;
}
