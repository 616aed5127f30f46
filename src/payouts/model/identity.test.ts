import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { Secret } from '../../config.js';
import { bodyHash, payoutId } from './identity.js';

const secret = new Secret('0123456789abcdef0123456789abcdef');

test("a payout's id is 16 bytes of an HMAC, the same for good", () => {
  const whole = createHmac('sha256', secret.reveal()).update('["shop","order-1001"]').digest('hex');
  expect(payoutId(secret, 'shop', 'order-1001')).toBe(whole.slice(0, 32));
  expect(payoutId(secret, 'shop', 'order-1001')).toBe('ad300ceb4569b3cf68bccaedad95f6b3');
});

test('no two pairs of key and Idempotency-Key have one id', () => {
  const pairs = [
    ['a', 'b'],
    ['ab', ''],
    ['', 'ab'],
    ['a","b', ''],
    ['a', '","b'],
    ['a,b', 'c'],
    ['a', 'b,c'],
  ] as const;
  expect(new Set(pairs.map(([name, key]) => payoutId(secret, name, key))).size).toBe(pairs.length);
  expect(payoutId(new Secret('another'), 'a', 'b')).not.toBe(payoutId(secret, 'a', 'b'));
});

test("a body's hash is of its meaning: neither order nor what stands at its default counts", () => {
  const body = { destinationAddress: 'addr1', amountLovelace: '5', assets: { b: '1', a: '2' } };
  const hash = bodyHash(body);
  expect(
    bodyHash({ assets: { a: '2', b: '1' }, amountLovelace: '5', destinationAddress: 'addr1' }),
  ).toBe(hash);
  expect(bodyHash({ ...body, userId: null, metadata: undefined, allowDepositAddress: false })).toBe(
    hash,
  );
  expect(bodyHash({ ...body, allowDepositAddress: true })).not.toBe(hash);
  expect(bodyHash({ ...body, assets: {} })).not.toBe(hash);
  expect(bodyHash({ amountLovelace: '5' })).toBe(
    'b7cdec83c8ff9517730c99effb6f387a47334836b957e74fa7195a870dcfa089',
  );
});
