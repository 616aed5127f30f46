import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeAddress } from './address.js';
import type { DevnetChain } from './chain.js';
import { createChain } from './chain.js';
import { createLedger } from './ledger.js';
import { createRandom } from './random.js';
import { renderBlock } from './render.js';
import type { DevnetOutput, DevnetTransaction, Reference } from './transaction.js';
import { effectOf } from './transaction.js';

const owner = makeAddress('base', 42, createRandom('owner').bytes(28));

/** What happens to a chain in a test: mined, rolled back, switched to any block there ever was. */
const operations = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant({ do: 'mine' as const, by: 0 }) },
    fc.record({ do: fc.constant('back' as const), by: fc.nat(6) }),
    fc.record({ do: fc.constant('switch' as const), by: fc.nat(60) }),
  ),
  { minLength: 10, maxLength: 40 },
);

function play(seed: number, steps: readonly { do: 'mine' | 'back' | 'switch'; by: number }[]) {
  const chain = createChain({ seed, content: { watched: [owner], failedShare: 0.2 } });
  const all = [chain.mine('random').id];
  for (const step of steps) {
    if (step.do === 'mine') all.push(chain.mine('random').id);
    else if (step.do === 'back') chain.rollBack(Math.min(step.by, chain.blocks().length));
    else chain.switchTo(all[step.by % all.length]!);
  }
  return { chain, all };
}

/** The ledger after a block, computed from nothing but the blocks that lead there. */
function replay(chain: DevnetChain, id: string): Map<Reference, DevnetOutput> {
  const way = [];
  for (let at = chain.block(id); at !== undefined; at = chain.block(at.parent)) way.push(at);
  const ledger = createLedger(chain.utxoAt('origin'));
  for (const block of way.reverse()) {
    for (const transaction of block.transactions) ledger.spend(transaction, block.height);
  }
  return new Map(ledger.utxo);
}

const sorted = (utxo: ReadonlyMap<Reference, DevnetOutput>) =>
  [...utxo].sort(([a], [b]) => (a < b ? -1 : 1));

describe('the simulated chain', () => {
  test('makes the same bytes of the same seed and the same calls, and other ones of another seed', () => {
    const bytes = (seed: number) => {
      const { chain } = play(seed, [
        { do: 'mine', by: 0 },
        { do: 'back', by: 1 },
        { do: 'mine', by: 0 },
      ]);
      return chain.blocks().map((block) => renderBlock(block, 42, 6));
    };
    expect(bytes(7)).toEqual(bytes(7));
    expect(bytes(7)).not.toEqual(bytes(8));
  });

  test('knows the unspent outputs of every block of every fork as a replay from origin does', () => {
    fc.assert(
      fc.property(fc.nat(1000), operations, (seed, steps) => {
        const { chain, all } = play(seed, steps);
        for (const id of all.filter((_, i) => i % 3 === 0)) {
          expect(sorted(chain.utxoAt(id))).toEqual(sorted(replay(chain, id)));
        }
      }),
      { numRuns: 20 },
    );
  });

  test('links each block to the one before it, with heights and slots that rise', () => {
    const { chain } = play(
      3,
      Array.from({ length: 30 }, () => ({ do: 'mine', by: 0 })),
    );
    const blocks = chain.blocks();
    expect(blocks[0]).toMatchObject({ ancestor: 'genesis', height: 0 });
    for (const [i, block] of blocks.entries()) {
      if (i === 0) continue;
      expect(block.ancestor).toBe(blocks[i - 1]!.id);
      expect(block.height).toBe(i);
      expect(block.slot).toBeGreaterThan(blocks[i - 1]!.slot);
    }
    expect(chain.tip).toEqual({ ...blocks.at(-1)!.point, height: blocks.at(-1)!.height });
  });

  test('conserves value in every transaction, failed scripts and minting included', () => {
    const { chain } = play(
      11,
      Array.from({ length: 60 }, () => ({ do: 'mine', by: 0 })),
    );
    const failed = { count: 0, returned: 0 };
    for (const block of chain.blocks()) {
      const ledger = createLedger(chain.utxoAt(block.parent));
      for (const transaction of block.transactions) {
        const { spent, created } = ledger.spend(transaction, block.height);
        expectConserved(transaction, [...spent.values()], [...created.values()]);
        if (transaction.spends === 'collaterals') failed.count += 1;
        if (transaction.spends === 'collaterals' && created.size > 0) failed.returned += 1;
      }
    }
    expect(failed.count).toBeGreaterThan(10);
    expect(failed.returned).toBeGreaterThan(3);
    expect(failed.returned).toBeLessThan(failed.count);
  });

  test('never lets a failed script make what it says it pays', () => {
    const chain = createChain({ seed: 1 });
    const block = chain.mine([
      { pay: [{ address: owner, lovelace: 5_000_000n }], failed: true, collateralReturn: owner },
    ]);
    const [transaction] = block.transactions;
    const paid = [...chain.unspentAt(block.id, [owner])];
    expect(paid).toEqual([
      [
        `${transaction!.id}#${transaction!.outputs.length}`,
        expect.objectContaining({ address: owner }),
      ],
    ]);
    expect(paid[0]![1].lovelace).toBe(45_000_000n);
  });

  test('refuses a block with an impossible transaction and stays as it was', () => {
    const chain = createChain({ seed: 1, content: { watched: [owner] } });
    chain.mine('random');
    const before = chain.utxoAt(chain.blocks()[0]!.id);
    const pay = [{ address: owner, lovelace: 2_000_000n }];
    expect(() => chain.mine([{ pay }, { pay, spend: [`${'0'.repeat(64)}#0`] }])).toThrow(
      /not there/,
    );
    expect(() => chain.mine([{ pay: [{ address: owner, lovelace: 0n }] }])).toThrow(
      /can't be paid 0/,
    );
    expect(() => chain.check([{ pay }, { pay: [{ address: owner, lovelace: 0n }] }])).toThrow();
    chain.check([{ pay }, { pay }]);
    expect(chain.blocks()).toHaveLength(1);
    const next = chain.mine();
    expect(sorted(chain.utxoAt(next.id))).toEqual(sorted(before));
  });

  test('brings back what a fork threw out, under the same id, unless its inputs are gone', () => {
    const chain = createChain({ seed: 5 });
    chain.mine();
    const paid = chain.mine([{ pay: [{ address: owner, lovelace: 3_000_000n }] }]).transactions[0]!;
    const reference = `${paid.id}#0`;
    const sweep = chain.mine([{ pay: [], spend: [reference], change: owner }]).transactions[0]!;
    chain.rollBack(2);
    expect(chain.utxoAt(chain.blocks().at(-1)!.id).has(reference)).toBe(false);
    expect(chain.orphans()).toEqual([paid, sweep]);
    chain.mine();
    const again = chain.mine([paid]);
    expect(again.transactions[0]!.id).toBe(paid.id);
    expect(chain.orphans()).toEqual([sweep]);
    // A double spend: the sweep's input goes elsewhere.
    chain.mine([{ pay: [], spend: [reference] }]);
    expect(chain.orphans()).toEqual([]);
  });

  test('brings back one of two transactions that spend the same output, never both', () => {
    const chain = createChain({ seed: 5 });
    const paid = chain.mine([{ pay: [{ address: owner, lovelace: 3_000_000n }] }]).transactions[0]!;
    const spend = [`${paid.id}#0`];
    const first = chain.mine([{ pay: [], spend, change: owner }]).transactions[0]!;
    chain.rollBack(1);
    chain.mine([{ pay: [], spend }]);
    chain.rollBack(1);
    expect(chain.orphans()).toEqual([first]);
  });

  test('pays more than any one output of the faucet holds, and no more than all of them', () => {
    const chain = createChain({ seed: 5 });
    const lovelace = 2n * 10n ** 15n;
    const [transaction] = chain.mine([{ pay: [{ address: owner, lovelace }] }]).transactions;
    const spent = transaction!.inputs.map((one) => chain.utxoAt('origin').get(one)!);
    expect(spent.length).toBeGreaterThan(2);
    expectConserved(transaction!, spent, [
      ...chain.outputsCreatedIn(chain.blocks()[0]!.id).values(),
    ]);
    const much = { pay: [{ address: owner, lovelace: 40n * 10n ** 15n }] };
    expect(() => chain.mine([much])).toThrow(/faucet can't pay/);
  });

  test('keeps what a block both makes and spends among what it created', () => {
    const chain = createChain({ seed: 9 });
    chain.mine('random');
    const first = chain.mine([{ pay: [{ address: owner, lovelace: 9_000_000n }] }])
      .transactions[0]!;
    chain.rollBack(1);
    const sweep = { pay: [], spend: [`${first.id}#0`], change: owner };
    const block = chain.mine([first, sweep]);
    expect([...chain.outputsCreatedIn(block.id).keys()]).toContain(`${first.id}#0`);
    expect(chain.utxoAt(block.id).has(`${first.id}#0`)).toBe(false);
  });

  test('follows a clock where it is given one that says something, and never stands still', () => {
    const times = [undefined, 1000, 1060, 1060, 500, 1120];
    const chain = createChain({ seed: 2, slotNow: () => times[chain.blocks().length] });
    const slots = times.map(() => chain.mine().slot);
    expect(slots.slice(1)).toEqual([1000, 1060, 1061, 1062, 1120]);
    expect(slots[0]).toBe(createChain({ seed: 2 }).mine().slot);
  });

  test('starts in Byron where it is asked to, with boundary blocks that repeat a height', () => {
    const eras = [
      { fromHeight: 0, era: 'byron' },
      { fromHeight: 3, era: 'conway' },
    ];
    const chain = createChain({ seed: 2, eras });
    chain.mineBoundary();
    for (let i = 0; i < 2; i += 1) chain.mine('random');
    chain.mineBoundary();
    for (let i = 0; i < 3; i += 1) chain.mine('random');
    expect(chain.blocks().map(({ type, era, height }) => `${type} ${era} ${height}`)).toEqual([
      'ebb byron 0',
      'bft byron 1',
      'bft byron 2',
      'ebb byron 2',
      'praos conway 3',
      'praos conway 4',
      'praos conway 5',
    ]);
    expect(chain.blocks()[0]!.ancestor).toMatch(/^[0-9a-f]{64}$/);
    for (const { id } of chain.blocks()) {
      expect(sorted(chain.utxoAt(id))).toEqual(sorted(replay(chain, id)));
    }
  });

  test('can be switched between forks, also back to origin', () => {
    const chain = createChain({ seed: 4 });
    const left = [chain.mine('random'), chain.mine('random')];
    chain.rollBack(2);
    const right = [chain.mine('random'), chain.mine('random'), chain.mine('random')];
    chain.switchTo(left[1]!.id);
    expect(chain.blocks()).toEqual(left);
    chain.switchTo(right[2]!.id);
    expect(chain.blocks()).toEqual(right);
    chain.switchTo('origin');
    expect(chain.tip).toBe('origin');
    expect(() => chain.rollBack(1)).toThrow(RangeError);
    expect(() => chain.switchTo('nowhere')).toThrow(RangeError);
  });
});

function expectConserved(
  transaction: DevnetTransaction,
  spent: readonly DevnetOutput[],
  created: readonly DevnetOutput[],
): void {
  expect(effectOf(transaction).spent).toHaveLength(spent.length);
  const good = transaction.spends === 'inputs';
  const balance = new Map<string, bigint>();
  const add = (unit: string, n: bigint) => balance.set(unit, (balance.get(unit) ?? 0n) + n);
  for (const { lovelace, assets } of spent) {
    add('lovelace', lovelace);
    for (const [unit, n] of assets) add(unit, n);
  }
  for (const { lovelace, assets } of created) {
    expect(lovelace).toBeGreaterThan(0n);
    add('lovelace', -lovelace);
    for (const [unit, n] of assets) {
      expect(n > 0n && n < 2n ** 64n).toBe(true);
      add(unit, -n);
    }
  }
  if (good) for (const [unit, n] of transaction.mint) add(unit, n);
  if (good) for (const n of transaction.withdrawals.values()) add('lovelace', n);
  add('lovelace', -(good ? transaction.fee : (transaction.totalCollateral ?? 0n)));
  expect([...balance].filter(([, n]) => n !== 0n)).toEqual([]);
}
