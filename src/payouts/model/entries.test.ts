import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { QUEUED_PAYOUT } from '../../../test/support/sample-payout.js';
import { type Delta, deltasOf, type Entry } from '../../payments/ledger.js';
import {
  entriesOfHold,
  entriesOfPayoutConfirmation,
  entriesOfPayoutRollback,
  entriesOfRelease,
} from './entries.js';
import type { Payout } from './payout.js';

const UNIT = 'ab'.repeat(28);
const PAYOUT: Payout = {
  ...QUEUED_PAYOUT,
  assets: new Map([[UNIT, 7n]]),
  feeLovelace: 170_000n,
};

/** Any payout of a user, with a fee below, at and above what was held for it. */
const anyPayout: fc.Arbitrary<Payout> = fc
  .record({
    amountLovelace: fc.bigInt({ min: 1n, max: 10n ** 15n }),
    quantity: fc.bigInt({ min: 0n, max: 2n ** 63n }),
    heldFee: fc.constantFrom(0n, 1n, 170_000n, 200_000n),
    feeLovelace: fc.option(fc.constantFrom(0n, 1n, 169_999n, 170_000n, 200_000n, 900_000n)),
    turn: fc.nat(3),
  })
  .map(({ quantity, ...rest }) => ({
    ...PAYOUT,
    ...rest,
    assets: quantity === 0n ? new Map() : new Map([[UNIT, quantity]]),
  }));

/** What a user would bear: what was held for the fee at most. */
const borne = ({ heldFee, feeLovelace }: Payout): bigint =>
  feeLovelace === null || feeLovelace > heldFee ? heldFee : feeLovelace;

type Change = Pick<Delta, 'available' | 'held' | 'pending'>;
const NOTHING: Change = { available: 0n, held: 0n, pending: 0n };
const changeOf = (entries: readonly Entry[], unit: string): Change => {
  const found = deltasOf(entries).find((delta) => delta.unit === unit);
  const { available, held, pending } = found ?? NOTHING;
  return { available, held, pending };
};
const lovelace = (entries: readonly Entry[]): Change => changeOf(entries, 'lovelace');
const token = (entries: readonly Entry[]): Change => changeOf(entries, UNIT);
const always = (holds: (payout: Payout) => void): void =>
  fc.assert(fc.property(anyPayout, holds), { seed: 1 });

describe('the ledger of a payout', () => {
  test('holds the amount and the estimated fee in front of the user’s eyes', () => {
    const told = entriesOfHold(PAYOUT).map((one) => [one.bucket, one.type, one.unit, one.amount]);
    expect(told).toEqual([
      ['available', 'debit', 'lovelace', 5_200_000n],
      ['available', 'debit', UNIT, 7n],
      ['held', 'credit', 'lovelace', 5_200_000n],
      ['held', 'credit', UNIT, 7n],
    ]);
  });

  test('comes to the amount and the fee borne, however it is paid', () => {
    always((payout) => {
      const all = [...entriesOfHold(payout), ...entriesOfPayoutConfirmation(payout)];
      const paid = payout.amountLovelace + borne(payout);
      expect(lovelace(all)).toEqual({ available: -paid, held: 0n, pending: 0n });
      const quantity = payout.assets.get(UNIT) ?? 0n;
      expect(token(all)).toEqual({ available: -quantity, held: 0n, pending: 0n });
    });
  });

  test('releases exactly what was held', () => {
    always((payout) => {
      const all = [...entriesOfHold(payout), ...entriesOfRelease(payout)];
      expect([lovelace(all), token(all)]).toEqual([NOTHING, NOTHING]);
    });
  });

  test('takes a confirmation back to exactly what was held before it', () => {
    always((payout) => {
      const all = [...entriesOfPayoutConfirmation(payout), ...entriesOfPayoutRollback(payout)];
      expect([lovelace(all), token(all)]).toEqual([NOTHING, NOTHING]);
    });
  });

  test('comes to the same after any number of rollbacks', () => {
    fc.assert(
      fc.property(anyPayout, fc.nat(3), (payout, times) => {
        const again = Array.from({ length: times }, () => [
          ...entriesOfPayoutRollback(payout),
          ...entriesOfPayoutConfirmation(payout),
        ]).flat();
        const once = [...entriesOfHold(payout), ...entriesOfPayoutConfirmation(payout)];
        expect(deltasOf([...once, ...again])).toEqual(deltasOf(once));
      }),
      { seed: 1 },
    );
  });

  test('lets nobody bear more of a fee than was held for it', () => {
    const dear = { ...PAYOUT, feeLovelace: 900_000n };
    const fees = entriesOfPayoutConfirmation(dear).filter((one) => one.reason === 'payout_fee');
    expect(fees.map((one) => one.amount)).toEqual([200_000n]);
  });

  test('has an entry of its own for each amount: none is zero, none has another’s key', () => {
    always((payout) => {
      const all = [
        ...entriesOfHold(payout),
        ...entriesOfPayoutConfirmation(payout),
        ...entriesOfPayoutRollback(payout),
      ];
      const keys = all.map((one) => [one.unit, one.bucket, one.type, one.reason].join());
      expect(new Set(keys).size).toBe(all.length);
      expect(all.filter((one) => one.amount <= 0n)).toEqual([]);
      for (const one of all) expect(one.cause).toEqual({ payoutId: payout.id, turn: payout.turn });
    });
  });

  test('has nothing of the treasury’s', () => {
    const treasury = { ...PAYOUT, userId: null };
    const all = [
      entriesOfHold,
      entriesOfRelease,
      entriesOfPayoutConfirmation,
      entriesOfPayoutRollback,
    ].flatMap((entriesOf) => entriesOf(treasury));
    expect(all).toEqual([]);
  });
});
