import { showLedger } from './forks.js';
import type { Customer } from './moves.js';
import { include } from './moves.js';
import { ask, expectHeld, expectPaidOnce, untilInMempool, untilPaid } from './payout-moves.js';
import { POLICY } from './settings.js';
import type { Stage } from './stage.js';
import { expectThat } from './wait.js';
import { ada, seconds, short } from './words.js';

const ADA = 1_000_000n;
const FUNDS = [500n * ADA, 500n * ADA, 500n * ADA];

export async function fundHotWallet(stage: Stage): Promise<void> {
  const { api, hotWallet, narrator } = stage;
  narrator.chapter(
    'The hot wallet',
    'What the company pays out comes from an address of its own. Its key was made a minute ago, is in',
    "a file that only its owner can read (SIGNER=file:…), and signs for real, with the ledger's rules.",
  );
  const outputs = FUNDS.map((lovelace) => ({ address: hotWallet.address, lovelace }));
  const total = FUNDS.reduce((sum, lovelace) => sum + lovelace, 0n);
  await include(stage, { pay: outputs }, `${ada(total)} for the hot wallet, in 3 outputs`);
  const found = (await api.payments()).filter(({ address }) => address === hotWallet.address);
  expectThat(found.length === 0, 'what the hot wallet received is listed as a payment');
  narrator.held('recorded, and nobody is credited for it');
}

export async function payout(stage: Stage, ann: Customer): Promise<void> {
  const { api, narrator } = stage;
  narrator.chapter(
    'A payout',
    'The amount is held at once. The company may ask again as often as it likes, after every',
    'time-out and every crash: one Idempotency-Key is one payout.',
  );
  const wanted = {
    destinationAddress: stage.newAddress(),
    amountLovelace: (30n * ADA).toString(),
    userId: ann.userId,
  };
  const asked = await ask(stage, 'withdrawal-1', wanted);
  await expectHeld(stage, ann.userId, { available: 50n * ADA, held: 30n * ADA });
  const again = await api.askPayout('withdrawal-1', wanted);
  expectThat(again.status === 200, `the same payout again answered ${again.status}`);
  expectThat(again.payout.id === asked.id, 'the same request made another payout');
  narrator.held('30 ada are held; the same request again is the same payout (200)');
  await untilInMempool(stage, asked);
  const paid = await untilPaid(stage, asked);
  expectPaidOnce(stage, paid);
  await expectHeld(stage, ann.userId, { available: 50n * ADA, held: 0n });
  narrator.held(
    `paid once by the chain's own ledger; the fee of ${ada(paid.feeLovelace ?? 0n)} is the company's`,
  );
}

export async function secondPerson(stage: Stage): Promise<void> {
  const { api, devnet, keys, narrator } = stage;
  narrator.chapter(
    'A second person',
    `Above ${POLICY.approvalAboveAda} ada (PAYOUT_APPROVAL_ABOVE_ADA) another key than the one that asked must approve.`,
  );
  const wanted = {
    destinationAddress: stage.newAddress(),
    amountLovelace: (150n * ADA).toString(),
  };
  const asked = await ask(stage, 'treasury-1', wanted, 'awaiting_approval');
  const own = await api.approve(asked.id);
  expectThat(own.status === 403, `approving one's own payout answered ${own.status}`);
  await stage.mine();
  expectThat(devnet.chain.mempool.transactions().length === 0, 'it was submitted unapproved');
  expectThat((await api.payout(asked.id)).status === 'awaiting_approval', 'it went on unapproved');
  narrator.held('the key that asked for it may not approve it (403); it waits');
  const approved = await api.approve(asked.id, keys.approver);
  expectThat(approved.status === 200, `approving answered ${approved.status}`);
  narrator.say('company', 'POST /v1/payouts/…/approve with the second key → 200');
  await untilInMempool(stage, asked);
  expectPaidOnce(stage, await untilPaid(stage, asked));
  narrator.held("approved, and paid once by the chain's own ledger");
}

export async function payerKilled(stage: Stage): Promise<void> {
  const { api, devnet, narrator } = stage;
  narrator.chapter(
    'The payer dies in the middle',
    'The node takes the transaction and never answers, and then kill -9: nobody knows whether it was',
    'submitted. Paying again could pay twice. What was signed was written down first, and only that can be paid.',
  );
  const victim = await stage.payer();
  devnet.inject({ kind: 'submitUnanswered', times: 1 });
  const wanted = {
    destinationAddress: stage.newAddress(),
    amountLovelace: (12n * ADA).toString(),
    userId: 'carol',
  };
  const asked = await ask(stage, 'withdrawal-2', wanted);
  const txHash = await untilInMempool(stage, asked);
  const killedAt = performance.now();
  await victim.kill();
  narrator.say(`teller ${victim.name}`, `(process ${victim.pid} was killed)`);
  const again = await api.askPayout('withdrawal-2', wanted);
  expectThat(again.payout.id === asked.id, 'the same request made another payout');
  const successor = await stage.payer();
  narrator.held(`${successor.name} pays after ${seconds(performance.now() - killedAt)}`);
  const paid = await untilPaid(stage, asked);
  expectThat(paid.txHash === txHash, `another transaction pays it: ${paid.txHash ?? 'none'}`);
  expectPaidOnce(stage, paid);
  await expectHeld(stage, 'carol', { available: 28n * ADA, held: 0n });
  narrator.held(`the very transaction ${short(txHash)} is in a block: carol was paid once`);
  await stage.start(victim.name);
}

export async function payoutForked(stage: Stage): Promise<void> {
  const { api, devnet, narrator } = stage;
  narrator.chapter(
    'A fork takes a payout back',
    'It was confirmed, and its block is gone. The same signed bytes are submitted again: two of them',
    'can never be in one chain. Another transaction for the same payout could.',
  );
  const wanted = {
    destinationAddress: stage.newAddress(),
    amountLovelace: (8n * ADA).toString(),
    userId: 'carol',
  };
  const asked = await ask(stage, 'withdrawal-3', wanted);
  const txHash = await untilInMempool(stage, asked);
  expectPaidOnce(stage, await untilPaid(stage, asked));
  await expectHeld(stage, 'carol', { available: 20n * ADA, held: 0n });
  const depth = POLICY.payoutDepth;
  narrator.say(
    'chain',
    `fork: the last ${depth} blocks are replaced, and every node forgot the payout`,
  );
  await stage.fork(depth, { comeBack: 'none' });
  const { status } = await api.payout(asked.id);
  expectThat(status === 'submitted', `its block is gone and the payout is ${status}`);
  await expectHeld(stage, 'carol', { available: 20n * ADA, held: 8n * ADA });
  narrator.held('status submitted; its 8 ada are held again');
  expectThat((await untilInMempool(stage, asked)) === txHash, 'another transaction was submitted');
  const paid = await untilPaid(stage, asked);
  expectThat(devnet.chain.mempool.transactions().length === 0, 'something waits to be paid again');
  expectPaidOnce(stage, paid);
  await showLedger(stage, 'carol', 6);
  await expectHeld(stage, 'carol', { available: 20n * ADA, held: 0n });
  narrator.held("the same transaction again, paid once by the chain's own ledger");
}

/** To the lovelace: what was put into the hot wallet, less what payouts and their fees took. */
export async function compareHotWallet(stage: Stage): Promise<string> {
  const { api, devnet, hotWallet } = stage;
  const payouts = await api.payouts();
  const open = payouts.filter(({ status }) => status !== 'confirmed');
  expectThat(open.length === 0, `${open.length} payouts aren't confirmed`);
  for (const one of payouts) expectPaidOnce(stage, one);
  const spent = payouts.reduce(
    (sum, one) => sum + BigInt(one.amountLovelace) + BigInt(one.feeLovelace ?? 0),
    0n,
  );
  const expected = FUNDS.reduce((sum, lovelace) => sum + lovelace, 0n) - spent;
  const { tip } = devnet.chain;
  const unspent = devnet.chain.unspentAt(tip === 'origin' ? tip : tip.id, [hotWallet.address]);
  const there = [...unspent.values()].reduce((sum, { lovelace }) => sum + lovelace, 0n);
  expectThat(there === expected, `the hot wallet has ${ada(there)}, expected ${ada(expected)}`);
  return `${payouts.length} payouts, each paid once; the hot wallet has the ${ada(there)} it should`;
}
