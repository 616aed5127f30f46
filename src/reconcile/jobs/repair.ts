import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import type { DepositPolicy } from '../../payments/confirmation.js';
import { checkDigest } from '../../payments/digest/check-digest.js';
import type { Cursor } from '../../sync/events.js';
import { isOurs } from '../../sync/queries.js';
import type { HealContext } from '../heal/context.js';
import { heal } from '../heal/heal.js';
import { healLedger, type LedgerHealed } from '../heal/heal-ledger.js';
import { rewriteDigest } from '../heal/rewrite-digest.js';
import type { DiscrepancyType, HealedFinding } from '../model/finding.js';
import { findingPages } from '../runs/discrepancy-queries.js';
import { tellDiscrepancies } from '../runs/explain.js';
import { type ReconcileDeps, type Reconciliation, reconcile } from '../runs/reconcile.js';
import { changedRows } from '../seals/check-queries.js';
import { acceptSeals } from '../seals/check-seals.js';
import { JobImpossible, type JobWork, type RunningJob } from './job.js';
import { closeHealed, noteRepaired, ownersOfAddresses } from './repair-queries.js';

export type RepairDeps = Omit<ReconcileDeps, 'pool' | 'partitionId' | 'signal' | 'onProgress'> & {
  readonly policy: DepositPolicy;
};

/** What a repair did, as its job tells it. */
export type RepairResult = {
  readonly runId: string;
  readonly found: number;
  readonly repaired: number;
  readonly open: number;
  readonly ledger: Omit<LedgerHealed, 'unclear'> & { readonly unclear: number };
  readonly sealsAccepted: number;
  readonly problem: string | null;
};

/**
 * Compares like every reconciliation, beside the chain, and heals what was found in one transaction between
 * two blocks. Where a rollback takes away what was compared, it begins again.
 */
export const repairJob =
  (deps: RepairDeps): JobWork =>
  async (job) => {
    const { leadership } = job;
    const addresses = addressesOf(job.params.addresses);
    const scope = addresses === null ? 'full' : { addresses };
    for (;;) {
      const run = await reconcile(
        {
          ...deps,
          pool: leadership.pool,
          partitionId: leadership.partitionId,
          signal: job.signal,
          onProgress: (report) => job.tell({ ...report }),
        },
        { scope, requestedBy: job.requestedBy, resume: true, repair: true },
      );
      if (await healAll(deps, job, run, addresses)) return;
      job.signal.throwIfAborted();
    }
  };

function addressesOf(given: unknown): readonly string[] | null {
  if (given === null || given === undefined) return null;
  if (Array.isArray(given) && given.every((one) => typeof one === 'string')) return given;
  throw new JobImpossible('addresses: wanted a list of addresses, or null for all');
}

/** @returns false where the block that was compared at isn't part of the books' chain any more */
async function healAll(
  deps: RepairDeps,
  job: RunningJob,
  run: Reconciliation,
  addresses: readonly string[] | null,
): Promise<boolean> {
  const { leadership } = job;
  const { pool, partitionId } = leadership;
  const digest = await checkDigest(pool, partitionId, run.height);
  const changed = await changedRows(pool, 'ledger', [0, SEALS_MAX], SEALS_ACCEPTED_MAX);
  const began = deps.now();
  const healed = await leadership.write(async (tx, at, cursor) => {
    if (!(await isOurs(tx, partitionId, run.point.id))) return null;
    const context = contextOf(deps, job, run, cursor);
    const findings = await healFindings(tx, at, context, run.runId, deps.hotWallet);
    const open = findings.filter(({ state }) => state === 'open');
    const users = addresses === null ? null : await ownersOfAddresses(tx, addresses);
    const except = open.map(({ reference }) => reference);
    const ledger = await healLedger(tx, at, context, { users, except });
    const lowest = lowestTouched(findings, digest.firstDifference?.height ?? null);
    if (lowest !== null) await rewriteDigest(tx, at, partitionId, lowest - 1, context);
    // Rows that somebody edited stay; what they did is made up for, and from then on they count as they are.
    const isMadeUpFor = ledger.entries > 0 || ledger.balances > 0;
    const accepted = isMadeUpFor
      ? await acceptSeals(tx, at, changed.shown, job.requestedBy, context.cause)
      : 0;
    await noteRepaired(tx, run.runId, findings.length - open.length);
    await tellDiscrepancies(tx, run.runId);
    const result: RepairResult = {
      runId: run.runId,
      found: findings.length,
      repaired: findings.length - open.length,
      open: open.length + ledger.unclear.length,
      ledger: { ...ledger, unclear: ledger.unclear.length },
      sealsAccepted: accepted,
      problem: run.problem,
    };
    await job.complete(tx, result);
    return { findings, result };
  });
  if (healed === null) return false;
  tellHealed(deps, run, addresses, healed, began);
  return true;
}

const SEALS_MAX = 2_000_000_000;
const SEALS_ACCEPTED_MAX = 10_000;

const contextOf = (
  deps: RepairDeps,
  job: RunningJob,
  run: Reconciliation,
  cursor: Cursor | null,
): HealContext => ({
  partitionId: job.leadership.partitionId,
  policy: deps.policy,
  height: run.height,
  cursorHeight: cursor?.height ?? run.height,
  actor: job.requestedBy,
  cause: `reconciliation run ${run.runId}`,
  learn: (references) => job.leadership.learn(references),
});

async function healFindings(
  tx: Tx,
  at: Date,
  context: HealContext,
  runId: string,
  hotWallet: string | null,
): Promise<HealedFinding[]> {
  const all: HealedFinding[] = [];
  for await (const page of wholeOutputs(findingPages(tx, runId))) {
    const healed = await heal(tx, at, context, page, hotWallet);
    await closeHealed(tx, at, runId, context, healed);
    all.push(...healed);
  }
  return all;
}

/** What is known of one output is healed together: where a page ends in the middle of one, it waits for the next. */
async function* wholeOutputs<F extends { readonly reference: OutputReference }>(
  pages: AsyncIterable<F[]>,
): AsyncGenerator<F[], void, void> {
  const groups = new Map<OutputReference, F[]>();
  for await (const page of pages) {
    for (const one of page) groups.set(one.reference, [...(groups.get(one.reference) ?? []), one]);
  }
  let next: F[] = [];
  for (const group of groups.values()) {
    next.push(...group);
    if (next.length < HEAL_PAGE) continue;
    yield next;
    next = [];
  }
  if (next.length > 0) yield next;
}

const HEAL_PAGE = 5_000;

function lowestTouched(findings: readonly HealedFinding[], digest: number | null): number | null {
  const heights = findings.flatMap(({ state, recorded, onChain }) =>
    state === 'open'
      ? []
      : [
          recorded?.placement?.height,
          recorded?.countedFrom,
          recorded?.spent?.height,
          onChain?.placement?.height,
          typeof onChain?.spent === 'object' ? onChain.spent.height : null,
        ],
  );
  const known = [...heights, digest].filter((height) => typeof height === 'number');
  return known.length === 0 ? null : known.reduce((least, height) => Math.min(least, height));
}

function tellHealed(
  { observe, now }: RepairDeps,
  run: Reconciliation,
  addresses: readonly string[] | null,
  {
    findings,
    result,
  }: { readonly findings: readonly HealedFinding[]; readonly result: RepairResult },
  began: Date,
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
    findings,
    seconds: (now().getTime() - began.getTime()) / 1000,
  });
}
