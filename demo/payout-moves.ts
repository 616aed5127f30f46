import { onChain } from '../src/devnet/look.js';
import type { PayoutView } from '../src/payouts/model/payout.js';
import type { WantedPayout } from './api.js';
import { POLICY } from './settings.js';
import type { Stage } from './stage.js';
import { expectThat, waitFor } from './wait.js';
import { ada, short } from './words.js';

/** A sweep and a look at the node, on a busy machine; a payer that crashed is replaced within it too. */
const PAY_MS_MAX = 20_000;

/** Asks for a payout, says so, and expects it to be in this state. */
export async function ask(
  { api, narrator }: Stage,
  idempotencyKey: string,
  wanted: WantedPayout,
  status: PayoutView['status'] = 'queued',
): Promise<PayoutView> {
  const answer = await api.askPayout(idempotencyKey, wanted);
  const { payout } = answer;
  narrator.say(
    'company',
    `POST /v1/payouts, Idempotency-Key ${idempotencyKey}: ${ada(wanted.amountLovelace)} for ` +
      `${wanted.userId ?? 'the company'} → ${answer.status}, ${payout.status}`,
  );
  expectThat(answer.status === 201, `a new payout answered ${answer.status}`);
  expectThat(payout.status === status, `the payout is ${payout.status}, not ${status}`);
  return payout;
}

/** Until the simulated node has a transaction that pays it. @returns that transaction's id */
export async function untilInMempool(stage: Stage, { id }: PayoutView): Promise<string> {
  const { api, devnet, signal, narrator } = stage;
  const txHash = await waitFor('a transaction is in the mempool', PAY_MS_MAX, signal, async () => {
    const { txHash: hash } = await api.payout(id);
    const there = devnet.chain.mempool.transactions().some((one) => one.id === hash);
    return there && hash !== null ? hash : undefined;
  });
  narrator.say('chain', `transaction ${short(txHash)} is in the mempool`);
  return txHash;
}

/** Mines until the payout is as deep as it has to be; it must be confirmed there, and not before. */
export async function untilPaid(stage: Stage, { id }: PayoutView): Promise<PayoutView> {
  const { api, narrator } = stage;
  for (let depth = 1; ; depth += 1) {
    await stage.mine();
    const payout = await api.payout(id);
    const expected = depth >= POLICY.payoutDepth ? 'confirmed' : 'in_block';
    expectThat(payout.status === expected, `${depth} deep the payout is ${payout.status}`);
    if (payout.status === 'confirmed') return payout;
    narrator.say(
      'company',
      `GET /v1/payouts: ${payout.status}, ${depth} of ${POLICY.payoutDepth} blocks deep`,
    );
  }
}

/** What the simulated chain's own ledger says: one output pays it, in the transaction that the payout names. */
export function expectPaidOnce({ devnet }: Stage, payout: PayoutView): void {
  const { destinationAddress: address, amountLovelace, txHash } = payout;
  const paid = onChain(devnet.chain, [address], []).flatMap(({ id, outputs }) =>
    outputs.filter((output) => output.address === address).map((output) => ({ id, ...output })),
  );
  const told = paid.map(({ id, lovelace }) => `${ada(lovelace)} in ${short(id)}`).join(', ');
  expectThat(paid.length === 1, `it was paid ${paid.length} times: ${told}`);
  const [only] = paid;
  expectThat(
    only?.lovelace === amountLovelace && only.id === txHash,
    `the chain says ${told}, the worker ${ada(amountLovelace)} in ${txHash ?? 'nothing'}`,
  );
}

/** A user's ada that can be used, and that a payout holds. */
export async function expectHeld(
  { api }: Stage,
  userId: string,
  expected: { readonly available: bigint; readonly held: bigint },
): Promise<void> {
  const { available, held } = await api.balance(userId);
  expectThat(
    BigInt(available) === expected.available && BigInt(held) === expected.held,
    `${userId} has ${ada(available)} available and ${ada(held)} held; ` +
      `expected ${ada(expected.available)} and ${ada(expected.held)}`,
  );
}
