import { base58, bech32 } from '@scure/base';
import { type ParsedAddress, parseAddress } from './address.js';

/** First four bits of a Byron address, which is a CBOR array (CIP-19). */
const BYRON_TYPE = 8;
const CREDENTIAL_BYTES = 28;

/** An address as a transaction's output holds it, in the form that people and nodes write. */
export function addressOfBytes(bytes: Uint8Array): ParsedAddress {
  const [header] = bytes;
  if (header === undefined) return { ok: false, problem: 'is empty' };
  if (header >> 4 === BYRON_TYPE) return parseAddress(base58.encode(bytes));
  const prefix = (header & 0x0f) === 1 ? 'addr' : 'addr_test';
  return parseAddress(bech32.encode(prefix, bech32.toWords(bytes), false));
}

/** Blake2b-224, hex, of the key that spends from the address; null where no single Shelley key does. */
export function paymentKeyHashOf(text: string): string | null {
  const parsed = parseAddress(text);
  if (!parsed.ok) return null;
  const { kind, paymentCredential, text: canonical } = parsed.address;
  if (kind === 'byron' || paymentCredential !== 'key') return null;
  const decoded = bech32.decodeUnsafe(canonical, false);
  const bytes = decoded ? bech32.fromWords(decoded.words) : new Uint8Array();
  return Buffer.from(bytes.subarray(1, 1 + CREDENTIAL_BYTES)).toString('hex');
}
