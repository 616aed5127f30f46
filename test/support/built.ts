import { expect } from 'vitest';
import { type OutputReference, outputReference } from '../../src/chain/block.js';
import type { Slot } from '../../src/chain/point.js';
import { USUAL_PARAMETERS } from '../../src/chain/protocol-parameters.js';
import { buildTransaction } from '../../src/payouts/transaction/build.js';
import { readPayoutMetadata } from '../../src/payouts/transaction/metadata.js';
import type {
  Payee,
  TransactionRequest,
  UnsignedTransaction,
  WalletOutput,
} from '../../src/payouts/transaction/transaction.js';
import { longAddress } from './addresses.js';
import { signForTest, TEST_NETWORK, TEST_WALLET } from './payout-wallet.js';
import { judgeTransaction, readBySecondLibrary } from './second-opinion.js';

export const ADA = 1_000_000n;
export const TOKEN = `${'aa'.repeat(28)}746f6b656e`;
export const OTHER_TOKEN = 'bb'.repeat(28);
export const NOTHING = new Map<string, bigint>();

export const hex64 = (seed: number): string => seed.toString(16).padStart(64, '0');
export const reference = (seed: number, index = 0): OutputReference =>
  outputReference(hex64(seed), index);

export const output = (
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

export const payee = (seed: number, lovelace: bigint, more: Partial<Payee> = {}): Payee => ({
  payoutId: seed.toString(16).padStart(32, '0'),
  address: longAddress(seed),
  lovelace,
  assets: NOTHING,
  ...more,
});

export const request = (given: Partial<TransactionRequest>): TransactionRequest => ({
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
export function build(given: Partial<TransactionRequest>): UnsignedTransaction {
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

export function judge(asked: TransactionRequest, transaction: UnsignedTransaction): void {
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

export const problemOf = (given: Partial<TransactionRequest>) => {
  const result = buildTransaction(request(given));
  return result.ok ? null : result.problem;
};

export const exactFee = (transaction: UnsignedTransaction): bigint =>
  155_381n + 44n * BigInt(transaction.bytes);
