import { base58, bech32 } from '@scure/base';

/** Header bits of a Byron address: the first byte of its CBOR. Layout: CIP-19. */
const BYRON_TYPE = 8;
const REWARD_TYPES = [14, 15];

/** An address of a transaction's body, as people write it. */
export function addressText(bytes: Uint8Array): string {
  const header = bytes[0];
  if (header === undefined) throw new SyntaxError('an address is empty');
  if (header >> 4 === BYRON_TYPE) return base58.encode(bytes);
  const kind = REWARD_TYPES.includes(header >> 4) ? 'stake' : 'addr';
  const prefix = (header & 1) === 1 ? kind : `${kind}_test`;
  return bech32.encode(prefix, bech32.toWords(bytes), false);
}

/** And back. The devnet's ledger holds no address that isn't valid. */
export function addressBytes(text: string): Uint8Array {
  if (!isBech32(text)) return base58.decode(text);
  // Addresses are longer than the 90 characters that bech32 was made for: no limit.
  return bech32.fromWords(bech32.decode(text, false).words);
}

const isBech32 = (text: string): text is `${string}1${string}` =>
  /^(addr|stake)(_test)?1/.test(text);

/** The network that a Shelley address names; undefined for Byron's, whose magic the ledger ignores. */
export function networkOfAddress(bytes: Uint8Array): number | undefined {
  const header = bytes[0];
  return header === undefined || header >> 4 === BYRON_TYPE ? undefined : header & 0x0f;
}
