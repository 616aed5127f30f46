import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ADA,
  exactFee,
  judge,
  NOTHING,
  OTHER_TOKEN,
  output,
  payee,
  reference,
  request,
  TOKEN,
} from '../../../test/support/built.js';
import { buildTransaction } from './build.js';

describe('whatever the wallet holds and whoever is paid', () => {
  const lovelace = fc.oneof(
    fc.bigInt(1_000_000n, 3_000_000n),
    fc.bigInt(1_000_000n, 500_000_000n),
    fc.bigInt(4_290_000_000n, 4_300_000_000n),
    fc.bigInt(1_000_000n, 60_000_000_000_000n),
  );
  const tokens = fc
    .uniqueArray(
      fc.tuple(fc.constantFrom(TOKEN, OTHER_TOKEN, 'cc'.repeat(60)), fc.bigInt(1n, 300n)),
      {
        selector: ([unit]) => unit,
        maxLength: 2,
      },
    )
    .map((entries) => new Map(entries));
  const someTokens = fc.oneof(
    { weight: 4, arbitrary: fc.constant(NOTHING) },
    { weight: 1, arbitrary: tokens },
  );
  const wallet = fc
    .array(fc.tuple(lovelace, someTokens, fc.nat(2), fc.nat(400)), { minLength: 1, maxLength: 40 })
    .map((list) =>
      list.map(([amount, assets, chainDepth, index], i) =>
        output(i * 7919, amount + (assets.size > 0 ? ADA : 0n), {
          assets,
          chainDepth,
          reference: reference(((i * 7919) % 97) * 1000 + i, index),
        }),
      ),
    );
  const payees = fc
    .array(fc.tuple(fc.bigInt(2n * ADA, 900n * ADA), someTokens), { minLength: 1, maxLength: 60 })
    .map((list) => list.map(([amount, assets], i) => payee(i, amount, { assets })));

  test('the transaction is right, to the lovelace and the byte, and always the same', () => {
    let built = 0;
    fc.assert(
      fc.property(
        wallet,
        payees,
        fc.boolean(),
        fc.constantFrom('fill', 'all', 'sweep'),
        fc.nat(30),
        (candidates, paid, hasAnchor, extent, spareOutputs) => {
          const asked = request({
            candidates,
            anchor: hasAnchor ? (candidates[0] ?? null) : null,
            payees: extent === 'sweep' ? [] : paid,
            extent,
            spareOutputs,
          });
          const result = buildTransaction(asked);
          expect(buildTransaction(asked)).toEqual(result);
          if (!result.ok) return;
          built += 1;
          const { transaction } = result;
          judge(asked, transaction);
          expect(new Set(transaction.inputs).size).toBe(transaction.inputs.length);
          expect(transaction.inputs.map((one) => one.reference)).toContain(transaction.anchor);
          if (asked.anchor !== null) expect(transaction.anchor).toBe(asked.anchor.reference);
          if (extent === 'all') expect(transaction.payees).toHaveLength(paid.length);
          if (extent === 'sweep') expect(transaction.inputs).toHaveLength(candidates.length);
          const given = transaction.fee - exactFee(transaction);
          expect(given).toBeGreaterThanOrEqual(0n);
          if (transaction.change.length > 0) expect(given).toBe(0n);
          else expect(given).toBeLessThan(ADA);
        },
      ),
      { numRuns: 60 },
    );
    expect(built).toBeGreaterThan(20);
  });

  test('nothing is refused that could be paid in whole', () => {
    fc.assert(
      fc.property(wallet, payees, (candidates, paid) => {
        const all = buildTransaction(request({ candidates, payees: paid, extent: 'all' }));
        const most = buildTransaction(request({ candidates, payees: paid }));
        if (all.ok) expect(most).toEqual(all);
        if (most.ok) return;
        const first = request({ candidates, payees: paid.slice(0, 1), extent: 'all' });
        expect(buildTransaction(first).ok).toBe(false);
      }),
      { numRuns: 40 },
    );
  });
});
