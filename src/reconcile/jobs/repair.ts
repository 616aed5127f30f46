import type { OutputReference } from '../../chain/block.js';
import { samePoint } from '../../chain/point.js';
import type { DepositPolicy } from '../../payments/confirmation.js';
import { isPointGone } from '../../sync/ledger-state.js';
import { isOurs, readCursor } from '../../sync/queries.js';
import type { DiscrepancyType, Finding } from '../model/finding.js';
import { HeaderMissing } from '../runs/block-reading.js';
import { expectCursor, NotComparable } from '../runs/comparison-point.js';
import { realPause } from '../runs/ledger-questions.js';
import { type ReconcileDeps, reconcile } from '../runs/reconcile.js';
import { type Applied, applyRepair } from './apply-repair.js';
import { type Unblocked, type Unblocking, unblocking } from './blocked-books.js';
import { whyNot } from './impossible.js';
import { JobImpossible, type JobWork, type RunningJob } from './job.js';
import { type PreparedRepair, prepare } from './prepare-repair.js';
import { spentSince } from './spent-since.js';

export type RepairDeps = Omit<
  ReconcileDeps,
  'pool' | 'partitionId' | 'signal' | 'onProgress' | 'begin'
> & {
  readonly policy: DepositPolicy;
};

/**
 * Compares like every reconciliation, beside the chain, and heals what was found in one transaction between
 * two blocks. Where a rollback takes away what was compared, it begins again.
 */
export const repairJob =
  (deps: RepairDeps): JobWork =>
  (job) =>
    repair(deps, job).catch((error: unknown) => {
      throw whyNot(error);
    });

async function repair(deps: RepairDeps, given: RunningJob): Promise<void> {
  const { pool, partitionId } = given.leadership;
  const addresses = addressesOf(given.params.addresses);
  await expectCursor(pool, partitionId);
  const blocked = unblocking(given);
  const job: RunningJob = {
    ...given,
    tell: (progress) => given.tell({ ...progress, ...blocked.did() }),
  };
  await blocked.raiseBehind();
  await blocked.restoreBeginnings(addresses);
  const headersMissing = await blocked.restoreHeaders(deps.chain);
  for (;;) {
    const isOver = await repairOnce(deps, job, blocked, { addresses, headersMissing }).catch(
      (error: unknown) => {
        if (headersMissing === null || !(error instanceof HeaderMissing)) throw error;
        throw new NotComparable(`${error.what}; nor could it be read again: ${headersMissing}`);
      },
    );
    if (isOver) return;
    job.signal.throwIfAborted();
  }
}

type Asked = Pick<PreparedRepair, 'addresses' | 'headersMissing'>;

/** @returns false where the block that it was compared at is gone by now */
async function repairOnce(
  deps: RepairDeps,
  job: RunningJob,
  blocked: Unblocking,
  { addresses, headersMissing }: Asked,
): Promise<boolean> {
  const { pool, partitionId } = job.leadership;
  const run = await reconcile(
    {
      ...deps,
      pool,
      partitionId,
      signal: job.signal,
      // Whoever led before had this job too, and would take the run over in the same way.
      begin: (open) => job.leadership.write((tx) => open(tx)),
      onProgress: (report) => job.tell({ ...report }),
    },
    {
      scope: addresses === null ? 'full' : { addresses },
      requestedBy: job.requestedBy,
      // A leader before this one may have compared a part of it.
      resume: { repairBegunSince: job.startedAt },
      repair: true,
    },
  ).catch(blocked.letRollbackGoOn);
  if (run === null) return false;
  const prepared = { ...(await prepare(deps.chain, job, run, addresses)), headersMissing };
  return healRun(deps, job, prepared, blocked.did());
}

function addressesOf(given: unknown): readonly string[] | null {
  if (given === null || given === undefined) return null;
  if (Array.isArray(given) && given.every((one) => typeof one === 'string')) return given;
  throw new JobImpossible('addresses: wanted a list of addresses, or null for all');
}

const GONE_AGAIN_MS = 1_000;
/** Longer than any follower takes to go where its node went. */
const GONE_MAX = 120;

/** @returns false where the block that was compared at isn't part of the books' chain any more */
async function healRun(
  deps: RepairDeps,
  job: RunningJob,
  prepared: PreparedRepair,
  unblocked: Unblocked,
): Promise<boolean> {
  const { pool, partitionId } = job.leadership;
  const { run, findings } = prepared;
  const pause = deps.pause ?? realPause;
  let gone = 0;
  const whereNotGone = (error: unknown): null => {
    gone += 1;
    if (!isPointGone(error) || gone === GONE_MAX) throw error;
    return null;
  };
  for (;;) {
    const cursor = await readCursor(pool, partitionId);
    if (cursor === null || !(await isOurs(pool, partitionId, run.point.id))) return false;
    const asked = { comparedAt: run.point, findings };
    const spent = await spentSince(deps.chain, job, asked, cursor).catch(whereNotGone);
    if (spent === null) {
      // The node has rolled that block back, and the books are about to: what was compared may stand yet.
      await pause(GONE_AGAIN_MS, job.signal);
      continue;
    }
    const healed = await job.leadership.write(async (tx, at, now) => {
      if (now === null || !samePoint(cursor.point, now.point)) return null;
      const believed = { ...prepared, findings: leave(findings, spent) };
      return applyRepair(tx, at, deps, job, believed, unblocked, now);
    });
    job.signal.throwIfAborted();
    // A block came between the question and the writing: asked again, which is quick.
    if (healed === null) continue;
    tellHealed(deps, job, prepared, healed);
    return true;
  }
}

const leave = (
  findings: readonly Finding[],
  spent: ReadonlySet<OutputReference>,
): readonly Finding[] =>
  findings.map((one) =>
    spent.has(one.reference) ? { ...one, unexplained: one.unexplained ?? SPENT_SINCE } : one,
  );
const SPENT_SINCE = 'it was spent by a block that came meanwhile: run it again';

function tellHealed(
  { observe, now }: RepairDeps,
  { startedAt }: RunningJob,
  { run, addresses }: PreparedRepair,
  { findings, result }: Applied,
): void {
  const open: Partial<Record<DiscrepancyType, number>> = {};
  for (const { type, state } of findings) {
    if (state === 'open') open[type] = (open[type] ?? 0) + 1;
  }
  observe({
    type: 'reconciliation_finished',
    runId: run.runId,
    scope: addresses === null ? 'full' : 'addresses',
    slot: run.point.slot,
    matched: run.matched,
    open,
    repaired: result.repaired,
    problem: result.problem,
    findings,
    seconds: Math.max(0, now().getTime() - startedAt.getTime()) / 1000,
  });
}
