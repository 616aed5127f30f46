import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shareFee } from '../model/fee-share.js';
import { closeBatch } from './batching.js';

describe('the fee of a transaction', () => {
  test('is borne in equal parts, the first payouts bear what is left over', () => {
    expect(shareFee(200_000n, 1)).toEqual([200_000n]);
    expect(shareFee(8n, 3)).toEqual([3n, 3n, 2n]);
    expect(shareFee(2n, 3)).toEqual([1n, 1n, 0n]);
    expect(shareFee(9n, 3)).toEqual([3n, 3n, 3n]);
  });

  test('is nobody’s where nobody is paid', () => {
    expect(shareFee(200_000n, 0)).toEqual([]);
  });

  test('is neither more nor less than its parts', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10_000_000n }),
        fc.integer({ min: 1, max: 200 }),
        (fee, payouts) => {
          const parts = shareFee(fee, payouts);
          const [first = 0n] = parts;
          expect(parts).toHaveLength(payouts);
          expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(fee);
          expect(first - (parts.at(-1) ?? 0n)).toBeLessThanOrEqual(1n);
        },
      ),
      { seed: 1 },
    );
  });
});

describe('a batch is closed', () => {
  const NOW = new Date('2026-11-21T08:00:00Z');
  const POLICY = { payoutsMax: 3, waitMs: 5_000 };
  const queue = (...agoMs: number[]) =>
    agoMs.map((ms) => ({ createdAt: new Date(NOW.getTime() - ms) }));

  test('never while nothing is queued', () => {
    expect(closeBatch([], POLICY, NOW)).toBe(0);
    expect(closeBatch([], { ...POLICY, payoutsMax: 0 }, NOW)).toBe(0);
  });

  test('as soon as it is full, whenever its payouts came', () => {
    expect(closeBatch(queue(0, 0), POLICY, NOW)).toBe(0);
    expect(closeBatch(queue(0, 0, 0), POLICY, NOW)).toBe(3);
    expect(closeBatch(queue(0, 0, 0, 0), POLICY, NOW)).toBe(3);
  });

  test('when the first one has waited long enough, with all that came meanwhile', () => {
    expect(closeBatch(queue(4_999, 0), POLICY, NOW)).toBe(0);
    expect(closeBatch(queue(5_000, 0), POLICY, NOW)).toBe(2);
    expect(closeBatch(queue(60_000), POLICY, NOW)).toBe(1);
  });

  test('at once where nothing is to be waited for', () => {
    expect(closeBatch(queue(0), { ...POLICY, waitMs: 0 }, NOW)).toBe(1);
  });
});
