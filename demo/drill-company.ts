import { makeAddress } from '../src/devnet/address.js';
import { createRandom } from '../src/devnet/random.js';
import type { Devnet } from '../src/devnet/server.js';
import type { Api } from './api.js';
import { type Instance, type LogLine, startInstance } from './instance.js';
import type { Narrator } from './narrator.js';
import { MAGIC } from './settings.js';
import { expectThat, waitFor } from './wait.js';

const START_MS_MAX = 30_000;
const STEP_MS_MAX = 60_000;
export const ADA = 1_000_000n;

export type Customer = { readonly userId: string; readonly address: string };

export const makeCustomers = (count: number): Customer[] => {
  const random = createRandom('drill');
  return Array.from({ length: count }, (_, i) => ({
    userId: `user-${i + 1}`,
    address: makeAddress('base', MAGIC, random.bytes(28), random.bytes(28)),
  }));
};

/** Starts a worker and waits until it answers over HTTP. */
export async function startWorker(
  name: Instance['name'],
  settings: Readonly<Record<string, string>>,
  narrator: Narrator,
  signal: AbortSignal,
): Promise<Instance> {
  const instance = startInstance(name, settings, (line: LogLine) => {
    const isExpected = line.event === 'payouts_adopted';
    if ((line.level === 'error' || line.level === 'fatal') && !isExpected) {
      narrator.say(`teller ${name}`, `${line.event ?? ''} ${line.msg ?? ''}`);
    }
  });
  await waitFor(`teller ${name} answers over HTTP`, START_MS_MAX, signal, () => {
    if (instance.running) return instance.url;
    throw new Error(`teller ${name} ended: ${instance.lastWords()}`);
  });
  return instance;
}

/** Until the worker stands where the chain stands. */
export async function atTip(worker: Instance, devnet: Devnet, signal: AbortSignal): Promise<void> {
  const { tip } = devnet.chain;
  if (tip === 'origin') return;
  const point = `${tip.slot}.${tip.id}`;
  await waitFor(`block ${tip.height} is recorded`, STEP_MS_MAX, signal, () => {
    expectThat(worker.running, `the worker ended: ${worker.lastWords()}`);
    return worker.cursor === point ? true : undefined;
  });
}

/** Mines until `probe` answers. */
export async function mineUntil<T>(
  what: string,
  devnet: Devnet,
  signal: AbortSignal,
  probe: () => Promise<T | undefined>,
): Promise<T> {
  const timer = setInterval(() => void devnet.mine(), 150);
  try {
    return await waitFor(what, STEP_MS_MAX, signal, probe);
  } finally {
    clearInterval(timer);
  }
}

/** Each of them gets this much, in blocks of a hundred. */
export function payEach(devnet: Devnet, customers: readonly Customer[], lovelace: bigint): void {
  for (let i = 0; i < customers.length; i += 100) {
    const chunk = customers.slice(i, i + 100);
    devnet.payNow(...chunk.map(({ address }) => ({ address, lovelace })));
  }
}

/** Pays customers some ada each, and waits until all of it is confirmed. */
export async function payOut(
  api: Api,
  devnet: Devnet,
  customers: readonly Customer[],
  lovelace: bigint,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const random = createRandom(`destinations ${lovelace}`);
  const ids: string[] = [];
  for (const { userId } of customers) {
    const { payout } = await api.askPayout(`${userId}-${lovelace}`, {
      userId,
      destinationAddress: makeAddress('base', MAGIC, random.bytes(28), random.bytes(28)),
      amountLovelace: lovelace.toString(),
    });
    ids.push(payout.id);
  }
  await mineUntil('payouts are confirmed', devnet, signal, async () => {
    const payouts = await api.payouts();
    const open = payouts.filter(({ id, status }) => ids.includes(id) && status !== 'confirmed');
    return open.length === 0 ? true : undefined;
  });
  return ids;
}
