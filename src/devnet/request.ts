import type { PointOrOrigin, Slot } from '../chain/point.js';
import { isHash } from '../chain/point.js';
import type { UtxoFilter } from './source.js';
import type { Reference } from './transaction.js';
import { referenceOf } from './transaction.js';

export type Request = {
  readonly method: string;
  readonly params: unknown;
  /** The client's id as JSON, whatever it is; `null` where there was none. */
  readonly id: string;
};

/** Reads a JSON-RPC 2.0 request, or says what is wrong with it, in Ogmios' words where it has some. */
export function readRequest(
  text: string,
): Request | { readonly problem: string; readonly id: string } {
  const request = parse(text);
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    return { problem: 'must be a well-formed JSON object', id: 'null' };
  }
  const id = mirror(text, Reflect.get(request, 'id'));
  const method: unknown = Reflect.get(request, 'method');
  if (typeof method !== 'string') {
    return { problem: "field 'method' must be present and be a string", id };
  }
  if (Reflect.get(request, 'jsonrpc') !== '2.0') {
    return { problem: "invalid value for field 'jsonrpc': should be '2.0'", id };
  }
  return { method, params: Reflect.get(request, 'params'), id };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An integer of any size comes back as it was: a client may count in 64 bits. */
function mirror(text: string, id: unknown): string {
  if (id === undefined) return 'null';
  if (typeof id === 'number' && !Number.isSafeInteger(id)) {
    const digits = /"id"\s*:\s*(-?[0-9.eE+-]+)/.exec(text)?.[1];
    if (digits !== undefined && Number(digits) === id) return digits;
  }
  return JSON.stringify(id);
}

/** The point of `acquireLedgerState`. */
export const pointOf = (params: unknown): PointOrOrigin | undefined =>
  typeof params === 'object' && params !== null
    ? readPoint(Reflect.get(params, 'point'))
    : undefined;

/** The points of `findIntersection`; undefined where one of them is none. */
export function pointsOf(params: unknown): PointOrOrigin[] | undefined {
  const points = listOf(params, 'points');
  const read = points?.map(readPoint);
  return read?.every((point) => point !== undefined) === true ? read : undefined;
}

function readPoint(value: unknown): PointOrOrigin | undefined {
  if (value === 'origin') return 'origin';
  if (typeof value !== 'object' || value === null) return undefined;
  const slot: unknown = Reflect.get(value, 'slot');
  const id: unknown = Reflect.get(value, 'id');
  if (typeof slot !== 'number' || !Number.isInteger(slot) || slot < 0 || !isHash(id))
    return undefined;
  return { slot: slot as Slot, id };
}

/** What `queryLedgerState/utxo` asks for; undefined where it isn't clear. */
export function utxoFilterOf(params: unknown): UtxoFilter | undefined {
  if (params === undefined) return 'all';
  if (typeof params !== 'object' || params === null) return undefined;
  if (Object.keys(params).length === 0) return 'all';
  const addresses = listOf(params, 'addresses');
  if (addresses?.every((address) => typeof address === 'string') === true) return { addresses };
  const references = listOf(params, 'outputReferences')?.map(outputReferenceOf);
  return references?.every((reference) => reference !== undefined) === true
    ? { outputReferences: references }
    : undefined;
}

function outputReferenceOf(value: unknown): Reference | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const transaction: unknown = Reflect.get(value, 'transaction');
  const index: unknown = Reflect.get(value, 'index');
  if (typeof transaction !== 'object' || transaction === null) return undefined;
  const id: unknown = Reflect.get(transaction, 'id');
  if (!isHash(id) || typeof index !== 'number' || !Number.isInteger(index)) return undefined;
  return referenceOf(id, index);
}

/** The transaction of a submission or an evaluation; undefined where it is no hex. */
export function transactionOf(params: unknown): Uint8Array | undefined {
  if (typeof params !== 'object' || params === null) return undefined;
  const transaction: unknown = Reflect.get(params, 'transaction');
  if (typeof transaction !== 'object' || transaction === null) return undefined;
  const cbor: unknown = Reflect.get(transaction, 'cbor');
  const isHex = typeof cbor === 'string' && /^([0-9a-fA-F]{2})+$/.test(cbor);
  return isHex ? Buffer.from(cbor, 'hex') : undefined;
}

/** The id of `hasTransaction`. */
export function transactionIdOf(params: unknown): string | undefined {
  if (typeof params !== 'object' || params === null) return undefined;
  const id: unknown = Reflect.get(params, 'id');
  return isHash(id) ? id : undefined;
}

function listOf(params: unknown, name: string): unknown[] | undefined {
  if (typeof params !== 'object' || params === null) return undefined;
  const list: unknown = Reflect.get(params, name);
  return Array.isArray(list) ? list : undefined;
}
