import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { freePort } from '../support/postgres-server.js';
import { root } from '../support/sources.js';
import {
  ask,
  ENVIRONMENT,
  KEY_HEX,
  KEYS,
  type PayoutWorld,
  PROGRAM,
  promise,
  SOON,
  test,
} from './payout-world.js';

const pem = (name: string): string => join(root, 'test/support/certificates', `${name}.pem`);

/** `teller signer` in a process of its own, which knows nothing but the key and whom to sign for. */
function startSigner(world: PayoutWorld, port: number) {
  const words = [
    ...['signer', '--key', world.keyPath, '--port', String(port)],
    ...['--cert', pem('server'), '--key-file', pem('server-key'), '--ca', pem('authority')],
    ...['--max-per-transaction-ada', '100'],
  ];
  const { NETWORK, HOT_WALLET_ADDRESS } = ENVIRONMENT;
  const child: ChildProcess = spawn(process.execPath, [PROGRAM, ...words], {
    env: { PATH: process.env.PATH, NETWORK, HOT_WALLET_ADDRESS },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exited = once(child, 'exit');
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  const listening = vi.waitFor(() => expect(output).toContain('"event":"listening"'), SOON);
  return { end, listening, output: () => output };
}

describe('a signer that is kept elsewhere', { timeout: 90_000 }, () => {
  test('is waited for while it is gone, and what was asked for meanwhile is paid when it is back', async ({
    open,
    onTestFinished,
  }) => {
    const world = await open();
    const port = await freePort();
    const environment = {
      SIGNER: `https://127.0.0.1:${port}`,
      SIGNER_CLIENT_CERT_FILE: pem('client'),
      SIGNER_CLIENT_KEY_FILE: pem('client-key'),
      SIGNER_CA_FILE: pem('authority'),
    };
    // Deposits are no business of the signer's: the worker does all the rest without it.
    const worker = await world.start(environment);
    world.mineEvery(200);
    await worker.untilReadiness('ready');
    await worker.until('signer_unreachable');
    const { payout: first } = await ask(worker, promise(1));
    const signer = startSigner(world, port);
    onTestFinished(() => signer.end());
    await signer.listening;
    await world.untilStatus(first.id, 'confirmed');

    await signer.end();
    const { payout: second } = await ask(worker, promise(2));
    const height = await world.height();
    await vi.waitFor(async () => expect(await world.height()).toBeGreaterThan(height + 15), SOON);
    expect(await world.payout(second.id)).toMatchObject({ status: 'queued', tx_hash: null });
    const back = startSigner(world, port);
    onTestFinished(() => back.end());
    await world.untilStatus(second.id, 'confirmed', 30_000);

    // Beyond what the signer's own limits let leave: the worker can ask as often as it likes.
    const { payout: large } = await ask(worker, { ...promise(3), lovelace: 101_000_000n });
    await vi.waitFor(() => expect(back.output()).toContain('"event":"signing_refused"'), SOON);
    expect(await world.payout(large.id)).toMatchObject({ status: 'queued', tx_hash: null });
    const { body } = await worker.post(`/v1/payouts/${large.id}/cancel`, {}, KEYS.shop);
    expect(body).toMatchObject({ status: 'cancelled' });
    for (const output of [worker.output(), signer.output(), back.output()]) {
      expect(output).not.toContain(KEY_HEX.slice(0, 12));
    }
    expect(await world.statuses()).toEqual({ confirmed: 2, cancelled: 1 });
  });
});
