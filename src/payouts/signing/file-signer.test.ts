import { describe, expect, test } from 'vitest';
import { enterpriseAddress, longAddress } from '../../../test/support/addresses.js';
import { judgeTransaction, readBySecondLibrary } from '../../../test/support/second-opinion.js';
import { POLICY, PREPROD, testKey, WALLET } from '../../../test/support/unsigned.js';
import type { Slot } from '../../chain/point.js';
import { USUAL_PARAMETERS } from '../../chain/protocol-parameters.js';
import { makeAddress } from '../../devnet/address.js';
import { buildTransaction } from '../transaction/build.js';
import type {
  Payee,
  TransactionRequest,
  UnsignedTransaction,
  WalletOutput,
} from '../transaction/transaction.js';
import { createFileSigner, holdKey } from './file-signer.js';

const BOUND = 100_000 as Slot;
const never = new AbortController().signal;

const coin = (seed: number, assets = new Map<string, bigint>()): WalletOutput => ({
  reference: `${seed.toString(16).padStart(64, '0')}#${seed % 3}`,
  lovelace: 50_000_000n,
  assets,
  hasScript: false,
  chainDepth: 0,
});
const payee = (seed: number, given: Partial<Payee> = {}): Payee => ({
  payoutId: seed.toString(16).padStart(32, '0'),
  address: longAddress(seed),
  lovelace: 2_000_000n,
  assets: new Map(),
  ...given,
});
const many = <T>(count: number, make: (seed: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index + 1));

function build(given: Partial<TransactionRequest>): UnsignedTransaction {
  const result = buildTransaction({
    network: PREPROD,
    wallet: WALLET,
    parameters: USUAL_PARAMETERS,
    invalidHereafter: BOUND,
    anchor: null,
    candidates: many(20, (seed) => coin(seed)),
    payees: [],
    extent: 'fill',
    spareOutputs: 3,
    ...given,
  });
  if (!result.ok) throw new Error(`not built: ${result.problem.type}`);
  return result.transaction;
}

const KINDS = ['base', 'base-script', 'pointer', 'enterprise', 'script', 'byron'] as const;

describe('a transaction as the builder makes it, signed', () => {
  test.each<[string, Partial<TransactionRequest>]>([
    ['of one payout', { payees: [payee(1)] }],
    ['of as many as fit', { payees: many(250, (seed) => payee(seed)) }],
    [
      'to addresses of every kind',
      {
        payees: KINDS.map((kind, index) =>
          payee(index + 1, { address: makeAddress(kind, 1, Buffer.alloc(28, index)) }),
        ),
      },
    ],
    [
      'with tokens',
      {
        candidates: many(9, (seed) => coin(seed, new Map([[`${POLICY}4${seed}`, 10n ** 12n]]))),
        payees: many(9, (seed) => payee(seed, { assets: new Map([[`${POLICY}4${seed}`, 7n]]) })),
      },
    ],
    ['of the wallet to itself', { anchor: coin(1), candidates: [], extent: 'all' }],
  ])('%s is what the ledger takes, in as many bytes as were paid for', async (_, given) => {
    const transaction = build({ ...given });
    const signer = createFileSigner(holdKey(testKey()), { network: PREPROD, wallet: WALLET });
    const signed = await signer.sign(transaction, never);
    const resolved = transaction.inputs.map((input) => ({ ...input, address: WALLET }));
    expect(judgeTransaction(signed, resolved, BOUND - 1)).toEqual({ ok: true });
    expect(readBySecondLibrary(signed).id).toBe(transaction.id);
    expect(signed.length - 1).toBe(transaction.bytes);
    await signer.close();
  });

  test('is refused for another wallet', async () => {
    const wallet = { network: PREPROD, wallet: enterpriseAddress(9) };
    const signer = createFileSigner(holdKey(testKey()), wallet);
    await expect(signer.sign(build({ payees: [payee(1)] }), never)).rejects.toThrow('output 1');
  });
});
