import { exactInteger } from './exact-json.js';
import { type Height, isHash, type Slot } from './point.js';

/** What arrived isn't what Ogmios says it sends. `received` is kept short enough for a log line. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly received: string;

  constructor(message: string, received?: unknown) {
    super(message);
    this.received = excerpt(received);
  }
}

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProtocolError(`${what} must be an object`, value);
  }
  return value as Fields;
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new ProtocolError(`${what} must be a list`, value);
  return value as readonly unknown[];
}

export function hashOf(value: unknown, what: string): string {
  if (!isHash(value)) throw new ProtocolError(`${what} must be 64 lower-case hex digits`, value);
  return value;
}

export function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new ProtocolError(`${what} must be text`, value);
  return value;
}

/** A non-negative integer of any width. */
export function quantityOf(value: unknown, what: string): bigint {
  const quantity = exactInteger(value);
  if (quantity === undefined || quantity < 0n) {
    throw new ProtocolError(`${what} must be a non-negative integer`, value);
  }
  return quantity;
}

const countOf = (value: unknown, what: string): number => {
  const quantity = quantityOf(value, what);
  if (quantity > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new ProtocolError(`${what} is beyond 2^53 - 1`, value);
  }
  return Number(quantity);
};

export const slotOf = (value: unknown, what: string): Slot => countOf(value, what) as Slot;
export const heightOf = (value: unknown, what: string): Height => countOf(value, what) as Height;

const EXCERPT_CHARACTERS = 200;

function excerpt(value: unknown): string {
  if (value === undefined) return '';
  let text: string;
  try {
    text = typeof value === 'string' ? value : JSON.stringify(value);
  } catch {
    // Nested too deep to be printed, cyclic, or a BigInt: an error must not fail while it is made.
    text = typeof value;
  }
  return text.length > EXCERPT_CHARACTERS ? `${text.slice(0, EXCERPT_CHARACTERS)}…` : text;
}
