import type { Token } from 'cborg';
import { Tokenizer, Type } from 'cborg';

/** CBOR as it was written: order, duplicates and the very bytes of every part are kept. */
export type CborItem = { readonly raw: Uint8Array } & (
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'bytes'; readonly value: Uint8Array }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'list'; readonly items: readonly CborItem[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [CborItem, CborItem])[] }
  | { readonly kind: 'tag'; readonly tag: number; readonly content: CborItem }
  | { readonly kind: 'simple'; readonly value: unknown }
);

/** Deeper than any transaction has reason to be, and shallow enough for the stack. */
const DEPTH_MAX = 256;

/** All of the bytes as one item. @throws Error on anything else; strings of indefinite length too */
export function readCbor(bytes: Uint8Array): CborItem {
  const tokens = new Tokenizer(bytes, { allowIndefinite: true, allowBigInt: true });
  const item = readItem(tokens, bytes, DEPTH_MAX);
  if (!tokens.done()) throw new SyntaxError(`${bytes.length - tokens.pos()} bytes too many`);
  return item;
}

function readItem(tokens: Tokenizer, bytes: Uint8Array, depth: number): CborItem {
  const start = tokens.pos();
  const token = tokens.next();
  if (isBreak(token)) throw new SyntaxError(`a break where an item belongs, at byte ${start}`);
  const content = readContent(token, tokens, bytes, depth - 1);
  return { ...content, raw: bytes.subarray(start, tokens.pos()) };
}

type Content<T = CborItem> = T extends CborItem ? Omit<T, 'raw'> : never;

function readContent(token: Token, tokens: Tokenizer, bytes: Uint8Array, depth: number): Content {
  if (depth < 0) throw new SyntaxError(`nested deeper than ${DEPTH_MAX}`);
  const value: unknown = token.value;
  const item = () => readItem(tokens, bytes, depth);
  switch (token.type) {
    case Type.uint:
    case Type.negint:
      return { kind: 'integer', value: BigInt(numeric(value)) };
    case Type.bytes:
      if (value instanceof Uint8Array) return { kind: 'bytes', value };
      break;
    case Type.string:
      return { kind: 'text', value: String(value) };
    case Type.array:
      return { kind: 'list', items: readAll(token, tokens, bytes, item) };
    case Type.map: {
      const entries = readAll(token, tokens, bytes, () => [item(), item()] as const);
      return { kind: 'map', entries };
    }
    case Type.tag:
      return { kind: 'tag', tag: Number(numeric(value)), content: item() };
  }
  return { kind: 'simple', value };
}

/** As many as the head says, or up to the break. */
function readAll<T>(head: Token, tokens: Tokenizer, bytes: Uint8Array, read: () => T): T[] {
  const count = Number(numeric(head.value));
  const all: T[] = [];
  while (all.length < count) {
    if (count === Number.POSITIVE_INFINITY && bytes[tokens.pos()] === BREAK) {
      tokens.next();
      break;
    }
    all.push(read());
  }
  return all;
}

const BREAK = 0xff;

const isBreak = ({ type }: Token): boolean => type === Type.break;

function numeric(value: unknown): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  throw new SyntaxError('a number is missing');
}
