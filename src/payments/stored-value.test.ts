import { describe, expect, test } from 'vitest';
import { heightOrNull, readStoredValue } from './stored-value.js';

const UNIT = 'ab'.repeat(28);
const HUGE = '115792089237316195423570985008687907853269984665640564039457584007913129639936';

describe('a value that stands in a row', () => {
  test('is read exactly, however large it is', () => {
    expect(readStoredValue(HUGE, { [UNIT]: HUGE })).toEqual({
      lovelace: 2n ** 256n,
      assets: new Map([[UNIT, 2n ** 256n]]),
    });
  });

  test.each(['NaN', 'Infinity', '-Infinity', '1.5', '1.0', '-1', '', '1e6', '007'])(
    'keeps what stands there where the amount is %s',
    (amountLovelace) => {
      expect(readStoredValue(amountLovelace, { [UNIT]: '1' })).toEqual({
        lovelace: 0n,
        assets: new Map([[UNIT, 1n]]),
        unreadable: { amountLovelace, assets: { [UNIT]: '1' } },
      });
    },
  );

  test.each([
    'lots',
    null,
    5,
    1.5,
    -1,
    '1e400',
    Number.POSITIVE_INFINITY,
    2 ** 53,
    true,
    '',
    '05',
    [1],
    { of: '1' },
  ])('keeps what stands there where a quantity is %j', (written) => {
    expect(readStoredValue('7', { [UNIT]: written, cafe: '2' })).toEqual({
      lovelace: 7n,
      assets: new Map([['cafe', 2n]]),
      unreadable: { amountLovelace: '7', assets: { [UNIT]: written, cafe: '2' } },
    });
  });

  test.each([[[]], [null], ['lots'], [5], [true]])(
    'keeps what stands there where assets are %j',
    (assets) => {
      expect(readStoredValue('7', assets)).toEqual({
        lovelace: 7n,
        assets: new Map(),
        unreadable: { amountLovelace: '7', assets },
      });
    },
  );
});

test('a height beyond what numbers can tell apart is none', () => {
  expect(heightOrNull(null)).toBeNull();
  expect(heightOrNull('0')).toBe(0);
  expect(heightOrNull('-5')).toBe(-5);
  expect(heightOrNull('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER);
  expect(heightOrNull('9007199254740992')).toBeNull();
  expect(heightOrNull('9223372036854775807')).toBeNull();
});
