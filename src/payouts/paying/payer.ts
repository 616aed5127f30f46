import { inTransaction } from '../../database/transaction.js';
import { type Books, readBooks } from '../model/chain-queries.js';
import { writeParameters } from '../model/stored-parameters.js';
import type { NodeView } from '../node/node.js';
import { submitAttempt } from './attempt.js';
import { type OpenBatch, openBatches, requeue } from './batch-queries.js';
import { letGo } from './ending.js';
import { fence } from './fence.js';
import { recogniseDatabase, waitOutHold } from './hold.js';
import { pauseAgain } from './pause-again.js';
import { lagOf, type PayerDeps } from './payer-deps.js';
import { type Obstacle, payAgain, payQueue, type Round } from './paying.js';
import { type ChainFacts, settle } from './settle.js';
import {
  type Control,
  guard,
  hasWork,
  noteParameters,
  type PayerTerm,
  readControl,
} from './term-queries.js';

/**
 * One round of paying: looks after what is signed, then pays what is queued. It may be broken off
 * anywhere and repeated at any time; whatever it did is in the database, or it didn't happen.
 *
 * @throws NotNow where another instance pays, or payouts were paused or held in the middle
 */
export async function pay(deps: PayerDeps, term: PayerTerm, signal: AbortSignal): Promise<void> {
  const obstacle = await payOrSayWhyNot(deps, term, signal);
  deps.observe({ type: 'waiting', why: obstacle?.why ?? null, detail: obstacle?.detail ?? '' });
}

async function payOrSayWhyNot(
  deps: PayerDeps,
  term: PayerTerm,
  signal: AbortSignal,
): Promise<Obstacle | null> {
  const books = await readBooks(deps.pool, deps.partitionId, deps.securityParameter);
  if (books === null) return { why: 'no_blocks', detail: 'no block was followed yet' };
  const known = await readControl(deps.pool);
  await recogniseDatabase(deps, term, known);
  const control = await readControl(deps.pool);
  if (control.pausedAt !== null) {
    return { why: 'paused', detail: `by ${control.pausedBy}: ${control.pauseReason ?? ''}` };
  }
  const pausedAgain = control.standingPause === null ? null : await pauseAgain(deps, term);
  if (pausedAgain !== null) return pausedAgain;
  if (control.chainHeld !== null) return { why: 'chain_held', detail: control.chainHeld };
  // Whoever has nothing to do leaves the node alone.
  if (!(await hasWork(deps.pool))) return null;
  const view = await lookAt(deps, signal);
  if ('why' in view) return view;
  await noteParameters(deps.pool, term, writeParameters(view.parameters));
  const round: Round = { deps, term, books, view, signal };
  if (control.heldAt !== null || control.fenceRequestedAt !== null) {
    return whileHeld(round, control);
  }
  const lag = lagOf(view, books);
  if (lag !== null) return { why: 'node_lags', detail: lag };
  const settling = await settleBatches(round);
  if (settling?.why === 'paused') return settling;
  // What can't be paid again for now keeps nothing else waiting.
  return (await payQueue(round)) ?? settling;
}

async function lookAt(deps: PayerDeps, signal: AbortSignal): Promise<NodeView | Obstacle> {
  try {
    return await deps.node.look(signal);
  } catch (error) {
    return {
      why: 'node_unreachable',
      detail: error instanceof Error ? error.message : String(error),
    };
  }
}

async function whileHeld(round: Round, control: Control): Promise<Obstacle | null> {
  const { deps, term, books, view } = round;
  if (control.heldAt !== null) await waitOutHold(deps, term, control, books, view);
  const held: Obstacle = { why: 'held', detail: control.holdReason ?? 'a fence was asked for' };
  if (control.fenceRequestedAt === null) return held;
  const lag = lagOf(view, books);
  if (lag !== null) return { why: 'node_lags', detail: lag };
  return (await fence(round, control)) ?? held;
}

async function settleBatches(round: Round): Promise<Obstacle | null> {
  const { deps, books } = round;
  const chain = chainFacts(deps, books);
  let obstacle: Obstacle | null = null;
  for (const batch of await openBatches(deps.pool, books.slot)) {
    obstacle = (await settleBatch(round, batch, chain)) ?? obstacle;
    if (obstacle?.why === 'paused') break;
  }
  return obstacle;
}

async function settleBatch(
  round: Round,
  batch: OpenBatch,
  chain: ChainFacts,
): Promise<Obstacle | null> {
  const { deps, term, signal } = round;
  const step = settle(batch, chain);
  switch (step.type) {
    case 'wait':
      return null;
    case 'submit':
      await deps.launch(step.txHash, () =>
        submitAttempt(deps, term, 'payout', step.txHash, signal),
      );
      return null;
    case 'release':
      await letGo(deps, term, batch.id, step.refused);
      return null;
    case 'strand':
      if (batch.kind === 'tidy') await letGo(deps, term, batch.id, false);
      else await backToQueue(round, batch.id);
      return null;
    case 'rebuild':
      // The wallet's own housekeeping isn't owed to anybody: it is planned anew, or not at all.
      if (batch.kind === 'tidy') {
        await letGo(deps, term, batch.id, false);
        return null;
      }
      await backToQueue(round, batch.id);
      return payAgain(round, batch);
  }
}

const backToQueue = ({ deps, term }: Round, batchId: string): Promise<number> =>
  inTransaction(deps.pool, async (tx) => {
    const at = await guard(tx, term, await deps.readIdentity(tx));
    return requeue(tx, batchId, at);
  });

const chainFacts = (deps: PayerDeps, books: Books): ChainFacts => ({
  slot: books.slot,
  deepHeight: books.height - deps.securityParameter,
  deepSlot: books.deepSlot,
  now: deps.now(),
});
