import { describe, expect, test } from 'vitest';
import { checkAddress } from '../chain/address.js';
import { parseNetwork } from '../chain/network.js';
import type { AddressKind } from './address.js';
import { MAINNET_MAGIC, makeAddress, makeStakeAddress } from './address.js';
import { createRandom } from './random.js';

const KINDS: AddressKind[] = [
  'base',
  'base-script',
  'base-stake-script',
  'pointer',
  'enterprise',
  'script',
  'byron',
];

const networkOf = (magic: number) =>
  parseNetwork(magic === MAINNET_MAGIC ? 'mainnet' : `custom:${magic}`)!;

describe('addresses that are made', () => {
  test.each(KINDS)('%s addresses are valid on mainnet and on test networks', (kind) => {
    const random = createRandom(kind);
    for (const magic of [MAINNET_MAGIC, 1, 2, 42]) {
      const address = makeAddress(kind, magic, random.bytes(28), random.bytes(28));
      expect(checkAddress(address, networkOf(magic))).toMatchObject({ ok: true });
    }
  });

  test('are as CIP-19 writes them', () => {
    // CIP-19's test vectors: verification key hashes of its appendix.
    const payment = Buffer.from('9493315cd92eb5d8c4304e67b7e16ae36d61d34502694657811a2c8e', 'hex');
    const stake = Buffer.from('337b62cfff6403a06a3acbc34f8c46003c69fe79a3628cefa9c47251', 'hex');
    expect(makeAddress('base', MAINNET_MAGIC, payment, stake)).toBe(
      'addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x',
    );
    expect(makeAddress('enterprise', 1, payment)).toBe(
      'addr_test1vz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerspjrlsz',
    );
    expect(makeStakeAddress(MAINNET_MAGIC, stake)).toBe(
      'stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw',
    );
  });
});
