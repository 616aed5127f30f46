import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { enterpriseAddress, longAddress } from '../../test/support/addresses.js';
import { signForTest, TEST_NETWORK, TEST_WALLET } from '../../test/support/payout-wallet.js';
import { judgeTransaction, readBySecondLibrary } from '../../test/support/second-opinion.js';
import { type OutputReference, outputReference } from '../chain/block.js';
import type { Slot } from '../chain/point.js';
import { USUAL_PARAMETERS } from '../chain/protocol-parameters.js';
import { buildTransaction } from './build.js';
import { readPayoutMetadata } from './metadata.js';
import type {
  Payee,
  TransactionRequest,
  UnsignedTransaction,
  WalletOutput,
} from './transaction.js';

const ADA = 1_000_000n;
const TOKEN = `${'aa'.repeat(28)}746f6b656e`;
const OTHER_TOKEN = 'bb'.repeat(28);
const NOTHING = new Map<string, bigint>();

const hex64 = (seed: number): string => seed.toString(16).padStart(64, '0');
const reference = (seed: number, index = 0): OutputReference => outputReference(hex64(seed), index);

const output = (
  seed: number,
  lovelace: bigint,
  more: Partial<WalletOutput> = {},
): WalletOutput => ({
  reference: reference(seed),
  lovelace,
  assets: NOTHING,
  hasScript: false,
  chainDepth: 0,
  ...more,
});

const payee = (seed: number, lovelace: bigint, more: Partial<Payee> = {}): Payee => ({
  payoutId: seed.toString(16).padStart(32, '0'),
  address: longAddress(seed),
  lovelace,
  assets: NOTHING,
  ...more,
});

const request = (given: Partial<TransactionRequest>): TransactionRequest => ({
  network: TEST_NETWORK,
  wallet: TEST_WALLET,
  parameters: USUAL_PARAMETERS,
  invalidHereafter: 100_000 as Slot,
  anchor: null,
  candidates: [],
  payees: [],
  extent: 'fill',
  spareOutputs: 1,
  ...given,
});

/** Builds, and lets nobody go on with what two other libraries don't accept. */
function build(given: Partial<TransactionRequest>): UnsignedTransaction {
  const asked = request(given);
  const result = buildTransaction(asked);
  if (!result.ok) throw new Error(`not built: ${JSON.stringify(result.problem, withBigInts)}`);
  judge(asked, result.transaction);
  return result.transaction;
}

const withBigInts = (_: string, value: unknown): unknown => {
  if (value instanceof Map) return [...(value as Map<unknown, unknown>)];
  return typeof value === 'bigint' ? `${value}n` : value;
};

function judge(asked: TransactionRequest, transaction: UnsignedTransaction): void {
  const signed = signForTest(transaction);
  const resolved = transaction.inputs.map((input) => ({ ...input, address: asked.wallet }));
  expect(judgeTransaction(signed, resolved, asked.invalidHereafter - 1)).toEqual({ ok: true });
  const read = readBySecondLibrary(signed);
  expect(read.id).toBe(transaction.id);
  expect(read.inputs).toEqual(transaction.inputs.map((input) => input.reference));
  expect(read.fee).toBe(transaction.fee);
  expect(read.invalidHereafter).toBe(BigInt(asked.invalidHereafter));
  expect(read.networkId).toBe(asked.network.networkId);
  expect(
    read.outputs.map(({ address, lovelace, assets }) => ({ address, lovelace, assets })),
  ).toEqual([
    ...transaction.payees.map(({ address, lovelace, assets }) => ({ address, lovelace, assets })),
    ...transaction.change.map((change) => ({
      address: asked.wallet,
      lovelace: change.lovelace,
      assets: change.assets,
    })),
  ]);
  const labels = { 8355377: { json: read.metadata[8355377] } };
  expect(readPayoutMetadata(labels)).toEqual({
    anchor: read.inputs.indexOf(transaction.anchor),
    payoutIds: transaction.payees.map(({ payoutId }) => payoutId),
  });
  expect(transaction.bytes).toBe(signed.length - 1);
  expect(transaction.bytes).toBeLessThanOrEqual(asked.parameters.transactionBytesMax);
  expect(transaction.payees.map(({ outputIndex }) => outputIndex)).toEqual(
    transaction.payees.map((_, i) => i),
  );
  expect(transaction.change.map(({ outputIndex }) => outputIndex)).toEqual(
    transaction.change.map((_, i) => transaction.payees.length + i),
  );
}

const problemOf = (given: Partial<TransactionRequest>) => {
  const result = buildTransaction(request(given));
  return result.ok ? null : result.problem;
};

const exactFee = (transaction: UnsignedTransaction): bigint =>
  155_381n + 44n * BigInt(transaction.bytes);

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
