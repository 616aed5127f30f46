import { describe, expect, onTestFinished, test } from 'vitest';
import { devnet } from '../../../test/support/devnet.js';
import { makeWallet, type Wish } from '../../../test/support/devnet-wallet.js';
import type { Devnet } from '../../devnet/server.js';
import { createOgmiosNode } from './ogmios-node.js';

const never = new AbortController().signal;
const wallet = makeWallet(1);
const other = makeWallet(2);

type Version = '6' | '7';

/** A devnet where the wallet has 10 ada, a transaction that spends them, and a node to submit to. */
async function world(version: Version = '6', submitMsMax = 5_000) {
  const net = await devnet({ version, random: false });
  const { transaction } = net.payNow({ address: wallet.address, lovelace: 10_000_000n });
  const signed = (more: Partial<Wish> = {}) =>
    wallet.sign({
      spend: [`${transaction.id}#0`],
      pay: [{ address: other.address, lovelace: 9_800_000n }],
      ...more,
    });
  const at = (...urls: [string, ...string[]]) => {
    const endpoints = { urls, keys: [], keyHeader: null, keyParam: 'apikey' };
    const node = createOgmiosNode(endpoints, { now: Date.now, submitMsMax });
    onTestFinished(() => node.close());
    return node;
  };
  return { net, signed, at };
}

const minedIds = (net: Devnet): string[] => net.mine().transactions.map(({ id }) => id);

describe.each(['6', '7'] as const)('submitting to a ledger, version %s', (version) => {
  test('a good transaction is taken, taken again, and in the next block', async () => {
    const { net, signed, at } = await world(version);
    const { id, cbor } = signed();
    const node = at(net.url);
    expect(await node.submit(cbor, id, never)).toEqual({ type: 'accepted' });
    const again = await node.submit(cbor, id, never);
    expect(['accepted', 'look_at_chain']).toContain(again.type);
    expect(minedIds(net)).toEqual([id]);
    expect((await node.submit(cbor, id, never)).type).toBe('look_at_chain');
  });

  test.each([
    ['spends what nobody made', { spend: [`${'99'.repeat(32)}#0`] }, 'look_at_chain'],
    ['is too late', { invalidAfter: 1n }, 'passing'],
    ['pays too small a fee', { fee: 1_000n, pay: [] }, 'refused'],
    ['is signed by somebody else', { keys: [other.key] }, 'refused'],
    ['has a forged signature', { forged: true }, 'refused'],
  ] as const)('one that %s is judged for it', async (_, wish, type) => {
    const { net, signed, at } = await world(version);
    const { id, cbor } = signed(wish);
    expect((await at(net.url).submit(cbor, id, never)).type).toBe(type);
    expect(minedIds(net)).toEqual([]);
  });

  test('bytes that are no transaction are refused', async () => {
    const { net, at } = await world(version);
    const outcome = await at(net.url).submit(Uint8Array.of(0x83, 1), 'a'.repeat(64), never);
    expect(outcome.type).toBe('refused');
  });
});

describe('submitting to a node in trouble', () => {
  test('without an answer, the transaction may be in the next block', async () => {
    const { net, signed, at } = await world('6', 50);
    const { id, cbor } = signed();
    net.inject({ kind: 'submitUnanswered', times: 1 });
    expect((await at(net.url).submit(cbor, id, never)).type).toBe('unknown');
    expect(minedIds(net)).toEqual([id]);
  });

  test('an answer after its time is as good as none, the next one counts', async () => {
    const { net, signed, at } = await world('6', 50);
    const { id, cbor } = signed();
    net.inject({ kind: 'submitLate', times: 1, delayMs: 200 });
    const node = at(net.url);
    expect((await node.submit(cbor, id, never)).type).toBe('unknown');
    expect((await node.submit(cbor, id, never)).type).not.toBe('refused');
    expect(minedIds(net)).toEqual([id]);
  });

  test('a second endpoint takes what the first did not answer, and that is known', async () => {
    const { net, signed, at } = await world('6', 1_000);
    const silent = await devnet({ random: false });
    silent.inject({ kind: 'stall' });
    const { id, cbor } = signed();
    expect(await at(silent.url, net.url).submit(cbor, id, never)).toEqual({ type: 'accepted' });
    expect(minedIds(net)).toEqual([id]);
  });
});
