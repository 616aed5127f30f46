import { describe, expect, test } from 'vitest';
import { DUST_LOVELACE, quarantineReason, TOKEN_QUANTITY_MAX, TOKENS_MAX } from './quarantine.js';

const KNOWN = 'aa'.repeat(28);
const UNKNOWN = 'bb'.repeat(28);
const many = (count: number) =>
  new Map(Array.from({ length: count }, (_, i) => [KNOWN + i.toString(16).padStart(4, '0'), 1n]));
const knownUnits = new Set([KNOWN, ...many(TOKENS_MAX + 1).keys()]);

const reasonFor = (assets: ReadonlyMap<string, bigint>, lovelace = 2_000_000n, hasScript = false) =>
  quarantineReason({ assets, lovelace, hasScript }, { knownUnits });

describe('an output is spent with payouts', () => {
  test.each([
    ['of ADA alone', new Map<string, bigint>(), DUST_LOVELACE],
    ['with a token that is known', new Map([[KNOWN, TOKEN_QUANTITY_MAX]]), 2_000_000n],
    ['with as many tokens as may be', many(TOKENS_MAX), 2_000_000n],
    ['with a token, however little ADA came with it', new Map([[KNOWN, 1n]]), 900_000n],
  ])('%s', (_, assets, lovelace) => {
    expect(reasonFor(assets, lovelace)).toBeNull();
  });
});

describe('an output is left alone', () => {
  test.each([
    [
      'with a token nobody knows',
      new Map([
        [KNOWN, 1n],
        [UNKNOWN, 1n],
      ]),
      'unknown_token',
    ],
    ['with too many tokens', many(TOKENS_MAX + 1), 'too_many_tokens'],
    [
      'with a quantity that might not fit when merged',
      new Map([[KNOWN, TOKEN_QUANTITY_MAX + 1n]]),
      'overflow_quantity',
    ],
  ])('%s', (_, assets, reason) => {
    expect(reasonFor(assets)).toBe(reason);
  });

  test('with hardly more than an output must hold', () => {
    expect(reasonFor(new Map(), DUST_LOVELACE - 1n)).toBe('dust');
  });

  test('with a script, whatever else it holds', () => {
    expect(reasonFor(new Map([[UNKNOWN, 2n ** 63n]]), 5_000_000n, true)).toBe('reference_script');
  });
});
