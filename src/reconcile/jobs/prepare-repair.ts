import type { OutputReference } from '../../chain/block.js';
import { atOneMoment } from '../../database/transaction.js';
import { checkDigest } from '../../payments/digest/check-digest.js';
import type { ChainView } from '../../sync/chain-view.js';
import { type LedgerPlan, planLedger } from '../heal/ledger-plan.js';
import { type Doubts, readDoubts } from '../heal/proof.js';
import type { Stretch } from '../heal/proven-queries.js';
import type { Finding } from '../model/finding.js';
import { findingPages } from '../runs/discrepancy-queries.js';
import type { Reconciliation } from '../runs/reconcile.js';
import { checkReferences } from '../verify/reference-queries.js';
import { JobImpossible, type RunningJob } from './job.js';
import { provenGone } from './prove-gone.js';
import { ownersOfAddresses } from './repair-queries.js';

/** What is to be healed, and what may be believed. */
export type Prepared = {
  readonly run: Reconciliation;
  readonly addresses: readonly string[] | null;
  readonly findings: readonly Finding[];
  readonly differing: readonly Stretch[];
  readonly plan: LedgerPlan;
  /** Of what was booked and has no row, what the chain doesn't have. */
  readonly gone: ReadonlySet<OutputReference>;
  readonly doubts: Doubts;
  readonly misreferenced: Misreferenced;
};

/** With what was tried before anything was compared. */
export type PreparedRepair = Prepared & {
  /** Why the node couldn't tell headers that are missing. */
  readonly headersMissing: string | null;
};

/** Payments whose references aren't those of their addresses. */
type Misreferenced = {
  readonly payments: readonly OutputReference[];
  /** More than are healed at once. */
  readonly beyond: number;
};

/** More than are healed in one transaction. */
const FINDINGS_MAX = 100_000;

/** All that takes long is looked for beside the chain. */
export async function prepare(
  chain: ChainView,
  job: RunningJob,
  run: Reconciliation,
  addresses: readonly string[] | null,
): Promise<Prepared> {
  const { pool, partitionId } = job.leadership;
  const findings = await readFindings(job, run);
  // Of some addresses the digest was looked at in the blocks of their rows alone.
  const differing =
    run.differing ??
    (await atOneMoment(pool, (tx) => checkDigest(tx, partitionId, run.height))).differing;
  const users = addresses === null ? null : await ownersOfAddresses(pool, addresses);
  const plan = await planLedger(pool, users);
  const doubts = await readDoubts(pool);
  const { shown, count } = await checkReferences(pool, FINDINGS_MAX, addresses);
  const misreferenced = {
    payments: shown.map(({ payment }) => payment),
    beyond: count - shown.length,
  };
  // Where anything is left open it isn't put back, and a million blocks would be read for nothing.
  const isOpen = run.disputed !== null || findings.some((one) => one.unexplained !== null);
  const gone = isOpen ? new Set<OutputReference>() : await provenGone(chain, job, run, plan.lost);
  return { run, addresses, findings, differing, plan, gone, doubts, misreferenced };
}

async function readFindings({ leadership }: RunningJob, { runId }: Reconciliation) {
  const findings: Finding[] = [];
  for await (const page of findingPages(leadership.pool, runId)) {
    findings.push(...page);
    if (findings.length > FINDINGS_MAX) {
      throw new JobImpossible(
        `more than ${FINDINGS_MAX} outputs differ: run \`teller rebuild --from origin\``,
      );
    }
  }
  return findings;
}
