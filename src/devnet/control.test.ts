import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWallet } from '../../test/support/devnet-wallet.js';
import { makeAddress } from './address.js';
import { createRandom } from './random.js';
import { playScenario, readScenario, ScenarioError } from './scenario.js';
import type { Devnet } from './server.js';
import { startDevnet } from './server.js';

const owner = makeAddress('base', 42, createRandom('owner').bytes(28));
const unit = `${'ab'.repeat(28)}ff00`;
const wallet = makeWallet(7);
const payee = makeWallet(8).address;
let net: Devnet;

beforeAll(async () => {
  net = await startDevnet({ seed: 2, blocks: 6, random: false });
});
afterAll(() => net.close());

async function call(method: 'GET' | 'POST', path: string, body?: unknown) {
  const response = await fetch(`${net.httpUrl}/control${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('the control API', () => {
  test('pays an address exactly, at once or in the next block', async () => {
    const payment = {
      address: owner,
      lovelace: '9007199254740993',
      assets: { [unit]: '18446744073709551615' },
    };
    const { status, body } = await call('POST', '/pay', { ...payment, mine: true });
    expect(status).toBe(200);
    expect(body).toMatchObject({ index: 0, block: net.chain.blocks().at(-1)!.id });
    const reference = `${String(body.transaction)}#0`;
    const held = { reference, ...payment };
    expect((await call('GET', `/utxo?address=${owner}`)).body).toEqual([held]);
    expect((await call('POST', '/pay', { address: owner, lovelace: '2000000' })).body).toEqual({
      waiting: true,
    });
    expect((await call('GET', `/utxo?address=${owner}`)).body).toHaveLength(1);
    await call('POST', '/mine');
    expect((await call('GET', `/utxo?address=${owner}`)).body).toHaveLength(2);
  });

  test('mines and forks', async () => {
    const { length } = net.chain.blocks();
    await call('POST', '/mine', { blocks: 3 });
    expect(net.chain.blocks()).toHaveLength(length + 3);
    const kept = net.chain.blocks().at(-3)!.id;
    const { body } = await call('POST', '/fork', { depth: 2, blocks: 4 });
    expect(net.chain.blocks()).toHaveLength(length + 5);
    expect(net.chain.blocks().at(-5)!.id).toBe(kept);
    expect(body).toEqual({ tip: net.chain.tip });
    expect((await call('GET', '/tip')).body).toEqual(net.chain.tip);
  });

  test('injects faults and heals them', async () => {
    const { body } = await call('POST', '/fault', { kind: 'garbage' });
    expect(body).toEqual({ faults: [{ kind: 'garbage', times: 1 }] });
    await call('POST', '/fault', { kind: 'stall' });
    expect((await call('POST', '/heal', { kind: 'garbage' })).body).toEqual({
      faults: [{ kind: 'stall' }],
    });
    expect((await call('POST', '/heal')).body).toEqual({ faults: [] });
  });

  test('shows the mempool and what was paid on the chain, and lets it forget', async () => {
    const { transaction } = net.payNow({ address: wallet.address, lovelace: 9_000_000n });
    const { id, cbor } = wallet.sign({
      spend: [`${transaction.id}#0`],
      pay: [{ address: payee, lovelace: 8_800_000n }],
      invalidAfter: 1_000_000n,
    });
    const shown = {
      id,
      inputs: [`${transaction.id}#0`],
      outputs: [{ reference: `${id}#0`, address: payee, lovelace: '8800000', assets: {} }],
      fee: '200000',
      invalidAfter: '1000000',
      bytes: cbor.length - 1,
    };
    expect(net.chain.mempool.submit(cbor).accepted).toBe(true);
    expect((await call('GET', '/mempool')).body).toEqual([shown]);
    expect((await call('POST', '/evict', { count: 1 })).body).toEqual({ evicted: [id] });
    expect((await call('GET', '/mempool')).body).toEqual([]);
    expect(net.chain.mempool.submit(cbor).accepted).toBe(true);
    expect((await call('GET', `/transactions?address=${payee}`)).body).toEqual([]);
    const { height, slot, id: block } = net.mine();
    net.mine();
    const mined = [{ ...shown, block, height, slot, confirmations: 2 }];
    expect((await call('GET', `/transactions?address=${payee}`)).body).toEqual(mined);
    expect((await call('GET', `/transactions?id=${id}`)).body).toEqual(mined);
  });

  test('lets a rival spend what a transaction wants, and forgets a spend that a fork forestalls', async () => {
    const { transaction } = net.payNow({ address: wallet.address, lovelace: 9_000_000n });
    const references = [`${transaction.id}#0`];
    const { cbor } = wallet.sign({
      spend: references,
      pay: [{ address: wallet.address, lovelace: 8_800_000n }],
    });
    expect(net.chain.mempool.submit(cbor).accepted).toBe(true);
    const { status } = await call('POST', '/spend', { references, to: payee, mine: true });
    expect(status).toBe(200);
    expect((await call('GET', '/mempool')).body).toEqual([]);
    expect(net.chain.blocks().at(-1)!.transactions[0]!.inputs).toContain(references[0]);
    expect((await call('POST', '/spend', { references })).body.error).toMatch(/not there/);
    const latest = net.chain.blocks().at(-1)!.transactions[0]!.id;
    await call('POST', '/spend', { references: [`${latest}#0`] });
    await call('POST', '/fork', { depth: 1, comeBack: 'none' });
    expect(net.chain.blocks().at(-1)!.transactions).toEqual([]);
  });

  test('lists all that it can do', async () => {
    const { body } = await call('GET', '');
    const { calls, faults } = body as { calls: object; faults: object };
    const paths = Object.keys(calls).filter((one) => one.startsWith('POST'));
    for (const path of paths) {
      // Each of them exists: nothing but the fields is what it misses.
      const answer = await call('POST', path.replace('POST /control', ''), { surprise: 1 });
      expect(answer.status).toBe(400);
      expect(String(answer.body.error)).not.toContain('at do');
    }
    const offered = String((await call('POST', '/fault', { kind: 'x' })).body.error);
    for (const kind of Object.keys(faults)) expect(offered).toContain(`'${kind}'`);
    expect(offered.match(/'\w+'/g)).toHaveLength(Object.keys(faults).length);
  });

  test.each<[string, unknown, RegExp]>([
    ['/pay', { address: owner, lovelace: 5 }, /lovelace/],
    ['/pay', { address: owner, lovelace: '1e9' }, /decimal string/],
    ['/pay', { address: owner, lovelace: '18446744073709551616' }, /below 2\^64/],
    ['/pay', { address: owner, lovelace: '5', assets: { xyz: '1' } }, /policy id and asset name/],
    ['/pay', { address: `${owner}x`, lovelace: '5' }, /checksum/],
    ['/pay', { address: owner, lovelace: '18446744073709551615' }, /faucet can't pay/],
    ['/mine', { blocks: 0 }, /blocks/],
    ['/mine', { block: 1 }, /block/],
    ['/fork', { depth: 100_000 }, /can't go 100000 blocks back/],
    ['/spend', { references: ['ab#0'] }, /TRANSACTION_ID#INDEX/],
    ['/evict', { count: 0 }, /count/],
    ['/dance', {}, /'pay' \| 'mine'/],
    ['/pay', [], /expected record/],
  ])('refuses %s %j, and changes nothing', async (path, body, why) => {
    const { tip } = net.chain;
    const answer = await call('POST', path, body);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatch(why);
    expect(net.chain.tip).toEqual(tip);
  });

  test('leaves every other path alone', async () => {
    expect((await fetch(`${net.httpUrl}/elsewhere`)).status).toBe(404);
    expect((await fetch(`${net.httpUrl}/control/nothing`)).status).toBe(404);
  });
});

describe('scenarios', () => {
  test('play their steps in order, each after its time', async () => {
    const { length } = net.chain.blocks();
    const steps = readScenario(
      `[{"afterMs": 20, "do": "pay", "address": "${owner}", "lovelace": "3000000"},
        {"do": "mine", "blocks": 2}, {"afterMs": 20, "do": "fork", "depth": 1}]`,
    );
    const told: string[] = [];
    const start = performance.now();
    await playScenario(
      net,
      steps,
      ({ action }) => told.push(action.do),
      new AbortController().signal,
    );
    expect(performance.now() - start).toBeGreaterThan(35);
    expect(told).toEqual(['pay', 'mine', 'fork']);
    expect(net.chain.blocks()).toHaveLength(length + 3);
  });

  test('end at once when they are stopped', async () => {
    const stop = new AbortController();
    const steps = readScenario('[{"afterMs": 60000, "do": "mine"}]');
    const { tip } = net.chain;
    setTimeout(() => stop.abort(), 10);
    await playScenario(net, steps, () => undefined, stop.signal);
    expect(net.chain.tip).toEqual(tip);
  });

  test.each([
    ['{', /not JSON/],
    ['{}', /must be a list/],
    [
      '[{"do":"mine"},{"afterMs":-1,"do":"mine"},{"do":"jump"}]',
      /^step 2: .*afterMs\nstep 3: .*do$/s,
    ],
    ['[{"do":"fault","fault":{"kind":"slow"}}]', /delayMs/],
  ])('refuse %s with what is wrong where', (text, why) => {
    expect(() => readScenario(text)).toThrow(ScenarioError);
    expect(() => readScenario(text)).toThrow(why);
  });
});
