import { inTransaction, type Queryable } from '../../database/transaction.js';
import { audit } from '../model/books-queries.js';
import type { UnsignedTransaction, WalletOutput } from '../transaction/transaction.js';
import { PlanOutdated, submitAttempt } from './attempt.js';
import { areStillThere, openBatch, storeSigned } from './attempt-queries.js';
import { releaseBatch } from './batch-queries.js';
import { endOfHold } from './hold.js';
import {
  beginFence,
  endHold,
  type FenceTransaction,
  fencedBatches,
  fenceTransactions,
  hold,
  isBackfilled,
} from './hold-queries.js';
import { boundOf, type Obstacle, type Round, sign } from './paying.js';
import { buildSweeps } from './sweeps.js';
import { type Control, guardFence, guardTerm, lockBooks, readControl } from './term-queries.js';
import { unspentOutputs } from './wallet-queries.js';

/**
 * Makes what was forgotten impossible, instead of waiting until it is: spends every unspent output of
 * the hot wallet to the wallet itself. Whatever was signed before spends one of them, or change of a
 * transaction that does. Payouts go on when all of it is as deep as a confirmed payout.
 */
export async function fence(round: Round, control: Control): Promise<Obstacle | null> {
  if (control.heldAt === null) {
    await holdForFence(round);
    return null;
  }
  if (control.fenceMemoryGap === null) return planFence(round, control);
  const transactions = await fenceTransactions(round.deps.pool, control.fenceGeneration);
  // What was adopted since made outputs that this fence doesn't spend; what is lost left some unspent.
  const outdated = control.fenceMemoryGap !== control.memoryGap;
  if (outdated || transactions.some((one) => isLost(one, round))) return planFence(round, control);
  const depth = round.books.height - round.deps.confirmations + 1;
  // A fence without a transaction would end the hold with nothing on the chain.
  const isDeep = transactions.every((one) => one.height !== null && one.height <= depth);
  if (isDeep && transactions.length > 0) {
    await finish(round, control, depth);
    return null;
  }
  const { deps, term, signal } = round;
  for (const { txHash, height, nextSubmissionAt } of transactions) {
    if (height !== null || nextSubmissionAt > deps.now()) continue;
    await deps.launch(txHash, () => submitAttempt(deps, term, 'fence', txHash, signal));
  }
  return { why: 'held', detail: 'the fence is on its way' };
}

const isLost = (one: FenceTransaction, { books }: Round): boolean =>
  one.height === null && (one.lost || one.refused || books.slot >= one.invalidHereafter);

async function holdForFence({ deps, term }: Round): Promise<void> {
  const reason = 'a fence was asked for';
  await inTransaction(deps.pool, async (tx) => hold(tx, await guardTerm(tx, term), reason, null));
  deps.observe({ type: 'held', reason });
}

async function planFence(round: Round, control: Control): Promise<Obstacle | null> {
  const { deps, signal } = round;
  if (!(await isBackfilled(deps.pool, deps.partitionId, deps.wallet))) {
    return { why: 'held', detail: "what the hot wallet held before isn't known yet" };
  }
  const outputs = await fenceable(round, deps.pool);
  if (outputs.length === 0) return { why: 'held', detail: 'the hot wallet is empty: waiting' };
  const sweeps = buildSweeps(outputs, (group) => buildSweep(round, group));
  if ('problem' in sweeps) return { why: 'held', detail: sweeps.problem };
  const signed: Signed[] = [];
  for (const unsigned of sweeps.transactions) {
    const cbor = await sign(deps, unsigned, signal);
    if ('why' in cbor) return cbor;
    signed.push({ unsigned, cbor });
  }
  const hashes = await commitFence(round, control, signed);
  if (hashes === null) return null;
  deps.observe({ type: 'fence_submitted', transactions: hashes });
  for (const txHash of hashes) {
    await deps.launch(txHash, () => submitAttempt(deps, round.term, 'fence', txHash, signal));
  }
  return null;
}

type Signed = { readonly unsigned: UnsignedTransaction; readonly cbor: Uint8Array };

/** No payout ever spent a reference script, so nothing that was forgotten does; and its fee isn't known. */
const fenceable = async ({ deps }: Pick<Round, 'deps'>, db: Queryable): Promise<WalletOutput[]> =>
  (await unspentOutputs(db, deps.wallet, deps.partitionId)).filter((one) => !one.hasScript);

export function buildSweep({ deps, view }: Round, outputs: readonly WalletOutput[]) {
  const [anchor = null, ...candidates] = outputs;
  return deps.build({
    network: deps.network,
    wallet: deps.wallet,
    parameters: view.parameters,
    invalidHereafter: boundOf(deps, view),
    anchor,
    candidates,
    payees: [],
    extent: 'sweep',
    spareOutputs: deps.spareOutputs,
  });
}

/** All of a fence, or nothing: a part of it would end the hold too early. Null: plan again. */
async function commitFence(
  { deps, term }: Round,
  control: Control,
  signed: readonly Signed[],
): Promise<string[] | null> {
  const committed = inTransaction(deps.pool, async (tx) => {
    await lockBooks(tx, deps.partitionId);
    const at = await guardFence(tx, term, await deps.readIdentity(tx));
    const inputs = signed.flatMap(({ unsigned }) => unsigned.inputs.map((one) => one.reference));
    const now = await fenceable({ deps }, tx);
    if (now.length !== inputs.length || !(await areStillThere(tx, inputs))) return null;
    const generation = await beginFence(tx, at, control.memoryGap);
    if (generation === null) return null;
    for (const { unsigned, cbor } of signed) {
      const batch = await openBatch(tx, at, 'fence', unsigned.anchor, generation);
      if (await storeSigned(tx, at, batch, unsigned, cbor)) continue;
      // A part of an earlier fence once more: it would stand in that one, and be missing in this.
      throw new PlanOutdated(
        'this very fence was signed before; the next one differs with the tip',
      );
    }
    return signed.map(({ unsigned }) => unsigned.id);
  });
  return committed.catch((error: unknown) => {
    if (error instanceof PlanOutdated) return null;
    throw error;
  });
}

async function finish({ deps, term }: Round, control: Control, depth: number): Promise<void> {
  const ended = await inTransaction(deps.pool, async (tx) => {
    await lockBooks(tx, deps.partitionId);
    const at = await guardFence(tx, term, await deps.readIdentity(tx));
    const { memoryGap } = await readControl(tx);
    if (memoryGap !== control.fenceMemoryGap) return false;
    for (const batchId of await fencedBatches(tx, depth)) {
      await releaseBatch(tx, at, batchId, 'fenced', false);
    }
    if (!(await endHold(tx, at, memoryGap))) return false;
    await audit(tx, at, [endOfHold('fenced', null)]);
    return true;
  });
  if (ended) deps.observe({ type: 'hold_ended', how: 'fence' });
}
