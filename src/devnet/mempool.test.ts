import { beforeEach, describe, expect, test } from 'vitest';
import type { Wish } from '../../test/support/devnet-wallet.js';
import { fundedChain, other, wallet } from '../../test/support/funded-chain.js';
import { BLOCK_BYTES_MAX } from './mempool.js';
import { renderBlock } from './render.js';

let { chain, funds, slot, submit, refusal, good } = fundedChain();
beforeEach(() => {
  ({ chain, funds, slot, submit, refusal, good } = fundedChain());
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

  test('gives no block what is not valid in its slot, neither the first time nor again', () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 25; seed += 1) {
      ({ chain, slot, submit, good } = fundedChain(seed));
      const invalidAfter = slot + 19;
      submit(good({ invalidAfter: BigInt(invalidAfter) }).cbor);
      const first = chain.mine();
      chain.rollBack(1);
      const again = chain.mine(['orphans'], { takesSubmitted: false });
      for (const [turn, block] of [first, again].entries()) {
        const wasThere = turn === 0 || first.transactions.length > 0;
        const timely = block.slot < invalidAfter;
        expect(block.transactions.length).toBe(wasThere && timely ? 1 : 0);
        seen.add(`${turn} ${wasThere} ${timely}`);
      }
    }
    for (const one of ['0 true true', '0 true false', '1 true true', '1 true false']) {
      expect([...seen]).toContain(one);
    }
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
