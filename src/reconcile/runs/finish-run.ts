import { inTransaction } from '../../database/transaction.js';
import { inWords } from '../compare/disputes.js';
import { readHeaderGap } from '../compare/header-queries.js';
import { showGap } from '../compare/judge-headers.js';
import type { DiscrepancyType, Finding } from '../model/finding.js';
import { totalsByAddress } from './address-totals.js';
import { closeOlder, findingPages } from './discrepancy-queries.js';
import { tellDiscrepancies } from './explain.js';
import type { ReconcileDeps, ReconcileRequest, Reconciliation } from './reconcile.js';
import { showTotals } from './run-progress.js';
import { finishRun } from './run-queries.js';
import { readRun } from './run-reads.js';
import { RunTaken, type Work } from './run-work.js';

/** Of more findings than this the rest is in the table only. */
const FINDINGS_KEPT = 100_000;

/** The result is stored, and what was open before is closed: it is told anew, or over. */
export async function finish(
  deps: ReconcileDeps,
  request: ReconcileRequest,
  work: Work,
): Promise<Reconciliation> {
  const { pool, partitionId } = deps;
  const { runner, matched, addresses, covered, ...said } = work.progress();
  const gap = request.scope === 'full' ? await readHeaderGap(pool, partitionId) : null;
  const headers =
    gap === null ? null : `${showGap(gap)}: \`teller reconcile --repair\` reads them again`;
  const problem = inWords([said.problem, said.disputed, headers]);
  const { recorded, onChain } = work.totals;
  const sums = { recorded: showTotals(recorded), onChain: showTotals(onChain) };
  const totals = { ...sums, covered, differing: await totalsByAddress(work) };
  await inTransaction(pool, async (tx) => {
    if (!(await finishRun(tx, work.runId, runner, totals, problem))) {
      throw new RunTaken(`somebody else goes on with reconciliation run ${work.runId}`);
    }
    // Whoever heals tells what is left.
    if (request.repair !== true) await tellDiscrepancies(tx, work.runId);
    if (request.scope === 'full') await closeOlder(tx, work.runId, partitionId);
  });
  const findings: Finding[] = [];
  for await (const page of findingPages(pool, work.runId)) {
    findings.push(...page);
    if (findings.length >= FINDINGS_KEPT) break;
  }
  const run = await readRun(pool, work.runId);
  const { mismatched = 0, missing = 0, extra = 0 } = run ?? {};
  const startedAt = run === null ? deps.now() : new Date(run.startedAt);
  tell(deps, request, work, { findings, matched, problem, startedAt });
  const { point, height } = work.at;
  const counts = { matched, mismatched, missing, extra, addresses, covered };
  const { runId } = work;
  const { disputed = null, differing = null, isDigestCompared = false } = said;
  const words = { problem, digestProblem: said.problem, disputed, differing, isDigestCompared };
  return { runId, point, height, ...counts, findings, totals: work.totals, ...words };
}

function tell(
  { observe, now }: ReconcileDeps,
  { scope, repair = false }: ReconcileRequest,
  work: Work,
  found: {
    readonly findings: readonly Finding[];
    readonly matched: number;
    readonly problem: string | null;
    readonly startedAt: Date;
  },
): void {
  if (repair) return;
  const { findings, matched, problem, startedAt } = found;
  const open: Partial<Record<DiscrepancyType, number>> = {};
  for (const { type } of findings) open[type] = (open[type] ?? 0) + 1;
  observe({
    type: 'reconciliation_finished',
    runId: work.runId,
    scope: scope === 'full' ? scope : scope.continuous === true ? 'continuous' : 'addresses',
    slot: work.at.point.slot,
    matched,
    open,
    repaired: 0,
    problem,
    findings: findings.map((one) => ({ ...one, state: 'open', reason: one.unexplained })),
    seconds: Math.max(0, now().getTime() - startedAt.getTime()) / 1000,
  });
}
