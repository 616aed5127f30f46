import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstOf, lovelaceOf, makePile, type Taken } from './coin-piles.js';
import type { WalletOutput } from './transaction.js';

const output = (lovelace: bigint, seed: number): WalletOutput => ({
  reference: `${seed.toString(16).padStart(64, '0')}#0`,
  lovelace,
  assets: new Map(),
  hasScript: false,
  chainDepth: 0,
});

test('the first of many are those that sorting all would give', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(50), { maxLength: 200 }),
      fc.integer({ min: 1, max: 9 }),
      (all, n) => {
        const order = (a: number, b: number): number => a - b;
        expect(firstOf(all, order, n)).toEqual(all.toSorted(order).slice(0, n));
      },
    ),
  );
});

describe('a pile', () => {
  const amounts = [5n, 900n, 40n, 2n ** 53n + 1n, 2n ** 53n, 300n, 40n];
  const members = amounts.map(output);
  const nothing = (): Taken => ({ references: new Set(), largest: new Map() });
  const amountFor = (enough: bigint, plenty: bigint, taken = nothing()) =>
    makePile(members, lovelaceOf, 3).next(taken, enough, plenty)?.lovelace;

  test('gives the smallest that leaves enough', () => {
    expect(amountFor(30n, 40n)).toBe(40n);
    expect(amountFor(30n, 41n)).toBe(300n);
    expect(amountFor(2n ** 53n, 2n ** 53n)).toBe(2n ** 53n);
    expect(amountFor(2n ** 53n, 2n ** 53n + 1n)).toBe(2n ** 53n + 1n);
  });

  test('gives the largest where none leaves that much, or none is enough', () => {
    expect(amountFor(2n ** 53n, 2n ** 60n)).toBe(2n ** 53n + 1n);
    expect(amountFor(2n ** 60n, 2n ** 60n)).toBe(2n ** 53n + 1n);
  });

  test('gives nothing twice, and ends', () => {
    const pile = makePile(members, lovelaceOf, members.length);
    const taken = nothing();
    const given: bigint[] = [];
    for (;;) {
      const next = pile.next(taken, 2n ** 60n, 2n ** 60n);
      if (next === undefined) break;
      taken.references.add(next.reference);
      given.push(next.lovelace);
    }
    expect(given).toEqual(amounts.toSorted((a, b) => (a > b ? -1 : 1)));
    expect(pile.next(nothing(), 40n, 40n)?.lovelace).toBe(40n);
  });
});
