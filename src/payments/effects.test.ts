import { describe, expect, test } from 'vitest';
import type { Block, Transaction } from '../chain/block.js';
import type { Height, Slot } from '../chain/point.js';
import { BooksContradict } from '../sync/contradiction.js';
import type { LinkedBlock } from '../sync/events.js';
import {
  type Books,
  effectsOf,
  effectsOfRollback,
  type PlacedPayment,
  referenceOf,
} from './effects.js';
import { matchBlocks } from './match.js';

const ADA = 1_000_000n;
const NOW = new Date('2026-11-21T08:00:00Z');
const POLICY = {
  tiers: [
    { fromLovelace: 0n, confirmations: 2 },
    { fromLovelace: 1_000n * ADA, confirmations: 3 },
  ],
  minPaymentLovelace: 2n * ADA,
};
const BOOKS: Books = {
  owners: new Map(
    ['ann-1', 'ann-2', 'bob'].map((address) => [
      address,
      {
        address,
        userId: address.split('-')[0] ?? '',
        referenceType: 'order',
        referenceId: address,
      },
    ]),
  ),
  hotWallet: 'hot',
  recorded: new Map(),
  rolledBack: new Map(),
  due: [],
  confirmationsHeld: false,
};

const hash = (n: number): string => n.toString(16).padStart(64, '0');
const pay = (id: number, ...outputs: [address: string, lovelace: bigint][]): Transaction => ({
  id: hash(id),
  spends: [],
  outputs: outputs.map(([address, lovelace], index) => ({
    index,
    address,
    value: { lovelace, assets: new Map() },
    hasScript: false,
  })),
  labels: undefined,
  invalidHereafter: null,
});
const block = (height: number, ...transactions: Transaction[]): LinkedBlock<Block> => {
  const point = { slot: (height * 20) as Slot, id: hash(1000 + height) };
  const header = { type: 'praos', era: 'conway', ancestor: hash(999 + height) } as const;
  return {
    point,
    slot: point.slot,
    block: { ...header, ...point, height: height as Height, transactions },
  };
};
const run = (blocks: LinkedBlock<Block>[], books: Books = BOOKS) => {
  const everything = { mayBeWatched: () => true, mayBeRecorded: () => true };
  return effectsOf(blocks, matchBlocks(blocks, everything), books, POLICY, NOW);
};
const told = (effects: { events: readonly { type: string; view: { txHash: string } }[] }) =>
  effects.events.map((event) => `${event.type} ${Number.parseInt(event.view.txHash, 16)}`);

describe('what blocks mean', () => {
  test('a deposit is pending, then confirmed at its depth, also within one run', () => {
    const effects = run([block(10, pay(1, ['bob', 5n * ADA])), block(11), block(12)]);
    expect(effects.payments.map((p) => [p.status, p.requiredConfirmations])).toEqual([
      ['confirmed', 2],
    ]);
    expect(told(effects)).toEqual(['payment.detected 1', 'payment.confirmed 1']);
    expect(effects.events.map((event) => event.view.confirmations)).toEqual([1, 2]);
  });

  test("the tier is that of all the user's payments in the block, over addresses and transactions", () => {
    const [a, b, c] = run([
      block(10, pay(1, ['ann-1', 600n * ADA], ['bob', 600n * ADA]), pay(2, ['ann-2', 400n * ADA])),
    ]).payments;
    expect([a, b, c].map((p) => [p?.address, p?.requiredConfirmations])).toEqual([
      ['ann-1', 3],
      ['bob', 2],
      ['ann-2', 3],
    ]);
  });

  test('dust is recorded, credited to nobody, told to nobody, and lifts no tier', () => {
    const effects = run([block(10, pay(1, ['bob', 2n * ADA - 1n], ['bob', 1_000n * ADA - 1n]))]);
    expect(effects.payments.map((p) => [p.status, p.requiredConfirmations])).toEqual([
      ['ignored', 2],
      ['pending', 2],
    ]);
    expect(effects.entries.map((entry) => entry.amount)).toEqual([1_000n * ADA - 1n]);
    expect(told(effects)).toEqual(['payment.detected 1']);
  });

  test('what the hot wallet receives is tracked and is no payment', () => {
    const effects = run([block(10, pay(1, ['hot', 5n * ADA]))]);
    expect(effects.payments).toEqual([]);
    expect(effects.walletOutputs.map((hit) => hit.output.address)).toEqual(['hot']);
  });

  test('an address that nobody owns (a false hit) is nothing', () => {
    const effects = run([block(10, pay(1, ['stranger', 5n * ADA]))]);
    expect([effects.payments, effects.walletOutputs, effects.events]).toEqual([[], [], []]);
  });

  test('an output created and spent in one block is recorded as spent', () => {
    const sweep = { ...pay(2), spends: [`${hash(1)}#0`] };
    const effects = run([block(10, pay(1, ['bob', 5n * ADA]), sweep)]);
    expect(effects.payments.map((p) => p.spentBy)).toEqual([hash(2)]);
    expect(effects.spends).toEqual([{ reference: `${hash(1)}#0`, spentBy: hash(2), height: 10 }]);
  });

  test('a payment that was rolled back comes again as its next inclusion, detected when it was', () => {
    const [first] = run([block(10, pay(1, ['bob', 5n * ADA]))]).payments;
    const before = { ...first!, status: 'rolled_back', detectedAt: new Date(5) } as PlacedPayment;
    const recorded = new Map([[referenceOf(before), before]]);
    const effects = run([block(12, pay(1, ['bob', 5n * ADA]))], { ...BOOKS, recorded });
    expect(effects.payments).toMatchObject([
      { inclusion: 2, blockHeight: 12, detectedAt: new Date(5) },
    ]);
    expect(effects.events[0]?.key).toBe(`payment.detected:${hash(1)}#0:2`);
  });

  test('an output that is recorded and live can not come again: that is an error, not a credit', () => {
    const [live] = run([block(10, pay(1, ['bob', 5n * ADA]))]).payments;
    const recorded = new Map([[referenceOf(live!), live!]]);
    expect(() => run([block(11, pay(1, ['bob', 5n * ADA]))], { ...BOOKS, recorded })).toThrow(
      BooksContradict,
    );
  });

  test('a rollback undoes the newest first, and tells what was told before', () => {
    const { payments } = run([
      block(10, pay(1, ['bob', 5n * ADA])),
      block(11, pay(2, ['bob', 1n]), pay(3, ['bob', 7n * ADA])),
    ]);
    const undone = effectsOfRollback(payments, 9);
    expect(told(undone)).toEqual(['payment.rolled_back 3', 'payment.rolled_back 1']);
    expect(undone.entries.map(({ bucket, type, amount }) => [bucket, type, amount])).toEqual([
      ['pending', 'debit', 7n * ADA],
      ['available', 'debit', 5n * ADA],
    ]);
    expect(undone.events[0]?.view).toMatchObject({
      status: 'rolled_back',
      blockHash: null,
      confirmations: 0,
    });
  });
});
