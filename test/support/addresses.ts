import { bech32 } from '@scure/base';

/** The enterprise address of a made-up key on a test network; another one for each seed. */
export function enterpriseAddress(seed: number): string {
  const bytes = new Uint8Array(29);
  bytes[0] = 0x60;
  new DataView(bytes.buffer).setUint32(25, seed);
  return bech32.encode('addr_test', bech32.toWords(bytes));
}

/** As `enterpriseAddress`, with a stake part: 108 characters, as long as addresses usually are. */
export function longAddress(seed: number): string {
  const bytes = new Uint8Array(57);
  new DataView(bytes.buffer).setUint32(25, seed);
  return bech32.encode('addr_test', bech32.toWords(bytes), 200);
}
