import { beforeEach, describe, expect, test } from 'vitest';
import { makeWallet, type Wish } from '../../test/support/devnet-wallet.js';
import { createChain, type DevnetChain } from './chain.js';
import { BLOCK_BYTES_MAX, type Submission } from './mempool.js';
import type { Refusal } from './refusal.js';
import { renderBlock } from './render.js';

const wallet = makeWallet(1);
const other = makeWallet(2);
const mainnetAddress = 'addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8';
const UNKNOWN = `${'99'.repeat(32)}#0`;

let chain: DevnetChain;
let funds: string;
let slot: number;

/** 10 ada of the wallet's, and the slot that the block after the tip is judged for. */
beforeEach(() => {
  chain = createChain({ seed: 4 });
  const block = chain.mine([{ pay: [{ address: wallet.address, lovelace: 10_000_000n }] }]);
  funds = `${block.transactions[0]!.id}#0`;
  slot = block.slot + 1;
});

const submit = (cbor: Uint8Array): Submission => chain.mempool.submit(cbor);
const refusal = (cbor: Uint8Array): Refusal => {
  const submission = submit(cbor);
  if (submission.accepted) throw new Error('it was taken');
  return submission.refusal;
};
const good = (more: Partial<Wish> = {}) =>
  wallet.sign({
    spend: [funds],
    pay: [{ address: other.address, lovelace: 9_800_000n }],
    ...more,
  });
const pooled = () => chain.mempool.transactions().map(({ id }) => id);
const minedIds = (block = chain.mine()) => block.transactions.map(({ id }) => id);

describe('a transaction that the ledger takes', () => {
  test('is in the mempool under the hash of its body, then in the next block, then gone', () => {
    const { id, cbor } = good();
    expect(submit(cbor)).toEqual({ accepted: true, id });
    expect(pooled()).toEqual([id]);
    const block = chain.mine();
    expect(minedIds(block)).toEqual([id]);
    expect(pooled()).toEqual([]);
    expect(chain.outputAt(block.id, `${id}#0`)).toMatchObject({
      address: other.address,
      lovelace: 9_800_000n,
    });
    expect(chain.outputAt(block.id, funds)).toBeUndefined();
  });

  test('shows in a block what it is: inputs in order, interval, metadata, signatures', () => {
    const more = chain.mine([{ pay: [{ address: wallet.address, lovelace: 5_000_000n }] }]);
    const inputs = [funds, `${more.transactions[0]!.id}#0`].sort();
    // {674: ["hi"], 8355377: [1, 0, [h'00ff']]}
    const auxiliary = 'a21902a2816268691a007f7e31830100814200ff';
    const { id, cbor } = good({
      spend: [...inputs].reverse(),
      pay: [{ address: other.address, lovelace: 14_800_000n }],
      invalidBefore: 1n,
      invalidAfter: 4_000n,
      auxiliary,
    });
    expect(submit(cbor)).toEqual({ accepted: true, id });
    const shown = JSON.parse(renderBlock(chain.mine(), 42, 7)) as { transactions: unknown[] };
    expect(shown.transactions[0]).toEqual({
      id,
      spends: 'inputs',
      inputs: inputs.map((one) => ({
        transaction: { id: one.split('#')[0] },
        index: Number(one.split('#')[1]),
      })),
      outputs: [{ address: other.address, value: { ada: { lovelace: 14_800_000 } } }],
      fee: { ada: { lovelace: 200_000 } },
      validityInterval: { invalidBefore: 1, invalidAfter: 4000 },
      metadata: {
        hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        labels: { '674': { json: ['hi'] }, '8355377': { cbor: '830100814200ff' } },
      },
      signatories: [
        {
          key: Buffer.from(wallet.key.to_public().to_raw_bytes()).toString('hex'),
          signature: expect.stringMatching(/^[0-9a-f]{128}$/) as string,
        },
      ],
    });
  });

  test('needs exactly the fee and the minimum that the protocol parameters say', () => {
    const size = good().cbor.length - 1;
    const fee = BigInt(size) * 44n + 155_381n;
    const paying = (amount: bigint, lovelace = 10_000_000n - amount) =>
      good({ fee: amount, pay: [{ address: other.address, lovelace }] }).cbor;
    expect(refusal(paying(fee - 1n))).toEqual({
      type: 'rule',
      code: 3122,
      data: {
        minimumRequiredFee: { ada: { lovelace: fee } },
        providedFee: { ada: { lovelace: fee - 1n } },
      },
    });
    expect(submit(paying(fee))).toMatchObject({ accepted: true });
  });
});

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

describe('the mempool', () => {
  /** A transaction that pays the wallet back and leaves something to spend further. */
  const step = (spend: string, lovelace: bigint, more: Partial<Wish> = {}) =>
    wallet.sign({
      spend: [spend],
      pay: [{ address: wallet.address, lovelace: lovelace - 200_000n }],
      ...more,
    });

  test('takes what spends the unconfirmed, and a block holds both in order', () => {
    const first = step(funds, 10_000_000n);
    const second = step(`${first.id}#0`, 9_800_000n);
    expect(refusal(second.cbor)).toMatchObject({ type: 'unknown_inputs' });
    expect([submit(first.cbor).accepted, submit(second.cbor).accepted]).toEqual([true, true]);
    expect(minedIds()).toEqual([first.id, second.id]);
  });

  test('lets go of what a block made impossible, and of what depends on it', () => {
    const first = step(funds, 10_000_000n);
    const second = step(`${first.id}#0`, 9_800_000n);
    submit(first.cbor);
    submit(second.cbor);
    const block = chain.mine([{ pay: [], spend: [funds] }]);
    expect(block.transactions).toHaveLength(1);
    chain.rollBack(1);
    expect(pooled()).toEqual([]);
  });

  test('lets go of what has expired', () => {
    const { cbor, id } = step(funds, 10_000_000n, { invalidAfter: BigInt(slot + 1) });
    submit(cbor);
    expect(pooled()).toEqual([id]);
    while (chain.mine([], { takesSubmitted: false }).slot < slot);
    expect(pooled()).toEqual([]);
    expect(minedIds()).toEqual([]);
  });

  test('waits where blocks take nothing of it', () => {
    const { cbor, id } = step(funds, 10_000_000n);
    submit(cbor);
    expect(minedIds(chain.mine('random', { takesSubmitted: false }))).not.toContain(id);
    expect(minedIds(chain.mine('random'))).toContain(id);
  });

  test('fills a block in the order of arrival, up to its size', () => {
    const pay = [...Array(8).keys()].map(() => ({
      address: wallet.address,
      lovelace: 1_000_000_000n,
    }));
    const { transactions } = chain.mine([{ pay }]);
    const large = pay.map((_, i) => {
      const outputs = Array.from({ length: 400 }, () => ({
        address: other.address,
        lovelace: 2_000_000n,
      }));
      const rest = { address: wallet.address, lovelace: 199_000_000n };
      const spend = [`${transactions[0]!.id}#${i}`];
      return wallet.sign({ spend, pay: [...outputs, rest], fee: 1_000_000n });
    });
    for (const { cbor } of large) expect(submit(cbor).accepted).toBe(true);
    const fitting = Math.floor(BLOCK_BYTES_MAX / (large[0]!.cbor.length - 1));
    expect(fitting).toBeLessThan(8);
    expect(minedIds()).toEqual(large.slice(0, fitting).map(({ id }) => id));
    expect(minedIds()).toEqual(large.slice(fitting).map(({ id }) => id));
  });

  test('gets back what a fork threw out, even where that waits for its parent', () => {
    const { id, cbor } = step(funds, 10_000_000n);
    submit(cbor);
    chain.mine();
    chain.rollBack(1);
    expect(pooled()).toEqual([id]);
    chain.mine();
    // Below the payment that it spends, which comes back later than the first block.
    chain.rollBack(2);
    expect(pooled()).toEqual([]);
    chain.mine();
    expect(minedIds(chain.mine(['orphans']))).toEqual([funds.split('#')[0], id]);
  });

  test('forgets with the rest what a fork threw out for good', () => {
    const { cbor } = step(funds, 10_000_000n);
    submit(cbor);
    chain.mine();
    chain.rollBack(1);
    chain.forgetOrphans();
    expect(minedIds()).toEqual([]);
    expect(submit(cbor).accepted).toBe(true);
  });

  test('brings nothing back that has expired on the new fork', () => {
    const { cbor, id } = step(funds, 10_000_000n, { invalidAfter: BigInt(slot + 40) });
    submit(cbor);
    expect(minedIds()).toEqual([id]);
    chain.rollBack(1);
    while (chain.mine([], { takesSubmitted: false }).slot < slot + 40);
    expect([...minedIds(chain.mine(['orphans'])), ...pooled()]).toEqual([]);
  });

  test('evicts the oldest ones, with what depends on them, or all', () => {
    const first = step(funds, 10_000_000n);
    const second = step(`${first.id}#0`, 9_800_000n);
    submit(first.cbor);
    submit(second.cbor);
    expect(chain.mempool.evict(1)).toEqual([first.id]);
    expect([...pooled(), ...minedIds()]).toEqual([]);
    expect(submit(first.cbor).accepted).toBe(true);
    expect(chain.mempool.evict()).toEqual([first.id]);
    expect(pooled()).toEqual([]);
  });
});
