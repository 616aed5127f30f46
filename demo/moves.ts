import { setTimeout as sleep } from 'node:timers/promises';
import type { DevnetBlock } from '../src/devnet/chain.js';
import type { TransactionDraft } from '../src/devnet/draft.js';
import type { DevnetTransaction } from '../src/devnet/transaction.js';
import type { PaymentView } from './api.js';
import type { Stage } from './stage.js';
import { expectThat } from './wait.js';
import { ada, short } from './words.js';

/** A customer of the company, with the address that was given out for deposits. */
export type Customer = { readonly userId: string; readonly address: string };

export type Included = { readonly block: DevnetBlock; readonly transaction: DevnetTransaction };

const READING_PAUSE_MS = 350;

/** Puts a transaction into the next block, says so, and waits until the worker has recorded that block. */
export async function include(
  stage: Stage,
  draft: TransactionDraft,
  words: string,
): Promise<Included> {
  await sleep(READING_PAUSE_MS, undefined, { signal: stage.signal });
  const block = stage.makeBlock([draft]);
  const [transaction] = block.transactions;
  expectThat(transaction !== undefined, 'a block without the transaction that it was made for');
  const strangers = block.transactions.length - 1;
  stage.narrator.say('chain', `block ${block.height}: ${words} (and ${strangers} of strangers)`);
  await stage.recorded();
  return { block, transaction };
}

export const pay = (stage: Stage, customer: Customer, lovelace: bigint): Promise<Included> =>
  include(
    stage,
    { pay: [{ address: customer.address, lovelace }] },
    `a transaction pays ${ada(lovelace)} to ${customer.userId}'s address`,
  );

/** What the API says of a transaction's first output. */
export async function recordOf(
  { api }: Stage,
  { transaction }: Included,
  index = 0,
): Promise<PaymentView> {
  const payment = await api.payment(transaction.id, index);
  expectThat(payment !== undefined, `payment ${short(transaction.id)}#${index} is not recorded`);
  return payment;
}

export async function expectStatus(
  stage: Stage,
  included: Included,
  status: string,
): Promise<PaymentView> {
  const payment = await recordOf(stage, included);
  expectThat(payment.status === status, `the payment is ${payment.status}, not ${status}`);
  return payment;
}

/** Mines until the payment is as deep as it has to be; it must become confirmed there, and not before. */
export async function untilConfirmed(stage: Stage, included: Included): Promise<PaymentView> {
  for (;;) {
    const payment = await recordOf(stage, included);
    const { confirmations, requiredConfirmations, status } = payment;
    const deep = confirmations >= requiredConfirmations;
    expectThat(
      status === (deep ? 'confirmed' : 'pending'),
      `${confirmations} of ${requiredConfirmations} confirmations, and the payment is ${status}`,
    );
    if (deep) return payment;
    stage.narrator.say(
      'company',
      `GET /v1/payments: ${status}, ${confirmations} of ${requiredConfirmations} confirmations`,
    );
    await stage.mine();
  }
}

/** A user's ada, compared exactly. */
export async function expectBalance(
  { api }: Stage,
  userId: string,
  expected: { readonly available: bigint; readonly pending: bigint },
): Promise<void> {
  const { available, pending } = await api.balance(userId);
  expectThat(
    BigInt(available) === expected.available && BigInt(pending) === expected.pending,
    `${userId} has ${ada(available)} available and ${ada(pending)} pending; ` +
      `expected ${ada(expected.available)} and ${ada(expected.pending)}`,
  );
}
