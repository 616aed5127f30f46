import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import type { DepositPolicy } from '../../payments/confirmation.js';
import { checkDigest } from '../../payments/digest/check-digest.js';
import type { Cursor } from '../../sync/events.js';
import { isOurs, readCursor } from '../../sync/queries.js';
import { inWords } from '../compare/disputes.js';
import { readDisputed } from '../compare/registration-queries.js';
import type { HealContext } from '../heal/context.js';
import { healLedger, type LedgerHealed } from '../heal/heal-ledger.js';
import { healReferences } from '../heal/heal-references.js';
import { planLedger } from '../heal/ledger-plan.js';
import {
  type Doubts,
  readDoubts,
  stillDiffering,
  stretchesOf,
  unlinkedAmong,
} from '../heal/proof.js';
import type { Stretch } from '../heal/proven-queries.js';
import { rewriteDigest } from '../heal/rewrite-digest.js';
import type { DiscrepancyType, Finding, HealedFinding } from '../model/finding.js';
import { areCompared } from '../runs/compare-digest.js';
import { findingPages } from '../runs/discrepancy-queries.js';
import { tellDiscrepancies } from '../runs/explain.js';
import { type ReconcileDeps, type Reconciliation, reconcile } from '../runs/reconcile.js';
import { checkReferences } from '../verify/reference-queries.js';
import { expectCursor, letRollbackGoOn, raiseBehind } from './blocked-books.js';
import { healFindings } from './heal-findings.js';
import { JobImpossible, type JobWork, type RunningJob } from './job.js';
import { provenGone } from './prove-gone.js';
import { noteRepaired, ownersOfAddresses } from './repair-queries.js';
import { spentSince } from './spent-since.js';

export type RepairDeps = Omit<ReconcileDeps, 'pool' | 'partitionId' | 'signal' | 'onProgress'> & {
  readonly policy: DepositPolicy;
};

/** What a repair did, as its job tells it. */
export type RepairResult = {
  readonly runId: string;
  readonly found: number;
  readonly repaired: number;
  readonly open: number;
  readonly ledger: Omit<LedgerHealed, 'left'>;
  /** Payments that were given the references of their addresses. */
  readonly references: number;
  readonly sealsAccepted: number;
  /** What was left as it is beside the discrepancies that are open, in words. */
  readonly left: readonly string[];
  readonly problem: string | null;
};

/** More than are healed in one transaction. */
const FINDINGS_MAX = 100_000;

/**
 * Compares like every reconciliation, beside the chain, and heals what was found in one transaction between
 * two blocks. Where a rollback takes away what was compared, it begins again.
 */
export const repairJob =
  (deps: RepairDeps): JobWork =>
  async (job) => {
    const { leadership } = job;
    const { pool, partitionId } = leadership;
    const addresses = addressesOf(job.params.addresses);
    const scope = addresses === null ? 'full' : { addresses };
    await expectCursor(leadership);
    await raiseBehind(job);
    // A leader before this one may have compared a part of it.
    const resume = job.startedAt === null ? false : { repairBegunSince: job.startedAt };
    for (;;) {
      const run = await reconcile(
        {
          ...deps,
          pool,
          partitionId,
          signal: job.signal,
          onProgress: (report) => job.tell({ ...report }),
        },
        { scope, requestedBy: job.requestedBy, resume, repair: true },
      ).catch((error: unknown) => letRollbackGoOn(job, error));
      if (run !== null && (await healRun(deps, job, run, addresses))) return;
      job.signal.throwIfAborted();
    }
  };

function addressesOf(given: unknown): readonly string[] | null {
  if (given === null || given === undefined) return null;
  if (Array.isArray(given) && given.every((one) => typeof one === 'string')) return given;
  throw new JobImpossible('addresses: wanted a list of addresses, or null for all');
}

type Prepared = {
  readonly run: Reconciliation;
  readonly addresses: readonly string[] | null;
  readonly findings: readonly Finding[];
  readonly differing: readonly Stretch[];
  readonly plan: Awaited<ReturnType<typeof planLedger>>;
  /** Of what was booked and has no row, what the chain doesn't have. */
  readonly gone: ReadonlySet<OutputReference>;
  readonly doubts: Doubts;
  readonly users: readonly string[] | null;
  /** Payments whose references aren't those of their addresses. */
  readonly misreferenced: readonly OutputReference[];
  /** Owners and partitions that contradict what was registered, in words. */
  readonly disputed: string | null;
};

/** @returns false where the block that was compared at isn't part of the books' chain any more */
async function healRun(
  deps: RepairDeps,
  job: RunningJob,
  run: Reconciliation,
  addresses: readonly string[] | null,
): Promise<boolean> {
  const prepared = await prepare(deps, job, run, addresses);
  for (;;) {
    const { pool, partitionId } = job.leadership;
    const cursor = await readCursor(pool, partitionId);
    if (cursor === null || !(await isOurs(pool, partitionId, run.point.id))) return false;
    const asked = { comparedAt: run.point, findings: prepared.findings };
    const spent = await spentSince(deps.chain, job, asked, cursor);
    const healed = await job.leadership.write(async (tx, at, now) => {
      if (!sameCursor(cursor, now)) return null;
      return healAll(tx, at, deps, job, { ...prepared, findings: leave(prepared, spent) }, now);
    });
    job.signal.throwIfAborted();
    // A block came between the question and the writing: asked again, which is quick.
    if (healed === null) continue;
    tellHealed(deps, prepared, healed);
    return true;
  }
}

/** All that takes long is looked for beside the chain. */
async function prepare(
  { chain }: RepairDeps,
  job: RunningJob,
  run: Reconciliation,
  addresses: readonly string[] | null,
): Promise<Prepared> {
  const { pool, partitionId } = job.leadership;
  const findings: Finding[] = [];
  for await (const page of findingPages(pool, run.runId)) {
    findings.push(...page);
    if (findings.length > FINDINGS_MAX) {
      throw new JobImpossible(
        `more than ${FINDINGS_MAX} outputs differ: run \`teller rebuild --from origin\``,
      );
    }
  }
  const { differing } = await checkDigest(pool, partitionId, run.height);
  const users = addresses === null ? null : await ownersOfAddresses(pool, addresses);
  const plan = await planLedger(pool, users);
  const gone = await provenGone(chain, job, run, plan.lost);
  const { shown } = await checkReferences(pool, FINDINGS_MAX);
  const misreferenced = shown.map(({ payment }) => payment);
  const doubts = await readDoubts(pool);
  const { words: disputed } = await readDisputed(pool, partitionId, addresses);
  return {
    run,
    addresses,
    findings,
    differing,
    plan,
    gone,
    users,
    misreferenced,
    doubts,
    disputed,
  };
}

const leave = ({ findings }: Prepared, spent: ReadonlySet<OutputReference>): readonly Finding[] =>
  findings.map((one) =>
    spent.has(one.reference) ? { ...one, unexplained: one.unexplained ?? SPENT_SINCE } : one,
  );
const SPENT_SINCE = 'it was spent by a block that came meanwhile: run it again';

const sameCursor = (a: Cursor, b: Cursor | null): boolean =>
  b !== null && JSON.stringify(a.point) === JSON.stringify(b.point);

async function healAll(
  tx: Tx,
  at: Date,
  deps: RepairDeps,
  job: RunningJob,
  { run, addresses, findings, differing, plan, gone, misreferenced, doubts, disputed }: Prepared,
  cursor: Cursor | null,
) {
  const { partitionId } = job.leadership;
  const context: HealContext = {
    partitionId,
    policy: deps.policy,
    height: run.height,
    cursorHeight: cursor?.height ?? run.height,
    actor: job.requestedBy,
    cause: `reconciliation run ${run.runId}`,
    learn: (references) => job.leadership.learn(references),
  };
  const healed = await healFindings(tx, at, context, run.runId, findings, deps.hotWallet);
  const open = healed.filter(({ state }) => state === 'open');
  const doubtful = await stillDiffering(tx, partitionId, differing);
  const unlinked = await unlinkedAmong(tx, partitionId, differing);
  // Its rows were held against their blocks: then it is the digest that somebody changed.
  const isUndisputed = addresses === null && open.length === 0 && disputed === null;
  const areProven = isUndisputed && areCompared(differing);
  const isDoubtful = doubtful.length > 0 || (unlinked.length > 0 && !areProven);
  // The digest tells what no single output explained; where it agrees by now, everything is explained.
  const digestProblem = isDoubtful ? (run.digestProblem ?? 'the digest differs') : null;
  const problem = inWords([addresses === null ? digestProblem : null, disputed]);
  if (doubtful.length === 0) {
    // What blocks did to rows that weren't there wasn't folded.
    const touched = await stillDiffering(tx, partitionId, stretchesOf(heightsOf(healed)));
    const above = [...touched, ...(areProven ? unlinked : [])].map((stretch) => stretch.above);
    if (above.length > 0) await rewriteDigest(tx, at, partitionId, Math.min(...above), context);
  }
  const isPayment = (one: HealedFinding): boolean =>
    one.state === 'repaired' && one.recorded?.kind !== 'wallet';
  const { left, ...ledger } = await healLedger(tx, at, context, {
    plan,
    gone,
    healed: [...new Set(healed.filter(isPayment).map(({ reference }) => reference))],
    except: new Set(open.map(({ reference }) => reference)),
    proof: { doubtful, above: null, addresses },
    isComplete: isUndisputed && doubtful.length === 0,
    exceptUsers: doubts.exceptUsers,
    exceptPayouts: doubts.exceptPayouts,
  });
  const references = await healReferences(tx, at, context, misreferenced);
  await noteRepaired(tx, run.runId, healed.length - open.length, problem);
  await tellDiscrepancies(tx, run.runId);
  const result: RepairResult = {
    runId: run.runId,
    found: healed.length,
    repaired: healed.length - open.length,
    open: open.length,
    ledger,
    references,
    sealsAccepted: 0,
    left,
    problem,
  };
  await job.complete(tx, result);
  return { findings: healed, result };
}

const heightsOf = (findings: readonly HealedFinding[]): number[] =>
  findings
    .filter(({ state }) => state === 'repaired')
    .flatMap(({ recorded, onChain }) => [
      recorded?.placement?.height,
      recorded?.countedFrom,
      recorded?.spent?.height,
      onChain?.placement?.height,
      typeof onChain?.spent === 'object' ? onChain.spent.height : null,
    ])
    .filter((height) => typeof height === 'number');

function tellHealed(
  { observe }: RepairDeps,
  { run, addresses }: Prepared,
  {
    findings,
    result,
  }: { readonly findings: readonly HealedFinding[]; readonly result: RepairResult },
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
    seconds: 0,
  });
}
