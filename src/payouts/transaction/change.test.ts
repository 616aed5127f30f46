import { describe, expect, test } from 'vitest';
import {
  ADA,
  build,
  exactFee,
  OTHER_TOKEN,
  output,
  payee,
  request,
  TOKEN,
} from '../../../test/support/built.js';
import { buildTransaction } from './build.js';

describe('change', () => {
  test('comes in pieces, as many as the wallet lacks', () => {
    const { change } = build({
      candidates: [output(1, 50_000n * ADA), output(2, 200n * ADA), output(3, 40_000n * ADA)],
      payees: [payee(1, 45_000n * ADA)],
      spareOutputs: 10,
    });
    expect(change).toHaveLength(8);
    expect(change.every(({ lovelace }) => lovelace > 600n * ADA)).toBe(true);
  });

  test('never comes in pieces that pay for little', () => {
    const { change } = build({
      candidates: [output(1, 450n * ADA)],
      payees: [payee(1, 100n * ADA)],
      spareOutputs: 30,
    });
    expect(change).toHaveLength(3);
  });

  test('keeps tokens apart from ADA, and in bundles that could be spent again', () => {
    const tokens = Array.from(
      { length: 45 },
      (_, i) => [OTHER_TOKEN + i.toString(16).padStart(2, '0'), 3n] as const,
    );
    const { change } = build({
      candidates: [output(1, 900n * ADA, { assets: new Map([[TOKEN, 9n], ...tokens]) })],
      payees: [payee(1, 2n * ADA, { assets: new Map([[TOKEN, 8n]]) })],
    });
    expect(change.map(({ assets }) => assets.size)).toEqual([0, 20, 20, 6]);
  });

  test('holds no more of a token than an output can, whatever is merged', () => {
    const assets = new Map([[TOKEN, 2n ** 63n - 1n]]);
    const { change } = build({
      candidates: [1, 2, 3].map((seed) => output(seed, 50n * ADA, { assets })),
      extent: 'sweep',
    });
    const quantities = change.map((one) => one.assets.get(TOKEN) ?? 0n);
    expect(quantities.reduce((sum, quantity) => sum + quantity)).toBe(3n * (2n ** 63n - 1n));
    expect(quantities.every((quantity) => quantity <= 2n ** 62n)).toBe(true);
  });

  test('goes to the fee only where it is too little to keep and nothing can be added', () => {
    const payees = [payee(1, 10n * ADA)];
    const tight = output(1, 10n * ADA + 500_000n);
    const alone = build({ candidates: [tight], payees });
    expect(alone.change).toEqual([]);
    expect(alone.fee).toBe(500_000n);
    const joined = build({ candidates: [tight, output(2, 9n * ADA)], payees, anchor: tight });
    expect(joined.change).toHaveLength(1);
    expect(joined.fee).toBe(exactFee(joined));
  });

  test('is exact where one lovelace more would need a wider integer', () => {
    for (let offset = -300n; offset <= 300n; offset += 1n) {
      const lovelace = 2n ** 32n + 10n * ADA + 170_000n + offset;
      const asked = request({ candidates: [output(1, lovelace)], payees: [payee(1, 10n * ADA)] });
      const result = buildTransaction(asked);
      if (!result.ok) throw new Error('not built');
      expect(result.transaction.fee).toBe(exactFee(result.transaction));
    }
  });
});
