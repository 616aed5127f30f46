import { crc32 } from 'node:zlib';
import { base58, bech32 } from '@scure/base';
import { encode } from 'cborg';

/** The kinds of address that outputs on a real chain have. Bit layout: CIP-19. */
export type AddressKind =
  | 'base'
  | 'base-script'
  | 'base-stake-script'
  | 'pointer'
  | 'enterprise'
  | 'script'
  | 'byron';

export const MAINNET_MAGIC = 764824073;

/** 1 on mainnet, 0 on every test network. */
export const networkId = (networkMagic: number): 0 | 1 => (networkMagic === MAINNET_MAGIC ? 1 : 0);

/**
 * A valid address of the network.
 *
 * @param payment 28 bytes: hash of the payment key or script (Byron: the address root)
 * @param stake 28 bytes: hash of the stake key or script, where the kind has one
 */
export function makeAddress(
  kind: AddressKind,
  networkMagic: number,
  payment: Uint8Array,
  stake: Uint8Array = payment,
): string {
  switch (kind) {
    case 'base':
      return shelley(0, networkMagic, [payment, stake]);
    case 'base-script':
      return shelley(1, networkMagic, [payment, stake]);
    case 'base-stake-script':
      return shelley(2, networkMagic, [payment, stake]);
    case 'pointer':
      return shelley(4, networkMagic, [payment, Uint8Array.of(0x81, 0x05, 0x02, 0x00)]);
    case 'enterprise':
      return shelley(6, networkMagic, [payment]);
    case 'script':
      return shelley(7, networkMagic, [payment]);
    case 'byron':
      return byron(networkMagic, payment);
  }
}

/** The reward account (`stake…`) of a stake key hash of 28 bytes. */
export function makeStakeAddress(networkMagic: number, stake: Uint8Array): string {
  const id = networkId(networkMagic);
  return text(id === 1 ? 'stake' : 'stake_test', Buffer.from([(14 << 4) | id, ...stake]));
}

function shelley(type: number, networkMagic: number, parts: readonly Uint8Array[]): string {
  const id = networkId(networkMagic);
  const bytes = Buffer.concat([Uint8Array.of((type << 4) | id), ...parts]);
  return text(id === 1 ? 'addr' : 'addr_test', bytes);
}

// Addresses are longer than the 90 characters that bech32 was made for: no limit.
const text = (prefix: string, bytes: Uint8Array): string =>
  bech32.encode(prefix, bech32.toWords(bytes), false);

/** `[24(payload), crc32(payload)]`, payload `[root, attributes, 0]`; test networks name their magic. */
function byron(networkMagic: number, root: Uint8Array): string {
  const attributes = new Map<number, Uint8Array>();
  if (networkId(networkMagic) === 0) attributes.set(2, encode(networkMagic));
  const payload = encode([root, attributes, 0]);
  // cborg has no encoder for tags, so that the three outer heads are written by hand.
  const outer = [Uint8Array.of(0x82, 0xd8, 0x18), encode(payload), encode(crc32(payload))];
  return base58.encode(Buffer.concat(outer));
}
