import { describe, expect, test } from 'vitest';
import { devnet } from '../../test/support/devnet.js';
import type { Point } from '../chain/point.js';
import { activeSlotsOf, askActiveSlots } from './active-slots.js';
import { createWitnesses } from './witness.js';

const NEVER = new AbortController().signal;
const SECRET = 'a-key-that-nobody-may-see-0123456789';

const of = (urls: readonly [string, ...string[]], keys: readonly string[] = []) =>
  createWitnesses({ urls, keys, keyHeader: null, keyParam: 'apikey' });

describe('a witness', () => {
  test('says where its chain leaves ours, and where it ends', async () => {
    const ours = await devnet({ random: false });
    const theirs = await ours.split();
    ours.mine();
    theirs.mine();
    theirs.mine();
    const [witness] = of([theirs.url]);
    const newest: Point[] = [...ours.chain.blocks()].reverse().map(({ point }) => point);
    const answer = await witness?.findIntersection(newest, NEVER);
    expect(answer?.point).toEqual(newest[1]);
    expect(answer?.tip).toEqual(theirs.chain.tip);
    witness?.close();
  });

  test('that knows nothing of ours says where it is all the same', async () => {
    const ours = await devnet({ random: false });
    const other = await devnet({ random: false, seed: 99 });
    const [witness] = of([other.url]);
    const points = ours.chain.blocks().map(({ point }) => point);
    const answer = await witness?.findIntersection(points, NEVER);
    expect(answer).toEqual({ point: null, tip: other.chain.tip });
    witness?.close();
  });

  test('gets the key that it takes, on a connection that stays', async () => {
    const theirs = await devnet({ random: false, apiKeys: ['second'] });
    const [witness] = of([theirs.url], ['first', 'second']);
    const points = theirs.chain.blocks().map(({ point }) => point);
    for (let i = 0; i < 3; i += 1) {
      expect((await witness?.findIntersection(points, NEVER))?.point).toEqual(points[0]);
    }
    expect(theirs.connections).toBe(1);
    witness?.close();
    await expect.poll(() => theirs.connections).toBe(0);
  });

  test.each([
    ['refuses the key', { kind: 'refuseKey', how: 'error' }],
    ['answers with an error', { kind: 'rpcError', times: 1, code: -32_000, message: SECRET }],
    ['answers garbage', { kind: 'garbage', times: 1 }],
  ] as const)('that %s is silent, and no key is told', async (_, fault) => {
    const theirs = await devnet({ random: false });
    theirs.inject(fault);
    const [witness] = of([theirs.url], [SECRET]);
    const failure = await witness?.findIntersection([], NEVER).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'WitnessSilent' });
    expect(String(failure)).not.toContain(SECRET);
    witness?.close();
  });

  test('has a name of its own that shows nothing of a key', () => {
    const path = '/0123456789abcdef0123456789abcdef';
    const names = of([`wss://a.example${path}`, `wss://a.example${path}f`, 'wss://b.example']).map(
      ({ name }) => name,
    );
    expect(names).toEqual(['wss://a.example/***', 'wss://a.example/*** (2)', 'wss://b.example']);
  });
});

describe('the share of slots that have a block', () => {
  test('is asked of the first endpoint that answers', async () => {
    const { url } = await devnet({ random: false });
    const urls = ['ws://127.0.0.1:1', url] as const;
    const ask = askActiveSlots({ urls, keys: [], keyHeader: null, keyParam: 'apikey' });
    expect(await ask(NEVER)).toBe(0.05);
  });

  test('is refused where it is none', () => {
    expect(() => activeSlotsOf({ activeSlotsCoefficient: '20' })).toThrow('a share of slots');
    expect(() => activeSlotsOf('1/20')).toThrow('must be an object');
  });
});
