import { describe, expect, test } from 'vitest';
import { heldOf } from '../model/entries.js';
import type { Payout } from '../model/payout.js';
import { balanceKey, estimatedFee, needsApproval, withinLimits } from './limits.js';

const payout = (id: string, lovelace: bigint, more: Partial<Payout> = {}): Payout => ({
  id,
  status: 'queued',
  destinationAddress: 'addr_test1…',
  amountLovelace: lovelace,
  assets: new Map(),
  userId: 'ann',
  referenceId: null,
  metadata: null,
  turn: 0,
  heldFee: 0n,
  booked: true,
  adopted: false,
  txHash: null,
  feeLovelace: null,
  blockHeight: null,
  failureReason: null,
  createdBy: 'key:shop',
  approvedBy: null,
  createdAt: new Date(0),
  confirmedAt: null,
  ...more,
});
const has = (...amounts: [string, string, bigint][]) =>
  new Map(amounts.map(([user, unit, amount]) => [balanceKey(user, unit), amount]));
const refusedOf = (refused: ReadonlyMap<string, { type: string }>) =>
  Object.fromEntries([...refused].map(([id, { type }]) => [id, type]));

describe('one after the other', () => {
  test('what one takes is gone for the next, and what is refused takes nothing', () => {
    const payouts = [payout('a', 6n), payout('b', 5n), payout('c', 4n), payout('d', 1n)];
    const refused = withinLimits(payouts, has(['ann', 'lovelace', 10n]), 0n, null);
    expect(refusedOf(refused)).toEqual({ b: 'insufficient-balance', d: 'insufficient-balance' });
  });

  test('a payout that lacks one unit takes none of the others', () => {
    const assets = new Map([['tok', 2n]]);
    const payouts = [payout('a', 5n, { assets }), payout('b', 5n)];
    const available = has(['ann', 'lovelace', 5n], ['ann', 'tok', 1n]);
    expect(refusedOf(withinLimits(payouts, available, 0n, null))).toEqual({
      a: 'insufficient-balance',
    });
  });

  test('nobody pays from a balance below zero, and the treasury has none', () => {
    const payouts = [payout('a', 1n), payout('b', 1n, { userId: null })];
    const refused = withinLimits(payouts, has(['ann', 'lovelace', -5n]), 0n, null);
    expect(refusedOf(refused)).toEqual({ a: 'insufficient-balance' });
  });

  test('the limit may be reached and not passed; what lacks balance counts for nothing', () => {
    const treasury = { userId: null };
    const payouts = [
      payout('a', 4n, treasury),
      payout('poor', 3n),
      payout('b', 4n, treasury),
      payout('c', 3n, treasury),
      payout('d', 1n, treasury),
    ];
    expect(refusedOf(withinLimits(payouts, new Map(), 3n, 10n))).toEqual({
      poor: 'insufficient-balance',
      b: 'payout-limit-exceeded',
      d: 'payout-limit-exceeded',
    });
  });
});

test('the estimated fee is held of a user who bears it, and of nobody else', () => {
  const assets = new Map([['tok', 1n]]);
  expect(estimatedFee({ userId: 'ann', assets }, 'user')).toBe(210_000n);
  expect(estimatedFee({ userId: 'ann', assets }, 'treasury')).toBe(0n);
  expect(estimatedFee({ userId: null, assets }, 'user')).toBe(0n);
  expect(heldOf(payout('a', 5n, { heldFee: 2n }))).toEqual([['lovelace', 7n]]);
});

test('approval is needed above the threshold, not at it', () => {
  expect([needsApproval(5n, 5n), needsApproval(6n, 5n), needsApproval(6n, null)]).toEqual([
    false,
    true,
    false,
  ]);
});
