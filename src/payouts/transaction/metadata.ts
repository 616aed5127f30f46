import { decode, encode } from 'cborg';
import type { OutputReference } from '../../chain/block.js';
import { exactInteger } from '../../chain/exact-json.js';

/**
 * What a payout transaction says about itself, so that a database that lost its memory learns from the
 * chain what was paid: which of the inputs (in the ledger's order) is the anchor, and the id of the payout
 * that each of the first outputs pays. No customer's data; an id tells nothing to who lacks the secret.
 *
 *     8355377: [1, anchor, [id, …]]     id: 16 bytes; none for transactions of the wallet to itself
 */
export const METADATA_LABEL = 8_355_377n;
export const METADATA_VERSION = 1n;

export type PayoutMetadata = {
  /** Position of the anchor among the inputs. */
  readonly anchor: number;
  /** The payout that output 0, 1, … pays. */
  readonly payoutIds: readonly string[];
};

/** The order in which the ledger keeps a transaction's inputs: by transaction id, then by index. */
export function compareReferences(a: OutputReference, b: OutputReference): number {
  const [idOfA, idOfB] = [transactionIdIn(a), transactionIdIn(b)];
  if (idOfA !== idOfB) return idOfA < idOfB ? -1 : 1;
  return indexIn(a) - indexIn(b);
}

const ID_DIGITS = 64;

export const transactionIdIn = (reference: OutputReference): string =>
  reference.slice(0, ID_DIGITS);

/** Which output of its transaction it is. */
export const indexIn = (reference: OutputReference): number =>
  Number(reference.slice(ID_DIGITS + 1));

export const inLedgerOrder = (references: readonly OutputReference[]): OutputReference[] =>
  references.toSorted(compareReferences);

/** Auxiliary data of a transaction, CBOR: nothing but the metadata. */
export function encodePayoutMetadata({ anchor, payoutIds }: PayoutMetadata): Uint8Array {
  const ids = payoutIds.map((id) => new Uint8Array(Buffer.from(id, 'hex')));
  return encode(new Map([[Number(METADATA_LABEL), [Number(METADATA_VERSION), anchor, ids]]]));
}

/**
 * From the labels of a transaction's metadata as Ogmios writes them: `{"8355377": {"json": …}}` in either
 * of the JSON forms of metadata, with or without a schema, or `{"cbor": hex}`. Null for anything else:
 * anyone may write anything there.
 */
export function readPayoutMetadata(labels: unknown): PayoutMetadata | null {
  const label = fieldOf(labels, METADATA_LABEL.toString());
  const json = fieldOf(label, 'json');
  const cbor = fieldOf(label, 'cbor');
  return read(json, PLAIN) ?? read(json, DETAILED) ?? read(decoded(cbor), PLAIN);
}

/** How a form of metadata writes what is needed here; undefined for what isn't that. */
type Form = {
  readonly list: (value: unknown) => readonly unknown[] | undefined;
  readonly int: (value: unknown) => bigint | undefined;
  readonly hex: (value: unknown) => unknown;
};

const listOf = (value: unknown): readonly unknown[] | undefined =>
  Array.isArray(value) ? (value as readonly unknown[]) : undefined;

/** JSON without a schema, where bytes are text that begins with 0x; and CBOR once decoded. */
const PLAIN: Form = {
  list: listOf,
  int: exactInteger,
  hex: (value) => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
    return typeof value === 'string' && value.startsWith('0x') ? value.slice(2) : undefined;
  },
};

/** `{"list": […]}`, `{"int": 1}`, `{"bytes": "ab"}`. */
const DETAILED: Form = {
  list: (value) => listOf(fieldOf(value, 'list')),
  int: (value) => exactInteger(fieldOf(value, 'int')),
  hex: (value) => fieldOf(value, 'bytes'),
};

/** More inputs or outputs don't fit into any transaction. */
const COUNT_MAX = 65_536;
const ID = /^[0-9a-f]{32}$/;

function read(value: unknown, form: Form): PayoutMetadata | null {
  const items = form.list(value);
  const ids = form.list(items?.[2]);
  const anchor = form.int(items?.[1]);
  if (items?.length !== 3 || ids === undefined || ids.length > COUNT_MAX) return null;
  if (form.int(items[0]) !== METADATA_VERSION) return null;
  if (anchor === undefined || anchor < 0n || anchor >= BigInt(COUNT_MAX)) return null;
  const payoutIds = ids.map(form.hex).filter((id) => typeof id === 'string' && ID.test(id));
  if (payoutIds.length !== ids.length) return null;
  return { anchor: Number(anchor), payoutIds: payoutIds.map(String) };
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return Reflect.get(value, name) as unknown;
}

/** Undefined where it isn't CBOR that can be read: nested too deep, or of a form nobody writes. */
function decoded(cbor: unknown): unknown {
  if (typeof cbor !== 'string' || !/^(?:[0-9a-f]{2})+$/i.test(cbor)) return undefined;
  try {
    return decode(Buffer.from(cbor, 'hex'), { useMaps: true });
  } catch {
    return undefined;
  }
}
