import { outputReference } from '../../chain/block.js';
import type { Point } from '../../chain/point.js';
import type { UnspentOutput } from '../../chain/utxo.js';
import { inTransaction } from '../../database/transaction.js';
import { showAssets } from '../../payments/payment.js';
import type { LedgerView } from '../../sync/chain-view.js';
import { isPointGone } from '../../sync/ledger-state.js';
import { dropCandidates, noteAnswers } from './answer-queries.js';
import type { Candidate } from './candidate.js';
import { type CandidateKey, candidatesAmong, candidatesNotAsked } from './candidate-pages.js';
import type { CompareScope } from './candidate-queries.js';
import { type JudgeContext, judge, needsLedger } from './judge.js';
import type { RebuildContext } from './rebuild-parts.js';

const PAGE_ROWS = 1_000;

/**
 * Rows for which no block that was read stands may be older than what was read: the node's ledger tells
 * of those that are unspent. Candidates about which both sides agree are dropped.
 *
 * @returns false where no node has that ledger any more
 */
export async function askLedger(
  context: RebuildContext,
  scope: CompareScope,
  judging: JudgeContext,
  point: Point,
): Promise<boolean> {
  const { chain, job } = context;
  const opened: LedgerView[] = [];
  const open = async (): Promise<LedgerView> => {
    const [ledger = await chain.ledgerAt(point, job.signal)] = opened;
    opened[0] = ledger;
    return ledger;
  };
  try {
    let after: CandidateKey = { kind: 'payment', tx_hash: '', output_index: -1 };
    for (;;) {
      const { pool } = job.leadership;
      const { candidates, last } = await candidatesNotAsked(pool, scope, after, PAGE_ROWS);
      if (last === null) return true;
      job.signal.throwIfAborted();
      await settle(context, scope, judging, candidates, open);
      after = last;
    }
  } catch (error) {
    if (isPointGone(error)) return false;
    throw error;
  } finally {
    await opened[0]?.release().catch(() => undefined);
  }
}

async function settle(
  { job }: RebuildContext,
  scope: CompareScope,
  judging: JudgeContext,
  candidates: readonly Candidate[],
  open: () => Promise<LedgerView>,
): Promise<void> {
  const doubtful = candidates.filter(needsLedger);
  const answers = new Map<string, UnspentOutput>();
  if (doubtful.length > 0) {
    const wanted = [...new Set(doubtful.map(({ reference }) => reference))];
    for (const found of await (await open()).among(wanted)) {
      answers.set(outputReference(found.txHash, found.output.index), found);
    }
  }
  await inTransaction(job.leadership.pool, async (tx) => {
    for (const kind of ['payment', 'wallet'] as const) {
      const asked = doubtful.filter((candidate) => candidate.kind === kind);
      const references = asked.map(({ reference }) => reference);
      if (asked.length === 0) continue;
      await noteAnswers(tx, scope.jobId, kind, references, (reference) => {
        const output = answers.get(reference)?.output;
        if (output === undefined) return null;
        const { address, value, hasScript } = output;
        const assets = showAssets(value.assets);
        return { address, lovelace: value.lovelace.toString(), assets, hasScript };
      });
      const settled = (await candidatesAmong(tx, scope, kind, references)).filter(
        (candidate) => judge(candidate, judging).length === 0,
      );
      await dropCandidates(
        tx,
        scope.jobId,
        kind,
        settled.map(({ reference }) => reference),
      );
    }
  });
}
