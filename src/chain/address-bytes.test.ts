import { base58, bech32 } from '@scure/base';
import { describe, expect, test } from 'vitest';
import { makeAddress } from '../devnet/address.js';
import { addressOfBytes, paymentKeyHashOf } from './address-bytes.js';

const KEY = Buffer.alloc(28, 0xab);
const SHELLEY = ['base', 'base-script', 'pointer', 'enterprise', 'script'] as const;
const bytesOf = (text: string): Uint8Array => {
  const decoded = bech32.decodeUnsafe(text, false);
  return bech32.fromWords(decoded ? decoded.words : []);
};

describe('an address of an output', () => {
  test.each(SHELLEY)('%s becomes the text that it was made of', (kind) => {
    for (const magic of [1, 764824073]) {
      const text = makeAddress(kind, magic, KEY);
      expect(addressOfBytes(bytesOf(text))).toMatchObject({ ok: true, address: { text } });
    }
  });

  test('of Byron becomes base58', () => {
    const text = makeAddress('byron', 1, KEY);
    expect(addressOfBytes(base58.decode(text))).toMatchObject({ ok: true, address: { text } });
  });

  test.each(['', '60', 'ff', `62${'ab'.repeat(28)}`, `60${'ab'.repeat(29)}`])(
    'is refused where it is none: %s',
    (hex) => {
      expect(addressOfBytes(Buffer.from(hex, 'hex')).ok).toBe(false);
    },
  );
});

describe("the payment key's hash", () => {
  test('is that of CIP-19 for its published address', () => {
    const address = 'addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8';
    expect(paymentKeyHashOf(address)).toBe(
      '9493315cd92eb5d8c4304e67b7e16ae36d61d34502694657811a2c8e',
    );
  });

  test.each(['base', 'pointer', 'enterprise'] as const)('is read from a %s address', (kind) => {
    expect(paymentKeyHashOf(makeAddress(kind, 1, KEY, Buffer.alloc(28, 1)))).toBe('ab'.repeat(28));
  });

  test.each(['base-script', 'script', 'byron'] as const)('there is none in %s', (kind) => {
    expect(paymentKeyHashOf(makeAddress(kind, 1, KEY))).toBeNull();
  });

  test('there is none in what is no address', () => {
    expect(paymentKeyHashOf('addr1x')).toBeNull();
  });
});
