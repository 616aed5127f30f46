import { describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import {
  addressBytes,
  type Parts,
  POLICY,
  PREPROD,
  unsigned,
  WALLET,
} from '../../../test/support/unsigned.js';
import { makeAddress } from '../../devnet/address.js';
import type { UnsignedTransaction } from '../transaction/transaction.js';
import { checkBody } from './check-body.js';
import { readTransaction } from './read-body.js';

const context = { network: PREPROD, wallet: WALLET };
const check = (transaction: UnsignedTransaction) => checkBody(transaction, context);
const problemOf = (transaction: UnsignedTransaction): string => {
  const result = check(transaction);
  return result.ok ? 'none' : result.problem;
};
const outputsOf = ({ body }: Parts) => body.get(1) as unknown[];

describe('a transaction that says what is claimed', () => {
  test('is read, field by field', () => {
    const transaction = unsigned();
    const result = check(transaction);
    expect(result).toMatchObject({
      ok: true,
      read: {
        id: transaction.id,
        inputs: [`${'0a'.repeat(32)}#0`, `${'0b'.repeat(32)}#1`],
        outputs: [
          { address: enterpriseAddress(1), lovelace: 5_000_000n, assets: new Map() },
          {
            address: enterpriseAddress(2),
            lovelace: 2_000_000n,
            assets: new Map([[`${POLICY}41`, 7n]]),
          },
          { address: WALLET, lovelace: 12_800_000n },
        ],
        fee: 200_000n,
        invalidHereafter: 5000n,
      },
    });
    if (!result.ok) throw new Error(result.problem);
    const body = Buffer.from(result.read.body).toString('hex');
    expect(transaction.cbor.startsWith(`84${body}a0f5`)).toBe(true);
  });

  test('passes with sets as Conway writes them', () => {
    const transaction = unsigned();
    const tagged = transaction.cbor.replace('0082825820', '00d9010282825820');
    expect(tagged).not.toBe(transaction.cbor);
    const read = readTransaction(tagged, PREPROD);
    expect(read.ok && check({ ...transaction, cbor: tagged, id: read.transaction.id }).ok).toBe(
      true,
    );
  });

  test('of the wallet to itself needs no metadata', () => {
    const transaction = unsigned((parts) => {
      parts.metadata = null;
      parts.body.set(1, [[addressBytes(WALLET), [19_800_000, tokens(7)]]]);
    });
    const assets = new Map([[`${POLICY}41`, 7n]]);
    const change = [{ outputIndex: 0, lovelace: 19_800_000n, assets }];
    expect(problemOf({ ...transaction, payees: [], change })).toBe('none');
  });
});

const tokens = (quantity: number) =>
  new Map([[Buffer.from(POLICY, 'hex'), new Map([[Buffer.from('41', 'hex'), quantity]])]]);

describe('a body that no payout has', () => {
  test.each([
    [4, [[0, [0, Buffer.alloc(28)]]], 'certificates'],
    [5, new Map([[Buffer.alloc(29, 0xe0), 1]]), 'withdrawals'],
    [8, 1, 'lower validity bound'],
    [9, tokens(1), 'a mint'],
    [11, Buffer.alloc(32), 'script data'],
    [13, [[Buffer.alloc(32), 0]], 'collateral'],
    [14, [Buffer.alloc(28)], 'required signers'],
    [16, [addressBytes(WALLET), 1_000_000], 'collateral return'],
    [17, 1, 'total collateral'],
    [18, [[Buffer.alloc(32), 0]], 'reference inputs'],
    [19, new Map(), 'votes'],
    [20, [], 'proposals'],
    [21, 1, 'treasury'],
    [22, 1_000_000, 'donation'],
    [23, 1, 'unknown'],
  ])('is refused for its field %i', (field, value, name) => {
    expect(problemOf(unsigned(({ body }) => body.set(field, value)))).toContain(name);
  });

  test.each<[string, (parts: Parts) => void, string]>([
    ['a datum', (parts) => outputsOf(parts)[1] instanceof Map && withDatum(parts), 'output 1'],
    ['another network id', ({ body }) => body.set(15, 1), 'network id 1'],
    [
      'an address of mainnet',
      (parts) => payFirst(parts, makeAddress('enterprise', 764824073, Buffer.alloc(28))),
      'output 0',
    ],
    ['no upper bound', ({ body }) => body.delete(3), 'upper validity bound'],
    ['no inputs', ({ body }) => body.set(0, []), 'inputs'],
    ['an input twice', ({ body }) => double(body), 'twice'],
    ['scripts that fail', (parts) => tail(parts, 'a0f4f6'), 'scripts fail'],
    ['a witness', (parts) => tail(parts, 'a10080f5f6'), 'witnesses'],
    ['something behind it', (parts) => tail(parts, 'a0f5f6f6'), 'CBOR'],
    ['nothing behind its body', (parts) => tail(parts, ''), 'CBOR'],
    ['auxiliary data unannounced', (parts) => tail(parts, 'a0f5a0'), 'auxiliary data'],
    ['announced auxiliary data missing', ({ body }) => body.set(7, Buffer.alloc(32)), 'auxiliary'],
    ['no quantity of a token', (parts) => payTokens(parts, [['41', 0]]), 'odd tokens'],
    [
      'a token twice',
      (parts) =>
        payTokens(parts, [
          ['41', 3],
          ['41', 4],
        ]),
      'odd tokens',
    ],
    ['an empty body', (parts) => parts.body.clear(), 'no inputs'],
  ])('is refused for %s', (_, change, wanted) => {
    expect(problemOf(unsigned(change))).toContain(wanted);
  });
});

/** Keys of bytes, so that a token can stand there twice. */
const payTokens = (parts: Parts, tokens: readonly [name: string, quantity: number][]): void => {
  const named = tokens.map(([name, quantity]) => [Buffer.from(name, 'hex'), quantity] as const);
  const value = [2_000_000, new Map([[Buffer.from(POLICY, 'hex'), new Map(named)]])];
  (outputsOf(parts)[1] as Map<number, unknown>).set(1, value);
};
const tail = (parts: Parts, hex: string): void => {
  parts.metadata = null;
  parts.tail = hex;
};
const payFirst = (parts: Parts, address: string): void => {
  outputsOf(parts)[0] = [addressBytes(address), 5_000_000];
};
const double = (body: Parts['body']): void => {
  const [first] = body.get(0) as unknown[];
  body.set(0, [first, first]);
};
const withDatum = (parts: Parts): void => {
  (outputsOf(parts)[1] as Map<number, unknown>).set(2, [0, Buffer.alloc(32)]);
};

describe('a body that differs from what is claimed', () => {
  test.each<[string, (parts: Parts) => void, string]>([
    ['pays another address', (parts) => payFirst(parts, enterpriseAddress(9)), 'output 0'],
    ['pays change elsewhere', (parts) => changeTo(parts, enterpriseAddress(9)), 'output 2'],
    ['pays more', (parts) => (outputsOf(parts)[0] = output(5_000_001)), 'output 0'],
    ['pays other tokens', (parts) => morePayTokens(parts), 'output 1'],
    ['has another output', (parts) => outputsOf(parts).push(output(1)), '4 outputs'],
    ['lacks an output', (parts) => outputsOf(parts).pop(), '2 outputs'],
    ['has another fee', ({ body }) => body.set(2, 200_001), 'fee'],
    ['is valid for longer', ({ body }) => body.set(3, 5001), 'slot 5001'],
    ['spends other inputs', ({ body }) => body.set(0, [[Buffer.alloc(32), 0]]), 'inputs'],
    ['lacks its metadata', (parts) => (parts.metadata = null), 'metadata'],
    ['names another payout', (parts) => metadata(parts, [1, 1, [id(1), id(3)]]), 'metadata'],
    ['names payouts in another order', (parts) => metadata(parts, [1, 1, [id(2), id(1)]]), 'meta'],
    ['names another anchor', (parts) => metadata(parts, [1, 0, [id(1), id(2)]]), 'metadata'],
    ['says more in its metadata', (parts) => parts.metadata?.set(674, ['hello']), 'metadata'],
  ])('is refused where it %s', (_, change, wanted) => {
    expect(problemOf(unsigned(change))).toContain(wanted);
  });

  test.each<[string, Partial<UnsignedTransaction>, string]>([
    ['id', { id: 'ab'.repeat(32) }, 'id'],
    ['anchor', { anchor: `${'0c'.repeat(32)}#0` }, 'anchor'],
    ['order of inputs', { inputs: unsigned().inputs.toReversed() }, 'inputs'],
    ['payees', { payees: unsigned().payees.slice(1) }, 'outputs'],
  ])('is refused where its %s is claimed otherwise', (_, claim, wanted) => {
    expect(problemOf({ ...unsigned(), ...claim })).toContain(wanted);
  });

  test('is refused where inputs and outputs leave a rest', () => {
    const transaction = unsigned();
    const inputs = transaction.inputs.map((input) => ({
      ...input,
      lovelace: input.lovelace + 1n,
    }));
    expect(problemOf({ ...transaction, inputs })).toContain('more or less');
  });

  test('is refused where a claimed fee is beyond any that is due', () => {
    const transaction = unsigned(({ body }) => body.set(2, 10_000_001));
    expect(problemOf({ ...transaction, fee: 10_000_001n })).toContain('too much');
  });

  test('is refused where its bytes are read differently when written in a longer form', () => {
    const transaction = unsigned();
    const longer = transaction.cbor.replace('03191388', '031a00001388');
    expect(longer).not.toBe(transaction.cbor);
    expect(problemOf({ ...transaction, cbor: longer })).toContain('shortest form');
  });
});

const output = (lovelace: number) => [addressBytes(enterpriseAddress(1)), lovelace];
const id = (digit: number) => Buffer.alloc(16, digit * 0x11);
const metadata = (parts: Parts, content: unknown): void => {
  parts.metadata = new Map([[8355377, content]]);
};
const changeTo = (parts: Parts, address: string): void => {
  outputsOf(parts)[2] = [addressBytes(address), 12_800_000];
};
const morePayTokens = (parts: Parts): void => {
  (outputsOf(parts)[1] as Map<number, unknown>).set(1, [2_000_000, tokens(8)]);
};

test('any byte of a body that is changed is noticed', () => {
  const transaction = unsigned();
  const bytes = Buffer.from(transaction.cbor, 'hex');
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect([at, check({ ...transaction, cbor: changed.toString('hex') }).ok]).toEqual([at, false]);
  }
});
