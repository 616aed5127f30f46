import { describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import {
  ADA,
  build,
  exactFee,
  hex64,
  output,
  payee,
  problemOf,
  request,
  TOKEN,
} from '../../../test/support/built.js';
import { signForTest, TEST_WALLET } from '../../../test/support/payout-wallet.js';
import { judgeTransaction, readBySecondLibrary } from '../../../test/support/second-opinion.js';
import { USUAL_PARAMETERS } from '../../chain/protocol-parameters.js';
import { buildTransaction } from './build.js';
import type { UnsignedTransaction } from './transaction.js';

describe('a transaction', () => {
  test('pays in order, gives the rest back and costs what the ledger asks for', () => {
    const transaction = build({
      candidates: [output(1, 1000n * ADA)],
      payees: [payee(1, 10n * ADA), payee(2, 20n * ADA)],
    });
    expect(transaction.payees.map(({ payoutId }) => payoutId)).toEqual([
      payee(1, ADA).payoutId,
      payee(2, ADA).payoutId,
    ]);
    expect(transaction.change).toHaveLength(1);
    expect(transaction.fee).toBe(exactFee(transaction));
  });

  test('with 180 payees fits, and with more as many as there is room for', () => {
    const payees = Array.from({ length: 250 }, (_, i) => payee(i, 5n * ADA));
    const candidates = [output(1, 10_000n * ADA)];
    expect(build({ candidates, payees: payees.slice(0, 180), extent: 'all' }).payees).toHaveLength(
      180,
    );
    const most = build({ candidates, payees });
    expect(most.payees).toEqual(
      payees.slice(0, most.payees.length).map((one, outputIndex) => ({ ...one, outputIndex })),
    );
    const room = USUAL_PARAMETERS.transactionBytesMax - most.bytes;
    expect(room).toBeLessThan(1 + 2 + 57 + 5 + 1 + 17);
    expect(problemOf({ candidates, payees, extent: 'all' })).toMatchObject({ type: 'too_large' });
  });

  test('pays as many, from the first on, as the funds suffice for', () => {
    const candidates = [output(1, 35n * ADA)];
    const payees = [payee(1, 10n * ADA), payee(2, 20n * ADA), payee(3, 10n * ADA)];
    expect(build({ candidates, payees }).payees).toHaveLength(2);
    expect(problemOf({ candidates, payees, extent: 'all' })).toMatchObject({
      type: 'too_little_funds',
    });
  });

  test('says how much is missing even for the first, and with so much more pays it', () => {
    const given = { payees: [payee(1, 10n * ADA)], candidates: [output(1, 9n * ADA)] };
    const problem = problemOf(given);
    if (problem?.type !== 'too_little_funds') throw new Error('it was paid');
    const missing = problem.missing.get('lovelace') ?? 0n;
    expect(build({ ...given, candidates: [output(1, 9n * ADA + missing)] }).payees).toHaveLength(1);
    expect(problemOf({ payees: given.payees })).toMatchObject({ type: 'too_little_funds' });
  });

  test('names the first payee whose own output is impossible', () => {
    const candidates = [output(1, 1000n * ADA)];
    const poor = payee(2, 969_749n);
    expect(problemOf({ candidates, payees: [payee(1, 2n * ADA), poor] })).toEqual({
      type: 'output_below_minimum',
      payoutId: poor.payoutId,
      minimum: 969_750n,
    });
    expect(build({ candidates, payees: [payee(2, 969_750n)] }).payees).toHaveLength(1);
    const crowd = new Map(
      Array.from({ length: 200 }, (_, i) => [TOKEN.slice(0, 56) + hex64(i), 1n] as const),
    );
    expect(problemOf({ candidates, payees: [payee(3, 50n * ADA, { assets: crowd })] })).toEqual({
      type: 'output_too_large',
      payoutId: payee(3, ADA).payoutId,
    });
  });

  test('is refused by both judges with a lovelace less of fee, or signed over other bytes', () => {
    const transaction = build({ candidates: [output(1, 50n * ADA)], payees: [payee(1, 2n * ADA)] });
    const signed = Buffer.from(signForTest(transaction));
    const resolved = transaction.inputs.map((input) => ({ ...input, address: TEST_WALLET }));
    const fee = Buffer.from(`021a${transaction.fee.toString(16).padStart(8, '0')}`, 'hex');
    const less = Buffer.from(signed);
    less.writeUInt32BE(Number(transaction.fee) - 1, signed.indexOf(fee) + 2);
    expect(judgeTransaction(less, resolved, 1)).toMatchObject({ ok: false });
    expect(judgeTransaction(signed, resolved, 100_000)).toMatchObject({ ok: false });
    expect(judgeTransaction(signed, [], 1)).toMatchObject({ ok: false });
    expect(judgeTransaction(Buffer.from('84a0', 'hex'), resolved, 1)).toMatchObject({ ok: false });
  });

  test('refuses amounts that the library would turn into huge ones', () => {
    const candidates = [output(1, 50n * ADA)];
    expect(() => problemOf({ candidates, payees: [payee(1, -1n)] })).toThrow(RangeError);
    const assets = new Map([[TOKEN, -1n]]);
    expect(() => problemOf({ candidates, payees: [payee(1, ADA, { assets })] })).toThrow(
      RangeError,
    );
  });

  test('pays addresses of every kind', () => {
    const byron = 'Ae2tdPwUPEZFRbyhz3cpfC2CumGzNkFBN2L42rcUc2yjQpEkxDbkPodpMAi';
    const payees = [byron, enterpriseAddress(3)].map((address, i) =>
      payee(i, 3n * ADA, { address }),
    );
    const candidates = [output(1, 50n * ADA)];
    const result = buildTransaction(request({ candidates, payees: payees.slice(1) }));
    expect(result.ok).toBe(true);
    const toByron = buildTransaction(request({ candidates, payees: payees.slice(0, 1) }));
    if (!toByron.ok) throw new Error('not built');
    expect(readBySecondLibrary(signForByron(toByron.transaction)).outputs[0]?.address).toBe(byron);
  });
});

/** The test network's reader refuses mainnet addresses, so this one stays unsigned. */
const signForByron = ({ cbor }: UnsignedTransaction): Uint8Array => Buffer.from(cbor, 'hex');

describe('a sweep', () => {
  test('spends all that it is given, and pays the wallet', () => {
    const candidates = Array.from({ length: 60 }, (_, i) => output(i, BigInt(i + 1) * ADA));
    const [anchor = null, ...rest] = candidates;
    const transaction = build({ anchor, candidates: rest, extent: 'sweep', spareOutputs: 4 });
    expect(transaction.inputs).toHaveLength(60);
    expect(transaction.payees).toEqual([]);
    expect(transaction.change).toHaveLength(4);
    expect(transaction.anchor).toBe(anchor?.reference);
  });

  test('pays for scripts in what it spends as if they were as large as can be', () => {
    const candidates = [output(1, 50n * ADA, { hasScript: true }), output(2, 90n * ADA)];
    const transaction = build({ candidates, extent: 'sweep' });
    expect(transaction.inputs).toHaveLength(2);
    expect(transaction.fee - exactFee(transaction)).toBe(15n * 16_384n);
    const many = Array.from({ length: 60 }, (_, i) => output(i, 9n * ADA, { hasScript: true }));
    const { fee } = build({ candidates: many, extent: 'sweep' });
    expect(fee).toBeGreaterThan(6n * ADA);
    expect(fee).toBeLessThan(7n * ADA);
  });

  test('says so where it is more than a transaction holds, or less than the fee', () => {
    const candidates = Array.from({ length: 500 }, (_, i) => output(i, ADA));
    expect(problemOf({ candidates, extent: 'sweep' })).toMatchObject({ type: 'too_large' });
    expect(problemOf({ candidates: [output(1, ADA)], extent: 'sweep' })).toMatchObject({
      type: 'too_little_funds',
    });
  });
});

test('five hundred transactions leave no memory behind', () => {
  const payees = Array.from({ length: 60 }, (_, i) => payee(i, 5n * ADA));
  const asked = request({ candidates: [output(1, 10_000n * ADA)], payees, spareOutputs: 10 });
  const buildMany = (count: number) => {
    for (let i = 0; i < count; i += 1) buildTransaction(asked);
  };
  buildMany(100);
  const before = process.memoryUsage();
  buildMany(500);
  const after = process.memoryUsage();
  const grown = after.rss - after.heapTotal - (before.rss - before.heapTotal);
  expect(grown / 2 ** 20).toBeLessThan(25);
});
