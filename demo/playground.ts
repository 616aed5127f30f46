import { setTimeout as sleep } from 'node:timers/promises';
import type { Customer } from './moves.js';
import type { Stage } from './stage.js';

const BLOCK_EVERY_MS = 2_000;
/** Now and then, as on a real chain. */
const FORK_EVERY_BLOCKS = 15;

/** Goes on with random deposits, sweeps and small forks until the signal. */
export async function stayUp(stage: Stage, customers: readonly Customer[]): Promise<void> {
  const { devnet, narrator, signal } = stage;
  devnet.chain.watch(customers.map(({ address }) => address));
  await sayWhatToTry(stage, customers);
  const ended = () => signal.aborted;
  for (let blocks = 1; !ended(); blocks += 1) {
    await sleep(BLOCK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    if (ended()) return;
    if (blocks % FORK_EVERY_BLOCKS === 0) {
      narrator.say('chain', 'a fork, 2 blocks deep');
      devnet.fork(2);
    } else devnet.mine(['random']);
  }
}

async function sayWhatToTry(stage: Stage, customers: readonly Customer[]): Promise<void> {
  const { narrator, devnet, keys, database } = stage;
  const leader = await stage.leader();
  const url = leader.url ?? '';
  const key = `-H 'authorization: Bearer ${keys.backend}'`;
  const [ann] = customers;
  const lines = [
    '',
    `It goes on with a block every ${BLOCK_EVERY_MS / 1000} s, random deposits and now and then a fork. Try:`,
    '',
    `  curl ${url}/status`,
    `  curl ${url}/health/ready`,
    `  curl ${url}/metrics`,
    `  curl ${key} '${url}/v1/payments?status=pending'`,
    `  curl ${key} ${url}/v1/users/${ann?.userId ?? ''}/balances`,
    `  curl ${key} ${url}/v1/addresses -H 'content-type: application/json' -d '{"address": "${stage.newAddress()}", "userId": "dora"}'`,
    `  curl ${key} ${url}/v1/payouts -H 'content-type: application/json' -H 'idempotency-key: mine-1' -d '{"destinationAddress": "${stage.newAddress()}", "amountLovelace": "4000000", "userId": "${ann?.userId ?? ''}"}'`,
    '',
    `  curl ${devnet.httpUrl}/control/pay -d '{"address": "${ann?.address ?? ''}", "lovelace": "12000000", "mine": true}'`,
    `  curl ${devnet.httpUrl}/control/fork -d '{"depth": 2}'`,
    `  curl ${devnet.httpUrl}/control                  (all that the simulated chain can do)`,
    '',
    ...customers.map(({ userId, address }) => `  ${userId}'s address: ${address}`),
    `  the worker is on ${database.where}`,
    '',
    'Ctrl-C ends everything and leaves nothing behind.',
    '',
  ];
  for (const line of lines) narrator.plain(line);
}
