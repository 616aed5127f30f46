import {
  type Customer,
  expectBalance,
  expectStatus,
  include,
  pay,
  recordOf,
  untilConfirmed,
} from './moves.js';
import type { Stage } from './stage.js';
import { expectThat } from './wait.js';
import { ada } from './words.js';

const ADA = 1_000_000n;

export async function forkAndBack(stage: Stage, ann: Customer): Promise<void> {
  const { narrator } = stage;
  narrator.chapter(
    'A fork takes a deposit back, and it comes again',
    'Two block producers were at it at once; the other chain got longer. What was in our blocks is',
    'undone. Usually the same transaction is in another block soon after.',
  );
  const paid = await pay(stage, ann, 40n * ADA);
  await stage.mine();
  await expectBalance(stage, ann.userId, { available: 25n * ADA, pending: 40n * ADA });
  const depth = 2;
  narrator.say(
    'chain',
    `fork: the last ${depth} blocks are replaced by ${depth + 1} others, without the payment`,
  );
  await stage.fork(depth, { comeBack: 'none' });
  await expectStatus(stage, paid, 'rolled_back');
  await expectBalance(stage, ann.userId, { available: 25n * ADA, pending: 0n });
  narrator.held('status rolled_back; the 40 ada that were pending are no more');

  const block = stage.makeBlock([paid.transaction]);
  narrator.say('chain', `block ${block.height}: the very same transaction is in a block again`);
  await stage.recorded();
  expectThat(
    (await expectStatus(stage, paid, 'pending')).blockHeight === block.height,
    'the payment names the wrong block',
  );
  await untilConfirmed(stage, paid);
  await expectBalance(stage, ann.userId, { available: 65n * ADA, pending: 0n });
  await showLedger(stage, ann.userId, 5);
  narrator.held('one payment, one net credit: ann has 65 ada. Nothing was edited, only appended');
}

export async function confirmedAndReversed(stage: Stage, bob: Customer): Promise<void> {
  const { narrator } = stage;
  narrator.chapter(
    'A confirmed deposit is taken back',
    'A fork deeper than the policy expects, and the sender used it to spend the money elsewhere.',
    'No number of confirmations is a promise; the books have to follow the chain anyway.',
  );
  const paid = await pay(stage, bob, 60n * ADA);
  await untilConfirmed(stage, paid);
  await expectBalance(stage, bob.userId, { available: 62n * ADA, pending: 0n });
  const depth = 4;
  await stage.mine();
  narrator.say('chain', `fork ${depth} deep: the sender's coins pay somebody else there`);
  const elsewhere = {
    pay: [{ address: stage.newAddress(), lovelace: 60n * ADA }],
    spend: paid.transaction.inputs,
  };
  await stage.fork(depth, { comeBack: 'none', content: [elsewhere] });
  await expectStatus(stage, paid, 'rolled_back');
  await expectBalance(stage, bob.userId, { available: 2n * ADA, pending: 0n });
  await showLedger(stage, bob.userId, 4);
  narrator.held('a reversal was appended to the ledger; bob has 2 ada again');
}

/** The last entries of a user's ada. */
export async function showLedger(
  { api, narrator }: Stage,
  userId: string,
  count: number,
): Promise<void> {
  const entries = (await api.ledger(userId)).filter(({ unit }) => unit === 'lovelace');
  narrator.say('company', `GET /v1/users/${userId}/ledger, the last ${count} entries in ada:`);
  for (const { bucket, type, amount, reason } of entries.slice(-count)) {
    const sign = type === 'credit' ? '+' : '-';
    narrator.plain(
      `              ${bucket.padEnd(9)} ${`${sign}${ada(amount)}`.padStart(9)}  ${reason}`,
    );
  }
}

export async function sweep(stage: Stage, ann: Customer): Promise<void> {
  const { narrator } = stage;
  narrator.chapter(
    'The company moves the money',
    'Sweeping a deposit to a vault spends its output. That is no withdrawal of the customer.',
  );
  const paid = await pay(stage, ann, 15n * ADA);
  const sweeping = await include(
    stage,
    {
      pay: [{ address: stage.newAddress(), lovelace: 14n * ADA }],
      spend: [`${paid.transaction.id}#0`],
    },
    'the 15 ada deposit is spent to a vault',
  );
  await untilConfirmed(stage, paid);
  const { spentBy } = await recordOf(stage, paid);
  expectThat(spentBy === sweeping.transaction.id, `spentBy is ${spentBy ?? 'null'}`);
  await expectBalance(stage, ann.userId, { available: 80n * ADA, pending: 0n });
  narrator.held('spentBy names the sweep; ann was credited and has 80 ada');
}
