import { describe, expect, test } from 'vitest';
import { confirmationHeight, isIgnored, requiredConfirmations } from './confirmation.js';

const ADA = 1_000_000n;
const POLICY = {
  tiers: [
    { fromLovelace: 0n, confirmations: 6 },
    { fromLovelace: 1_000n * ADA, confirmations: 15 },
    { fromLovelace: 100_000n * ADA, confirmations: 30 },
  ],
  minPaymentLovelace: 2n * ADA,
};

describe('confirmations', () => {
  test.each([
    ['nothing', 0n, false, 6],
    ['a lovelace below the tier', 1_000n * ADA - 1n, false, 6],
    ['exactly the tier', 1_000n * ADA, false, 15],
    ['ten deposits of 999 ada together', 9_990n * ADA, false, 15],
    ['more than 2^64', 2n ** 65n, false, 30],
    ['native assets with little ada', 2n * ADA, true, 30],
  ])('%s', (_, together, hasAssets, expected) => {
    expect(requiredConfirmations(POLICY, together, hasAssets)).toBe(expected);
  });

  test('a payment is one deep in its own block', () => {
    expect(confirmationHeight(100, 1)).toBe(100);
    expect(confirmationHeight(100, 6)).toBe(105);
  });

  test.each([
    ['below the minimum', 2n * ADA - 1n, false, true],
    ['the minimum', 2n * ADA, false, false],
    ['below the minimum with native assets', 1n, true, false],
  ])('%s', (_, lovelace, hasAssets, expected) => {
    expect(isIgnored(POLICY, { lovelace, hasAssets })).toBe(expected);
  });
});
