import { describe, expect, test } from 'vitest';
import { createFingerprintSet } from './fingerprint-set.js';

describe('the fingerprint set', () => {
  test('has no false negatives, through all its growth', () => {
    const set = createFingerprintSet();
    const names = Array.from({ length: 50_000 }, (_, i) => `addr_test1${i.toString(36)}`);
    for (const name of names) set.add(name);
    expect(names.filter((name) => !set.mayHave(name))).toEqual([]);
  });

  test('has few false positives', () => {
    const set = createFingerprintSet();
    for (let i = 0; i < 50_000; i += 1) set.add(`in ${i}`);
    let hits = 0;
    for (let i = 0; i < 50_000; i += 1) if (set.mayHave(`out ${i}`)) hits += 1;
    // 50,000 of 2^32 fingerprints are taken: about 0.6 hits are to be expected.
    expect(hits).toBeLessThan(10);
  });

  test('counts a string once', () => {
    const set = createFingerprintSet();
    set.add('one');
    set.add('one');
    expect(set.size).toBe(1);
    expect(set.mayHave('')).toBe(false);
  });
});
