import {
  AuxiliaryData,
  hash_auxiliary_data,
  hash_transaction,
  TransactionBody,
} from '@dcspark/cardano-multiplatform-lib-nodejs';
import { decode, decodeFirst } from 'cborg';
import { type Lovelace, type OutputReference, outputReference } from '../../chain/block.js';
import type { Network } from '../../chain/network.js';
import { withLibraryObjects } from '../transaction/library-objects.js';
import { type ReadOutput, Refusal, readOutputs, readUint, refuse } from './read-outputs.js';

/** What a transaction's own bytes say, whatever anybody claims about it. */
export type ReadTransaction = {
  /** Blake2b-256 of `body`. */
  readonly id: string;
  /** As they were given: what a signature is about. */
  readonly body: Uint8Array;
  /** CBOR of the auxiliary data, null where there is none. */
  readonly auxiliary: Uint8Array | null;
  /** In the ledger's order. */
  readonly inputs: readonly OutputReference[];
  readonly outputs: readonly ReadOutput[];
  readonly fee: Lovelace;
  readonly invalidHereafter: bigint;
  /** By label; byte strings as Uint8Array. */
  readonly metadata: ReadonlyMap<bigint, unknown>;
};

export type ReadResult =
  | { readonly ok: true; readonly transaction: ReadTransaction }
  | { readonly ok: false; readonly problem: string };

/** The ledger's limit is 16 KiB; ten times that is no transaction. */
const HEX_LENGTH_MAX = 327_680;

/**
 * An unsigned transaction `[body, {}, true, auxiliary data]`, read by a decoder that shares nothing with
 * the library that builds them. Refuses whatever a plain payment has no need of: a field that isn't
 * understood could move money. Format: the Conway era's CDDL.
 */
export function readTransaction(cbor: string, network: Network): ReadResult {
  try {
    return { ok: true, transaction: readStrictly(cbor, network) };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, problem: error.message };
    return { ok: false, problem: "isn't a transaction in CBOR, each item in its shortest form" };
  }
}

function readStrictly(cbor: string, network: Network): ReadTransaction {
  if (cbor.length > HEX_LENGTH_MAX) return refuse('is longer than any transaction');
  if (!/^84(?:[0-9a-f]{2})+$/.test(cbor)) {
    return refuse("isn't an array of four in lower-case hex");
  }
  const afterHead = Buffer.from(cbor, 'hex').subarray(1);
  const [body, afterBody] = decodeFirst(afterHead, STRICT) as [unknown, Uint8Array];
  const [witnesses, afterWitnesses] = decodeFirst(afterBody, STRICT) as [unknown, Uint8Array];
  const [isValid, rest] = decodeFirst(afterWitnesses, STRICT) as [unknown, Uint8Array];
  if (!(witnesses instanceof Map) || witnesses.size > 0) return refuse('has witnesses already');
  if (isValid !== true) return refuse('is marked as one whose scripts fail');
  if (!(body instanceof Map)) return refuse('has a body that is no map');
  const bodyBytes = afterHead.subarray(0, afterHead.length - afterBody.length);
  const auxiliary = decode(rest, STRICT) as unknown;
  const fields = readFields(body, network);
  return {
    id: hashOfBody(bodyBytes),
    body: bodyBytes,
    auxiliary: auxiliary === null ? null : rest,
    metadata: readAuxiliary(auxiliary, rest, body.get(7)),
    ...fields,
  };
}

const PLAIN_FIELDS: ReadonlySet<unknown> = new Set([0, 1, 2, 3, 7, 15]);
const OTHER_FIELDS: Readonly<Record<number, string>> = {
  4: 'certificates',
  5: 'withdrawals',
  8: 'a lower validity bound',
  9: 'a mint',
  11: 'a hash of script data',
  13: 'collateral',
  14: 'required signers',
  16: 'a collateral return',
  17: 'a total collateral',
  18: 'reference inputs',
  19: 'votes',
  20: 'proposals',
  21: 'a treasury value',
  22: 'a donation',
};

function readFields(body: ReadonlyMap<unknown, unknown>, network: Network) {
  for (const field of body.keys()) {
    if (PLAIN_FIELDS.has(field)) continue;
    const name = typeof field === 'number' ? OTHER_FIELDS[field] : undefined;
    return refuse(`has ${name ?? 'a field that is unknown'}, which no payout has`);
  }
  if (body.has(15) && body.get(15) !== network.networkId) {
    return refuse(`names network id ${String(body.get(15))}, but this is ${network.name}`);
  }
  return {
    inputs: readInputs(body.get(0)),
    outputs: readOutputs(body.get(1), network),
    fee: readUint(body.get(2), 'fee'),
    invalidHereafter: readUint(body.get(3), 'upper validity bound'),
  };
}

function readInputs(value: unknown): OutputReference[] {
  const list = value instanceof CborSet ? value.items : value;
  if (!Array.isArray(list) || list.length === 0) return refuse('has no inputs');
  const references = list.map((input: unknown) => {
    const [hash, index] = Array.isArray(input) && input.length === 2 ? (input as unknown[]) : [];
    if (!(hash instanceof Uint8Array) || hash.length !== 32) return refuse('has an odd input');
    const position = readUint(index, "input's index");
    if (position > 65_535n) return refuse("has an input's index beyond 65535");
    return { hash: Buffer.from(hash).toString('hex'), position };
  });
  const sorted = references
    .sort((a, b) =>
      a.hash === b.hash ? Number(a.position - b.position) : a.hash < b.hash ? -1 : 1,
    )
    .map(({ hash, position }) => outputReference(hash, position));
  return new Set(sorted).size === sorted.length ? sorted : refuse('spends an input twice');
}

/** Hashed by the library, which is made to keep what it read as it was: held to that here. */
/** The library keeps what it read as it was; its hash counts only where that is so. */
const hashOfBody = (bytes: Uint8Array): string =>
  withLibraryObjects((own) => {
    const body = own(TransactionBody.from_cbor_bytes(bytes));
    if (!Buffer.from(body.to_cbor_bytes()).equals(bytes)) return refuse('is written in an odd way');
    return own(hash_transaction(body)).to_hex();
  });

function readAuxiliary(
  value: unknown,
  bytes: Uint8Array,
  hash: unknown,
): ReadonlyMap<bigint, unknown> {
  if (value === null && hash === undefined) return new Map();
  if (value === null || !(hash instanceof Uint8Array)) {
    return refuse('has auxiliary data without its hash in the body, or the hash alone');
  }
  if (hashOfAuxiliary(bytes) !== Buffer.from(hash).toString('hex')) {
    return refuse('has other auxiliary data than its body says');
  }
  const metadata =
    value instanceof TaggedAuxiliary && value.fields.size === 1 ? value.fields.get(0) : value;
  if (!(metadata instanceof Map)) return refuse('has auxiliary data besides metadata');
  return new Map([...metadata].map(([label, content]) => [readUint(label, 'label'), content]));
}

const hashOfAuxiliary = (bytes: Uint8Array): string =>
  withLibraryObjects((own) => {
    const auxiliary = own(AuxiliaryData.from_cbor_bytes(bytes));
    if (!Buffer.from(auxiliary.to_cbor_bytes()).equals(bytes)) {
      return refuse('has auxiliary data that is written in an odd way');
    }
    return own(hash_auxiliary_data(auxiliary)).to_hex();
  });

/** Classes, so that an untagged value can't pass for a tagged one. */
class CborSet {
  constructor(readonly items: unknown) {}
}
class TaggedAuxiliary {
  constructor(readonly fields: ReadonlyMap<unknown, unknown>) {}
}

const STRICT = {
  strict: true,
  useMaps: true,
  allowIndefinite: false,
  allowUndefined: false,
  rejectDuplicateMapKeys: true,
  /** By number; a sparse array is what the library asks for. */
  tags: Object.assign([] as ((content: unknown) => unknown)[], {
    258: (content: unknown): CborSet => new CborSet(content),
    259: (content: unknown): TaggedAuxiliary =>
      content instanceof Map ? new TaggedAuxiliary(content) : refuse('has odd auxiliary data'),
  }),
};
