import { describe, expect, test } from 'vitest';
import {
  ADA,
  build,
  NOTHING,
  output,
  payee,
  problemOf,
  reference,
  TOKEN,
} from '../../../test/support/built.js';
import type { OutputReference } from '../../chain/block.js';

describe('the anchor', () => {
  test('is spent by every attempt that was given it, however small it is', () => {
    const anchor = output(9, 2n * ADA, { chainDepth: 3 });
    const transaction = build({
      anchor,
      candidates: [anchor, output(1, 500n * ADA)],
      payees: [payee(1, 10n * ADA)],
    });
    expect(transaction.anchor).toBe(anchor.reference);
    expect(transaction.inputs.map((input) => input.reference)).toContain(anchor.reference);
    expect(transaction.inputs).toHaveLength(2);
  });

  test('is an output in a block where there is one, whatever else is larger', () => {
    const transaction = build({
      candidates: [output(1, 90_000n * ADA, { chainDepth: 1 }), output(2, 5n * ADA)],
      payees: [payee(1, 10n * ADA)],
    });
    expect(transaction.anchor).toBe(reference(2));
  });

  test('is found among inputs in the order of ids and numbers', () => {
    const candidates = [10, 2, 1].map((index) =>
      output(7, 60n * ADA, { reference: reference(7, index) }),
    );
    const transaction = build({ candidates, payees: [payee(1, 150n * ADA)] });
    expect(transaction.inputs.map((input) => input.reference)).toEqual([
      reference(7, 1),
      reference(7, 2),
      reference(7, 10),
    ]);
  });
});

describe('what is spent', () => {
  const coins = [
    output(1, 10_000n * ADA),
    output(2, 500n * ADA),
    output(3, 300n * ADA),
    output(4, 10_000n * ADA, { assets: new Map([[TOKEN, 5n]]) }),
    output(5, 9n * ADA, { assets: new Map([[TOKEN, 70n]]) }),
    output(6, 9000n * ADA, { chainDepth: 1 }),
  ];
  const spentFor = (paid: bigint, tokens = NOTHING): OutputReference[] =>
    build({
      candidates: coins,
      payees: [payee(1, paid, { assets: tokens })],
    }).inputs.map((input) => input.reference);

  test('is one output where one will do, the smallest that leaves a useful change', () => {
    expect(spentFor(150n * ADA)).toEqual([reference(3)]);
    expect(spentFor(250n * ADA)).toEqual([reference(2)]);
    expect(spentFor(600n * ADA)).toEqual([reference(1)]);
  });

  test('bears tokens only where tokens are paid', () => {
    expect(spentFor(2n * ADA, new Map([[TOKEN, 6n]]))).toEqual([reference(5)]);
    expect(spentFor(2n * ADA, new Map([[TOKEN, 3n]]))).toEqual([reference(4)]);
    expect(spentFor(19_000n * ADA)).toEqual([1, 2, 3, 6].map((seed) => reference(seed)));
    expect(spentFor(29_000n * ADA)).toContain(reference(4));
  });

  test('waits for a block only where it must', () => {
    expect(spentFor(10_400n * ADA)).toEqual([reference(1), reference(2)]);
  });

  test('names the token that is missing', () => {
    const payees = [payee(1, 2n * ADA, { assets: new Map([[TOKEN, 80n]]) })];
    expect(problemOf({ candidates: coins, payees })).toEqual({
      type: 'too_little_funds',
      missing: new Map([[TOKEN, 5n]]),
    });
  });

  test('carries no script, whose bytes would have to be paid for', () => {
    const candidates = [output(1, 900n * ADA, { hasScript: true }), output(2, 500n * ADA)];
    const { inputs } = build({ candidates, payees: [payee(1, 2n * ADA)] });
    expect(inputs.map((input) => input.reference)).toEqual([reference(2)]);
  });

  test('is the larger that waits where small ones in blocks take more room than there is', () => {
    const small = Array.from({ length: 600 }, (_, i) => output(100 + i, 2n * ADA));
    const transaction = build({
      candidates: [...small, output(1, 5000n * ADA, { chainDepth: 1 })],
      payees: [payee(1, 1000n * ADA)],
    });
    expect(transaction.inputs.map((input) => input.reference)).toContain(reference(1));
    expect(transaction.inputs.length).toBeLessThan(5);
  });
});
