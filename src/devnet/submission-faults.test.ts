import { describe, expect, test } from 'vitest';
import { connect, devnet, NEXT, TIP } from '../../test/support/devnet.js';
import { makeWallet } from '../../test/support/devnet-wallet.js';
import type { Fault } from './faults.js';

const wallet = makeWallet(11);

/** A devnet with a client and a transaction of a wallet that it funded. */
async function scene(version: '6' | '7' = '7') {
  const net = await devnet({ random: false, version });
  const { transaction } = net.payNow({ address: wallet.address, lovelace: 9_000_000n });
  const { id, cbor } = wallet.sign({
    spend: [`${transaction.id}#0`],
    pay: [{ address: wallet.address, lovelace: 8_800_000n }],
  });
  const submit = JSON.stringify({
    jsonrpc: '2.0',
    method: 'submitTransaction',
    params: { transaction: { cbor: cbor.toString('hex') } },
    id: 'submission',
  });
  const client = await connect(net.url);
  const pooled = () => net.chain.mempool.transactions().map((one) => one.id);
  const inject = (fault: Fault) => net.inject(fault);
  return { net, id, submit, client, pooled, inject };
}

const read = (text: string) => JSON.parse(text) as Record<string, unknown>;
const ERROR = { error: 'Something else went wrong.' };

describe('submissions', () => {
  test('late: taken at once, the answer overtaken by others', async () => {
    const { id, submit, client, pooled, inject } = await scene();
    inject({ kind: 'submitLate', times: 1, delayMs: 40 });
    const start = performance.now();
    client.socket.send(submit);
    expect(await client.ask(TIP)).toContain('"id":7');
    expect(pooled()).toEqual([id]);
    expect(read(await client.take())).toMatchObject({ result: { transaction: { id } } });
    expect(performance.now() - start).toBeGreaterThan(39);
  });

  test('unanswered: taken, and in the next block', async () => {
    const { net, id, submit, client, pooled, inject } = await scene();
    inject({ kind: 'submitUnanswered', times: 1 });
    client.socket.send(submit);
    expect(await client.ask(TIP)).toContain('"id":7');
    expect(pooled()).toEqual([id]);
    expect(net.mine().transactions.map((one) => one.id)).toEqual([id]);
    expect(client.arrived).toEqual([]);
    // The fault is used up: the truth is told again.
    expect(read(await client.ask(submit))).toMatchObject({ error: { code: 3997 } });
  });

  test('misreported: taken, and answered with an error', async () => {
    const { id, submit, client, pooled, inject } = await scene();
    const fault = { code: 3997, message: 'No.', data: ERROR };
    inject({ kind: 'submitMisreported', times: 1, ...fault });
    expect(read(await client.ask(submit))).toEqual({
      jsonrpc: '2.0',
      method: 'submitTransaction',
      error: { code: 3997, message: 'No.', data: ERROR },
      id: 'submission',
    });
    expect(pooled()).toEqual([id]);
  });

  test('refused: however good it is', async () => {
    const { id, submit, client, pooled, inject } = await scene();
    inject({ kind: 'submitRefused', times: 1, code: 3997, data: ERROR });
    expect(read(await client.ask(submit))).toMatchObject({ error: { code: 3997, data: ERROR } });
    expect(pooled()).toEqual([]);
    expect(read(await client.ask(submit))).toMatchObject({ result: { transaction: { id } } });
  });

  test('forgotten: answered as taken, and gone; taken when it comes again', async () => {
    const { net, id, submit, client, pooled, inject } = await scene();
    inject({ kind: 'submitForgotten', times: 1 });
    expect(read(await client.ask(submit))).toMatchObject({ result: { transaction: { id } } });
    expect(pooled()).toEqual([]);
    expect(net.mine().transactions).toEqual([]);
    expect(read(await client.ask(submit))).toMatchObject({ result: { transaction: { id } } });
    expect(pooled()).toEqual([id]);
  });

  test('full: refused until there is room', async () => {
    const { net, id, submit, client, inject } = await scene();
    inject({ kind: 'mempoolFull' });
    for (let i = 0; i < 2; i += 1) {
      expect(read(await client.ask(submit))).toMatchObject({
        error: { code: 3997, data: { error: expect.stringContaining('full') as string } },
      });
    }
    net.heal('mempoolFull');
    expect(read(await client.ask(submit))).toMatchObject({ result: { transaction: { id } } });
  });

  test('congestion: blocks come without what was submitted', async () => {
    const { net, id, submit, client, pooled, inject } = await scene();
    inject({ kind: 'congestion' });
    await client.ask(submit);
    expect(net.mine().transactions).toEqual([]);
    expect(pooled()).toEqual([id]);
    net.heal();
    expect(net.mine().transactions.map((one) => one.id)).toEqual([id]);
  });

  test('of bytes that are no transaction are never late nor silent', async () => {
    const { submit, client, inject } = await scene('6');
    inject({ kind: 'submitUnanswered', times: 1 });
    const answer = read(await client.ask(submit.replace(/"cbor":"84/, '"cbor":"83')));
    expect(answer).toMatchObject({ error: { code: -32602 } });
  });

  test('over HTTP are judged as over a socket', async () => {
    const { net, id, submit } = await scene();
    const post = () => fetch(net.httpUrl, { method: 'POST', body: submit });
    expect(await (await post()).json()).toMatchObject({ result: { transaction: { id } } });
    const again = await post();
    expect(again.status).toBe(400);
    expect(await again.json()).toMatchObject({ error: { code: 3997 } });
  });

  test('come back with a fork, unless it is to lose them', async () => {
    const { net, id, submit, client } = await scene();
    await client.ask(submit);
    net.mine();
    const ids = (blocks: readonly { transactions: readonly { id: string }[] }[]) =>
      blocks.flatMap(({ transactions }) => transactions.map((one) => one.id));
    expect(ids(net.fork(1))).toEqual([id]);
    // Together with the payment that they spend.
    expect(ids(net.fork(4))).toHaveLength(2);
    expect(ids(net.fork(6, { comeBack: 'none' }))).toEqual([]);
    expect(ids([net.mine()])).toEqual([]);
    expect(await client.ask(NEXT)).toContain('backward');
  });
});

describe('slots', () => {
  test('follow the clock where blocks come by themselves', async () => {
    const net = await devnet({ blockTimeMs: 10, random: false });
    const { length } = net.chain.blocks();
    const start = net.chain.blocks().at(-1)!.slot;
    await expect.poll(() => net.chain.blocks().length).toBeGreaterThan(length + 5);
    const { slot } = net.chain.blocks().at(-1)!;
    // One for each block: coming faster than the seconds, they only count.
    expect(slot - start).toBe(net.chain.blocks().length - length);
  });
});
