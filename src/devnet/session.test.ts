import { describe, expect, test } from 'vitest';
import { makeAddress } from './address.js';
import type { DevnetChain } from './chain.js';
import { createChain } from './chain.js';
import { createRandom } from './random.js';
import { createSession } from './session.js';
import { chainSource } from './source.js';

const owner = makeAddress('base', 42, createRandom('owner').bytes(28));
const NEXT = '{"jsonrpc":"2.0","method":"nextBlock"}';

function grown(blocks: number, seed = 1): DevnetChain {
  const chain = createChain({ seed, content: { transactions: { least: 0, most: 2 } } });
  for (let i = 0; i < blocks; i += 1) chain.mine('random');
  return chain;
}

const ask = (method: string, params: unknown, id: unknown = null): string =>
  JSON.stringify({ jsonrpc: '2.0', method, params, id });

type Answer = {
  id: unknown;
  result?: {
    direction?: string;
    point?: { id: string } | string;
    block?: { id: string };
    tip?: { id: string };
  };
  error?: { code: number; data?: unknown };
};
const read = (texts: readonly string[]): Answer[] =>
  texts.map((text) => JSON.parse(text) as Answer);

/** `>id` and `<id`, as a chain follower would note them. */
const moves = (texts: readonly string[]): string[] =>
  read(texts).map(({ result }) => {
    if (result?.direction === 'forward') return `>${result.block?.id ?? ''}`;
    return `<${typeof result?.point === 'object' ? result.point.id : String(result?.point)}`;
  });

describe('a session', () => {
  test('starts at origin with a roll backward, then gives every block in order', () => {
    const chain = grown(5);
    const session = createSession(chainSource(chain), { version: 6 });
    const answers = Array.from({ length: 6 }, () => session.handle(NEXT)).flat();
    expect(moves(answers)).toEqual(['<origin', ...chain.blocks().map(({ id }) => `>${id}`)]);
    expect(session.handle(NEXT)).toEqual([]);
  });

  test('answers requests that wait at the tip when blocks come, as many as there are', () => {
    const chain = grown(2);
    const session = createSession(chainSource(chain), { version: 6 });
    for (let i = 0; i < 8; i += 1) session.handle(NEXT);
    expect(session.chainChanged()).toEqual([]);
    const mined = [chain.mine(), chain.mine()];
    expect(moves(session.chainChanged())).toEqual(mined.map(({ id }) => `>${id}`));
    expect(session.chainChanged()).toEqual([]);
  });

  test('rolls back once to the common ancestor when the chain switched, and follows the fork', () => {
    const chain = grown(6);
    const session = createSession(chainSource(chain), { version: 7 });
    for (let i = 0; i < 20; i += 1) session.handle(NEXT);
    const ancestor = chain.blocks()[2]!.id;
    chain.rollBack(3);
    const mined = [chain.mine(), chain.mine(), chain.mine(), chain.mine()].map(
      ({ id }) => `>${id}`,
    );
    expect(moves(session.chainChanged())).toEqual([`<${ancestor}`, ...mined]);
  });

  test('rolls back from wherever it stands, also when the fork is behind it', () => {
    const chain = grown(6);
    const session = createSession(chainSource(chain), { version: 6 });
    for (let i = 0; i < 4; i += 1) session.handle(NEXT);
    chain.rollBack(2);
    const mined = chain.mine();
    // The reader stood at the third block, which no fork took away: it just goes on.
    const expected = [chain.blocks()[3]!.id, mined.id].map((id) => `>${id}`);
    expect(moves([...session.handle(NEXT), ...session.handle(NEXT)])).toEqual(expected);
  });

  test('finds the first point that is on its chain, and goes backward to it first', () => {
    const chain = grown(6);
    const lost = chain.blocks()[5]!.point;
    chain.rollBack(1);
    const session = createSession(chainSource(chain), { version: 6 });
    const { point } = chain.blocks()[3]!;
    const wrongSlot = { ...chain.blocks()[4]!.point, slot: 1 };
    const points = [lost, wrongSlot, point, 'origin'];
    const [found] = read(session.handle(ask('findIntersection', { points })));
    expect(found?.result).toEqual({ intersection: point, tip: chain.tip });
    const answers = [...session.handle(NEXT), ...session.handle(NEXT)];
    expect(moves(answers)).toEqual([`<${point.id}`, `>${chain.blocks()[4]!.id}`]);
  });

  test('says 1000 with the tip where no point is its own, and stays where it was', () => {
    const chain = grown(3);
    const session = createSession(chainSource(chain), { version: 6 });
    session.handle(NEXT);
    session.handle(NEXT);
    const strange = { slot: 7, id: 'ab'.repeat(32) };
    const [answer] = read(session.handle(ask('findIntersection', { points: [strange] }, 'x')));
    expect(answer).toMatchObject({ id: 'x', error: { code: 1000, data: { tip: chain.tip } } });
    expect(moves(session.handle(NEXT))).toEqual([`>${chain.blocks()[1]!.id}`]);
  });

  test('goes backward to each new intersection before it goes on, as a node does', () => {
    const chain = grown(5);
    const session = createSession(chainSource(chain), { version: 6 });
    for (let i = 0; i < 3; i += 1) session.handle(NEXT);
    // Where it stands already: the roll backward is told all the same.
    const { point } = chain.blocks()[1]!;
    session.handle(ask('findIntersection', { points: [point] }));
    const answers = [...session.handle(NEXT), ...session.handle(NEXT)];
    expect(moves(answers)).toEqual([`<${point.id}`, `>${chain.blocks()[2]!.id}`]);
  });

  test('never takes a boundary block for an intersection: it has no slot of its own', () => {
    const chain = createChain({ seed: 1, eras: [{ fromHeight: 0, era: 'byron' }] });
    const boundary = chain.mineBoundary();
    chain.mine();
    const session = createSession(chainSource(chain), { version: 6 });
    const points = [boundary.point];
    const [answer] = read(session.handle(ask('findIntersection', { points })));
    expect(answer?.error?.code).toBe(1000);
  });

  test.each([null, 0, 'text', 12.5, true, [1, { a: null }], { requestId: 'äöü"\\' }])(
    'mirrors the id %j',
    (id) => {
      const session = createSession(chainSource(grown(1)), { version: 6 });
      expect(read(session.handle(ask('queryNetwork/tip', undefined, id)))[0]?.id).toEqual(id);
      for (let i = 0; i < 2; i += 1) session.handle(NEXT);
      expect(session.handle(ask('nextBlock', undefined, id))).toEqual([]);
    },
  );

  test('mirrors an id beyond 2^53 digit by digit, and a missing one as null', () => {
    const session = createSession(chainSource(grown(1)), { version: 6 });
    const wide = '{"jsonrpc":"2.0","method":"queryNetwork/tip","id":12345678901234567890}';
    expect(session.handle(wide)[0]).toMatch(/"id":12345678901234567890\}$/);
    expect(session.handle(NEXT)[0]).toMatch(/"id":null\}$/);
  });

  test('asks the acquired ledger state, and the tip again once it is released', () => {
    const chain = grown(3);
    const paid = chain.mine([{ pay: [{ address: owner, lovelace: 2n ** 54n + 1n }] }]);
    const [reference] = chain.unspentAt(paid.id, [owner]).keys();
    chain.mine([{ pay: [], spend: [reference!] }]);
    const session = createSession(chainSource(chain), { version: 6 });
    const balance = () => session.handle(ask('queryLedgerState/utxo', { addresses: [owner] }))[0]!;
    expect(balance()).toContain('"result":[]');
    session.handle(ask('acquireLedgerState', { point: paid.point }));
    expect(balance()).toContain('{"lovelace":18014398509481985}');
    const tip = read(session.handle(ask('queryLedgerState/tip', undefined)))[0];
    expect(tip?.result).toEqual(paid.point);
    const [id, index] = reference!.split('#');
    const outputReferences = [{ transaction: { id }, index: Number(index) }];
    expect(session.handle(ask('queryLedgerState/utxo', { outputReferences }))[0]).toContain(owner);
    session.handle(ask('releaseLedgerState', undefined));
    expect(balance()).toContain('"result":[]');
  });

  test('acquires no state that is unknown, on a lost fork, or too old', () => {
    const chain = grown(8);
    const lost = chain.blocks().at(-1)!.point;
    chain.rollBack(1);
    const session = createSession(chainSource(chain, { ledgerDepth: 3 }), { version: 6 });
    const reasonFor = (point: unknown) =>
      read(session.handle(ask('acquireLedgerState', { point })))[0]?.error?.data;
    expect(reasonFor(lost)).toBe('Acquired point no longer exist.');
    expect(reasonFor({ slot: 1, id: 'cd'.repeat(32) })).toBe('Acquired point no longer exist.');
    expect(reasonFor(chain.blocks().at(-5)!.point)).toBe('Acquired point is now too old.');
    expect(reasonFor('origin')).toBe('Acquired point is now too old.');
    expect(reasonFor(chain.blocks().at(-4)!.point)).toBeUndefined();
  });

  test('serves a node that is behind: its tip, its blocks and no more', () => {
    const chain = grown(10);
    let behind = 4;
    const session = createSession(chainSource(chain, { behind: () => behind }), { version: 6 });
    const answers = Array.from({ length: 9 }, () => session.handle(NEXT)).flat();
    expect(moves(answers)).toHaveLength(7);
    expect(read(answers).at(-1)?.result?.tip?.id).toBe(chain.blocks()[5]!.id);
    const points = [chain.blocks()[8]!.point];
    const other = createSession(chainSource(chain, { behind: () => behind }), { version: 6 });
    expect(read(other.handle(ask('findIntersection', { points })))[0]?.error?.code).toBe(1000);
    behind = 0;
    expect(moves(session.chainChanged())[0]).toBe(`>${chain.blocks()[6]!.id}`);
  });
});
