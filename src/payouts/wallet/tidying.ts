import type { Queryable } from '../../database/transaction.js';
import { type Books, readBooks } from '../model/chain-queries.js';
import type { NodeView } from '../node/node.js';
import { commitAttempt, submitAttempt } from '../paying/attempt.js';
import { recogniseDatabase } from '../paying/hold.js';
import { lagOf, type PayerDeps } from '../paying/payer-deps.js';
import { buildSweeps, type Sweeps } from '../paying/sweeps.js';
import { type PayerTerm, readControl } from '../paying/term-queries.js';
import type { UnsignedTransaction } from '../transaction/transaction.js';
import { planTidying, type Tidying } from './tidying-plan.js';
import { readHoldings } from './wallet-holdings.js';

/** What a plan needs: neither a signer nor the payer's office. */
export type PlanDeps = Pick<
  PayerDeps,
  | 'pool'
  | 'partitionId'
  | 'network'
  | 'wallet'
  | 'validitySeconds'
  | 'securityParameter'
  | 'node'
  | 'build'
>;

export type TidyingDraft = { readonly books: Books; readonly view: NodeView } & Sweeps;

/** The transactions that would do it now. @throws where the node doesn't answer */
export async function draftTidying(
  deps: PlanDeps,
  tidying: Tidying,
  signal: AbortSignal,
): Promise<TidyingDraft | { readonly problem: string }> {
  const { pool, partitionId, wallet } = deps;
  const books = await readBooks(pool, partitionId, deps.securityParameter);
  if (books === null) return { problem: 'no block was followed yet: run `teller run` first' };
  const view = await deps.node.look(signal);
  const lag = lagOf(view, books);
  if (lag !== null) return { problem: `the books and the node aren't in step: ${lag}` };
  const plan = planTidying(await readHoldings(pool, wallet, partitionId), tidying);
  if ('problem' in plan) return plan;
  const sweeps = buildSweeps(plan.outputs, ([anchor = null, ...candidates]) =>
    deps.build({
      network: deps.network,
      wallet,
      parameters: view.parameters,
      invalidHereafter: view.slotAfter(deps.validitySeconds),
      anchor,
      candidates,
      payees: [],
      extent: 'sweep',
      spareOutputs: plan.pieces,
    }),
  );
  return { books, view, ...sweeps };
}

/**
 * Signs, writes down and submits them, as a payer in office. What is written down is told to `observe`,
 * and is the payer's to look after from then on, whoever that is.
 *
 * @throws NotNow, PlanOutdated, SigningRefused
 */
export async function submitTidying(
  deps: PayerDeps,
  term: PayerTerm,
  transactions: readonly UnsignedTransaction[],
  signal: AbortSignal,
): Promise<void> {
  await recogniseDatabase(deps, term, await readControl(deps.pool));
  for (const unsigned of transactions) {
    const cbor = await deps.signer.sign(unsigned, signal);
    await commitAttempt(deps, term, 'tidy', null, unsigned, cbor);
    await submitAttempt(deps, term, 'payout', unsigned.id, signal);
  }
}

/** Why nothing may be signed now; null: nothing is in the way. */
export async function obstacleToTidying(db: Queryable): Promise<string | null> {
  const control = await readControl(db);
  if (control.pausedAt !== null) {
    return `payouts are paused by ${control.pausedBy ?? 'somebody'}: \`teller payout resume\` first`;
  }
  if (control.chainHeld !== null) return `the chain is held: ${control.chainHeld}`;
  if (control.heldAt !== null) return `payouts are held: ${control.holdReason ?? ''}`;
  return control.fenceRequestedAt === null
    ? null
    : 'a fence was asked for, which sweeps everything';
}

const STATE = `
  select tx_hash as "txHash", block_height::float8 as "blockHeight", last_answer as "lastAnswer"
    from payout_transactions where tx_hash = any($1::text[]) order by created_at, tx_hash`;

export type TidyingState = {
  readonly txHash: string;
  readonly blockHeight: number | null;
  readonly lastAnswer: string | null;
};

export const readTidying = async (
  db: Queryable,
  hashes: readonly string[],
): Promise<TidyingState[]> => (await db.query<TidyingState>(STATE, [hashes])).rows;
