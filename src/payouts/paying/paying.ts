import type { Slot } from '../../chain/point.js';
import type { Books } from '../model/chain-queries.js';
import type { Payout } from '../model/payout.js';
import type { NodeView } from '../node/node.js';
import { SigningRefused } from '../signing/signer.js';
import { quarantineReason } from '../transaction/quarantine.js';
import type {
  BuildProblem,
  Payee,
  TransactionRequest,
  UnsignedTransaction,
  WalletOutput,
} from '../transaction/transaction.js';
import { commitAttempt, PlanOutdated, submitAttempt } from './attempt.js';
import {
  oldestPostponed,
  payoutsOfBatch,
  postponePayout,
  type Queued,
  queuedPayouts,
} from './attempt-queries.js';
import type { OpenBatch } from './batch-queries.js';
import { closeBatch } from './batching.js';
import { pauseWhereInDoubt } from './doubts.js';
import { failPayout } from './ending.js';
import type { PayerDeps, Waiting } from './payer-deps.js';
import type { PayerTerm } from './term-queries.js';
import { knownUnits, spendableOutputs } from './wallet-queries.js';

/** What all of one round has in common. */
export type Round = {
  readonly deps: PayerDeps;
  readonly term: PayerTerm;
  readonly books: Books;
  readonly view: NodeView;
  readonly signal: AbortSignal;
};

/** `postpones`: it lies in the payout itself, and others may go. */
export type Obstacle =
  | { readonly why: Waiting; readonly detail: string }
  | {
      readonly why: 'too_little_funds' | 'signer_refused';
      readonly detail: string;
      readonly postpones: true;
    };

/** More in one go would keep what is signed from being looked after. */
const BATCHES_A_ROUND_MAX = 50;
/** What can't be paid yet is asked again so much later, and holds up nobody behind it. */
const RETRY_MS = { too_little_funds: 15_000, signer_refused: 60_000 } as const;
/** Blocks and people may come in between, but not for ever. */
const OUTDATED_MAX = 3;
/** A wallet that lacks the funds for so many in a row lacks them for the next as well. */
const WITHOUT_FUNDS_MAX = 3;

/** Pays what is queued, batch by batch. Answers what is in the way of the rest; null: nothing. */
export async function payQueue(round: Round): Promise<Obstacle | null> {
  const { deps } = round;
  let together = deps.batch.payoutsMax;
  let withoutFunds = 0;
  let outdated = 0;
  let first: Obstacle | null = null;
  for (let batches = 0; batches < BATCHES_A_ROUND_MAX; batches += 1) {
    const queue = await queuedPayouts(deps.pool, deps.batch.payoutsMax, deps.now());
    const count = Math.min(closeBatch(queue, deps.batch, deps.now()), together);
    if (count === 0) break;
    const next = togetherFrom(queue.slice(0, count));
    const obstacle = await payNext(round, next);
    if (obstacle === null) {
      together = deps.batch.payoutsMax;
      continue;
    }
    if (obstacle.why === 'plan_outdated' && outdated < OUTDATED_MAX) {
      outdated += 1;
      continue;
    }
    if (!('postpones' in obstacle)) return obstacle;
    first ??= obstacle;
    // One of them it is, and only the signer knows which: halves find it.
    if (obstacle.why === 'signer_refused' && next.length > 1) {
      together = Math.ceil(next.length / 2);
      continue;
    }
    if (obstacle.why === 'too_little_funds') withoutFunds += 1;
    if (withoutFunds > WITHOUT_FUNDS_MAX) return first;
    const until = new Date(deps.now().getTime() + RETRY_MS[obstacle.why]);
    await postponePayout(deps.pool, next[0]?.id ?? '', until, obstacle);
    together = deps.batch.payoutsMax;
  }
  // Also those whose turn comes again later are in somebody's way until they are paid.
  return first ?? oldestPostponed(deps.pool);
}

/** Who was refused with others before is paid alone, and the rest without it. */
const togetherFrom = (queue: readonly Queued[]): readonly Queued[] =>
  queue[0]?.alone === true ? queue.slice(0, 1) : queue.filter((payout) => !payout.alone);

async function payNext(round: Round, payouts: readonly Queued[]): Promise<Obstacle | null> {
  const doubt = await pauseWhereInDoubt(round, idsOf(payouts), null);
  if (doubt !== null) return doubt;
  const candidates = await candidatesFor(round, null);
  const built = round.deps.build(
    requestFor(round, payouts, { anchor: null, candidates, extent: 'fill' }),
  );
  if (built.ok) return signAndSubmit(round, null, built.transaction);
  const { problem } = built;
  if (problem.type === 'output_below_minimum' || problem.type === 'output_too_large') {
    // It was never signed: there is nothing that could still pay it.
    await failPayout(round.deps, round.term, problem.payoutId, describeProblem(problem));
    return null;
  }
  return { why: 'too_little_funds', detail: describeProblem(problem), postpones: true };
}

/** Another attempt of a batch: the same payouts, the same anchor. */
export async function payAgain(round: Round, batch: OpenBatch): Promise<Obstacle | null> {
  const payouts = await payoutsOfBatch(round.deps.pool, batch.id);
  const outputs = await spendableFor(round, batch.id);
  // The anchor is spent whatever it holds: another one would let two attempts be in one chain.
  const anchor = outputs.find((output) => output.reference === batch.anchor);
  if (payouts.length === 0) return null;
  const doubt = await pauseWhereInDoubt(round, idsOf(payouts), batch.id);
  if (doubt !== null) return doubt;
  if (anchor === undefined) {
    const detail = `batch ${batch.id} must spend ${batch.anchor}, which HOT_WALLET_ADDRESS can't spend now`;
    return { why: 'anchor_out_of_reach', detail };
  }
  const candidates = (await withoutQuarantined(round, outputs)).filter((one) => one !== anchor);
  const built = round.deps.build(requestFor(round, payouts, { anchor, candidates, extent: 'all' }));
  if (built.ok) return signAndSubmit(round, batch.id, built.transaction);
  return { why: 'too_little_funds', detail: describeProblem(built.problem) };
}

/** The signed bytes, or why there are none. */
export async function sign(
  deps: Pick<PayerDeps, 'signer'>,
  unsigned: UnsignedTransaction,
  signal: AbortSignal,
): Promise<Uint8Array | Obstacle> {
  try {
    return await deps.signer.sign(unsigned, signal);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return error instanceof SigningRefused
      ? { why: 'signer_refused', detail, postpones: true }
      : { why: 'signer_unreachable', detail };
  }
}

const idsOf = (payouts: readonly Payout[]): string[] => payouts.map((payout) => payout.id);

async function signAndSubmit(
  { deps, term, signal }: Round,
  batchId: string | null,
  unsigned: UnsignedTransaction,
): Promise<Obstacle | null> {
  const cbor = await sign(deps, unsigned, signal);
  if ('why' in cbor) return cbor;
  try {
    await commitAttempt(deps, term, 'payout', batchId, unsigned, cbor);
  } catch (error) {
    if (error instanceof PlanOutdated) return { why: 'plan_outdated', detail: error.message };
    throw error;
  }
  await deps.launch(unsigned.id, () => submitAttempt(deps, term, 'payout', unsigned.id, signal));
  return null;
}

const candidatesFor = async (round: Round, batchId: string | null): Promise<WalletOutput[]> =>
  withoutQuarantined(round, await spendableFor(round, batchId));

const spendableFor = ({ deps, books }: Round, batchId: string | null): Promise<WalletOutput[]> =>
  spendableOutputs(deps.pool, {
    address: deps.wallet,
    partitionId: deps.partitionId,
    batchId,
    slot: books.slot,
    unconfirmedMax: deps.unconfirmedMax,
  });

async function withoutQuarantined(
  { deps }: Round,
  outputs: readonly WalletOutput[],
): Promise<WalletOutput[]> {
  const plain = outputs.every((output) => output.assets.size === 0);
  const units = plain ? new Set<string>() : await knownUnits(deps.pool);
  return outputs.filter((output) => quarantineReason(output, { knownUnits: units }) === null);
}

const requestFor = (
  { deps, view }: Round,
  payouts: readonly Payout[],
  rest: Pick<TransactionRequest, 'anchor' | 'candidates' | 'extent'>,
): TransactionRequest => ({
  network: deps.network,
  wallet: deps.wallet,
  parameters: view.parameters,
  invalidHereafter: boundOf(deps, view),
  payees: payouts.map(payeeOf),
  spareOutputs: deps.spareOutputs,
  ...rest,
});

export const boundOf = (deps: PayerDeps, view: NodeView): Slot =>
  view.slotAfter(deps.validitySeconds);

const payeeOf = (payout: Payout): Payee => ({
  payoutId: payout.id,
  address: payout.destinationAddress,
  lovelace: payout.amountLovelace,
  assets: payout.assets,
});

export function describeProblem(problem: BuildProblem): string {
  switch (problem.type) {
    case 'too_little_funds': {
      const missing = [...problem.missing].map(([unit, amount]) => `${amount} ${unit}`);
      return `the hot wallet lacks ${missing.join(', ')}`;
    }
    case 'too_large':
      return `the transaction would have ${problem.bytes} bytes`;
    case 'output_below_minimum':
      return `the amount is below the ${problem.minimum} lovelace that such an output needs`;
    case 'output_too_large':
      return 'the assets are too many for one output';
  }
}
