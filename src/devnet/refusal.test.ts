import { beforeEach, describe, expect, test } from 'vitest';
import type { Wish } from '../../test/support/devnet-wallet.js';
import { fundedChain, other, wallet } from '../../test/support/funded-chain.js';

const mainnetAddress = 'addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8';
const UNKNOWN = `${'99'.repeat(32)}#0`;

let { chain, funds, slot, submit, refusal, good } = fundedChain();
beforeEach(() => {
  ({ chain, funds, slot, submit, refusal, good } = fundedChain());
});

const pooled = () => chain.mempool.transactions().map(({ id }) => id);

describe('what the ledger refuses', () => {
  const auxiliary = 'a11902a2626869';
  type Row = [what: string, wish: () => Partial<Wish>, code: number, data: () => unknown];
  const to = (address: string, lovelace: bigint) => [{ address, lovelace }];
  const output = (address: string, lovelace: bigint) => ({
    address,
    value: { ada: { lovelace } },
  });
  test.each<Row>([
    [
      'value not conserved',
      () => ({ pay: to(other.address, 9_800_001n) }),
      3123,
      () => ({
        valueConsumed: { ada: { lovelace: 10_000_000n } },
        valueProduced: { ada: { lovelace: 10_000_001n } },
      }),
    ],
    [
      'an output below the minimum',
      () => ({ pay: [...to(other.address, 8_950_931n), ...to(wallet.address, 849_069n)] }),
      3125,
      () => ({
        insufficientlyFundedOutputs: [
          {
            output: output(wallet.address, 849_069n),
            minimumRequiredValue: { ada: { lovelace: 849_070n } },
          },
        ],
      }),
    ],
    [
      'expired: its bound is the slot of the block',
      () => ({ invalidAfter: BigInt(slot) }),
      3118,
      () => ({ validityInterval: { invalidAfter: BigInt(slot) }, currentSlot: slot }),
    ],
    [
      'not yet valid',
      () => ({ invalidBefore: BigInt(slot + 1) }),
      3118,
      () => ({ validityInterval: { invalidBefore: BigInt(slot + 1) }, currentSlot: slot }),
    ],
    [
      'a missing signature',
      () => ({ keys: [] }),
      3101,
      () => ({ missingSignatories: [wallet.keyHash] }),
    ],
    [
      "somebody else's signature",
      () => ({ keys: [other.key] }),
      3101,
      () => ({ missingSignatories: [wallet.keyHash] }),
    ],
    [
      'an invalid signature',
      () => ({ forged: true }),
      3100,
      () => ({
        invalidSignatories: [Buffer.from(wallet.key.to_public().to_raw_bytes()).toString('hex')],
      }),
    ],
    [
      'an address of another network',
      () => ({ pay: to(mainnetAddress, 9_800_000n) }),
      3124,
      () => ({
        expectedNetwork: 'testnet',
        discriminatedType: 'address',
        invalidEntities: [mainnetAddress],
      }),
    ],
    [
      "another network's id",
      () => ({ onMainnet: true }),
      3124,
      () => ({ expectedNetwork: 'testnet', discriminatedType: 'transaction' }),
    ],
    [
      'metadata without their hash',
      () => ({ auxiliary, auxiliaryGoes: 'unhashed' }),
      3105,
      () => ({ metadata: { hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string } }),
    ],
    [
      'a hash without its metadata',
      () => ({ auxiliary, auxiliaryGoes: 'missing' }),
      3106,
      () => ({ metadata: { hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string } }),
    ],
    [
      'a hash of other metadata',
      () => ({ auxiliary, auxiliaryGoes: { insteadOf: 'a11902a262686f' } }),
      3107,
      () => ({
        provided: { hash: '965d520c4df4f8566c5b5adc8f7b0b39f8668c779a0013cf00e147c5f86e17e3' },
        computed: { hash: 'fccbadcc36ef2b751877c1bc4852308a1d2175cc5d2dd008999a31efe893f622' },
      }),
    ],
  ])('%s', (_, wish, code, data) => {
    expect(refusal(good(wish()).cbor)).toEqual({
      type: 'rule',
      code,
      data: data(),
    });
    expect(pooled()).toEqual([]);
  });

  test('metadata with a string of 65 bytes', () => {
    const { cbor } = good({ auxiliary: `a11902a27840${'61'.repeat(64)}` });
    const longer = cbor.toString('hex').replace(`7840${'61'.repeat(64)}`, `7841${'61'.repeat(65)}`);
    expect(refusal(Buffer.from(longer, 'hex'))).toEqual({ type: 'rule', code: 3108 });
    expect(submit(cbor).accepted).toBe(true);
  });

  test('more bytes than the protocol allows', () => {
    const block = chain.mine([{ pay: [{ address: wallet.address, lovelace: 1_000_000_000n }] }]);
    const pay = Array.from({ length: 500 }, () => ({
      address: other.address,
      lovelace: 1_000_000n,
    }));
    const rest = { address: wallet.address, lovelace: 499_000_000n };
    const spend = [`${block.transactions[0]!.id}#0`];
    const { cbor } = wallet.sign({ spend, pay: [...pay, rest], fee: 1_000_000n });
    expect(refusal(cbor)).toEqual({
      type: 'rule',
      code: 3119,
      data: {
        measuredTransactionSize: { bytes: cbor.length },
        maximumTransactionSize: { bytes: 16_384 },
      },
    });
  });

  test('more tokens than can be judged, with a code of its own', () => {
    const assets = new Map([['ab'.repeat(28), 2n ** 63n]]);
    const { address } = wallet;
    const block = chain.mine([{ pay: [{ address, lovelace: 10_000_000n, assets }] }]);
    const spend = [`${block.transactions[0]!.id}#0`];
    expect(refusal(good({ spend }).cbor)).toMatchObject({ type: 'rule', code: 3997 });
  });

  test('inputs that never were, and ones that something else spent', () => {
    const unknown = (references: string[], all: boolean) => ({
      type: 'unknown_inputs',
      references,
      all,
    });
    expect(refusal(good({ spend: [UNKNOWN] }).cbor)).toEqual(unknown([UNKNOWN], true));
    expect(refusal(good({ spend: [UNKNOWN, funds] }).cbor)).toEqual(unknown([UNKNOWN], false));
    const { cbor } = good();
    expect(submit(cbor).accepted).toBe(true);
    expect(refusal(cbor)).toEqual(unknown([funds], true));
    expect(refusal(good({ invalidAfter: 9_000n }).cbor)).toEqual(unknown([funds], true));
    chain.mine();
    expect(refusal(cbor)).toEqual(unknown([funds], true));
  });

  test.each([
    ['nothing', ''],
    ['a number', '01'],
    ['half a transaction', '84a300d9010281825820'],
    ['a transaction of three parts', '83a0a0f5'],
    ['a thousand lists in one another', '81'.repeat(1000)],
  ])('what is no transaction: %s', (_, hex) => {
    expect(refusal(Buffer.from(hex, 'hex'))).toMatchObject({ type: 'unreadable' });
  });

  test('a transaction with bytes behind it, or spending an output twice', () => {
    expect(refusal(Buffer.concat([good().cbor, Buffer.of(0)])).type).toBe('unreadable');
    const twice = good({ spend: [funds, funds] }).cbor;
    expect(refusal(twice)).toMatchObject({ type: 'unreadable' });
  });
});
