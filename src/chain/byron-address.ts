import { crc32 } from 'node:zlib';
import { base58 } from '@scure/base';
import { decode } from 'cborg';

export type ByronAddress =
  | {
      readonly ok: true;
      /** Null where the address names none: mainnet's way of saying mainnet. */
      readonly magic: number | null;
      readonly spendingType: 'key' | 'script' | 'redeem';
    }
  | { readonly ok: false; readonly problem: string };

const ROOT_BYTES = 28;
const MAGIC_ATTRIBUTE = 2;
const MAGIC_MAX = 0xffff_ffff;
const SPENDING_TYPES = ['key', 'script', 'redeem'] as const;

/**
 * Byron addresses: base58 of the CBOR `[tag 24 (payload), crc32 of the payload]`, the payload being
 * `[root hash, attributes, spending type]`. Source: the Byron era's ledger CDDL (`address`).
 */
export function parseByronAddress(text: string): ByronAddress {
  let envelope: unknown;
  try {
    envelope = decodeStrictly(base58.decode(text));
  } catch {
    return refuse('is neither a Shelley nor a whole Byron address');
  }
  if (!Array.isArray(envelope) || envelope.length !== 2) {
    return refuse('is neither a Shelley nor a whole Byron address');
  }
  const [payload, checksum] = envelope as unknown[];
  if (!(payload instanceof Embedded) || typeof checksum !== 'number') {
    return refuse('is neither a Shelley nor a whole Byron address');
  }
  if (crc32(payload.bytes) !== checksum) {
    return refuse('has a wrong checksum: a character is missing or mistyped');
  }
  return readPayload(payload.bytes);
}

function readPayload(bytes: Uint8Array): ByronAddress {
  let payload: unknown;
  try {
    payload = decodeStrictly(bytes);
  } catch {
    return refuse('has a right checksum but no readable content');
  }
  if (!Array.isArray(payload) || payload.length !== 3) return refuse("isn't built like an address");
  const [root, attributes, type] = payload as unknown[];
  if (!(root instanceof Uint8Array) || root.length !== ROOT_BYTES) {
    return refuse('has no root hash of 28 bytes');
  }
  const spendingType = typeof type === 'number' ? SPENDING_TYPES[type] : undefined;
  if (spendingType === undefined) return refuse('has an unknown spending type');
  if (!(attributes instanceof Map)) return refuse('has no attributes');
  const magic = readMagic(attributes.get(MAGIC_ATTRIBUTE));
  if (magic === undefined) return refuse('has an unreadable network magic');
  return { ok: true, magic, spendingType };
}

/** The attribute is CBOR within CBOR. */
function readMagic(attribute: unknown): number | null | undefined {
  if (attribute === undefined) return null;
  if (!(attribute instanceof Uint8Array)) return undefined;
  try {
    const magic: unknown = decodeStrictly(attribute);
    const valid = typeof magic === 'number' && magic >= 0 && magic <= MAGIC_MAX;
    return valid ? magic : undefined;
  } catch {
    return undefined;
  }
}

/** Tag 24: bytes that are CBOR themselves. A class, so that plain bytes can't pass for it. */
class Embedded {
  constructor(readonly bytes: Uint8Array) {}
}

/** Tags by number; a sparse array is what the library asks for. */
const TAGS = Object.assign([] as ((content: unknown) => unknown)[], {
  24: (content: unknown): Embedded => {
    if (!(content instanceof Uint8Array)) throw new Error('tag 24 holds bytes');
    return new Embedded(content);
  },
});

const decodeStrictly = (bytes: Uint8Array): unknown =>
  decode(bytes, {
    strict: true,
    useMaps: true,
    allowIndefinite: false,
    rejectDuplicateMapKeys: true,
    tags: TAGS,
  });

const refuse = (problem: string): ByronAddress => ({ ok: false, problem });
