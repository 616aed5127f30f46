import type { OutputReference } from '../../chain/block.js';
import { type PointOrOrigin, samePoint } from '../../chain/point.js';
import { atOneMoment, inTransaction, type Tx } from '../../database/transaction.js';
import type { Stretch } from '../../payments/digest/check-digest.js';
import type { Cursor } from '../../sync/events.js';
import { readCursor } from '../../sync/queries.js';
import { areAddressesAbsent } from '../compare/absent-queries.js';
import { allDisputed, explainOwners } from '../compare/registration-queries.js';
import { dropDigestAbove } from '../heal/digest-above.js';
import { heal } from '../heal/heal.js';
import { healLedger, type LedgerHealed } from '../heal/heal-ledger.js';
import { type LedgerPlan, planLedger } from '../heal/ledger-plan.js';
import { readMisdated } from '../heal/misdated.js';
import { type Doubts, readDoubts } from '../heal/proof.js';
import { type HealedFinding, heightsOf, kindOf } from '../model/finding.js';
import { startHeight } from '../runs/address-queries.js';
import { allCandidates } from './candidate-pages.js';
import type { CompareScope } from './candidate-queries.js';
import { type DigestComparison, isProven } from './derived-digest.js';
import { goneAmong } from './gone-queries.js';
import { judge } from './judge.js';
import { judgingOf } from './judging.js';
import type { RebuildContext } from './rebuild-parts.js';
import { heightOf, type RebuildProgress } from './rebuild-progress.js';
import { settleDigest } from './settle-digest.js';
import { blockAt, collectStretches } from './stretches.js';
import { createTally, type FindingView } from './tally.js';

export type RebuildResult = {
  readonly dryRun: boolean;
  /** Above it and up to `at` the chain was read. */
  readonly from: PlaceView;
  readonly at: PlaceView;
  /** How many differences of which type. */
  readonly differences: Readonly<Record<string, number>>;
  readonly examples: readonly FindingView[];
  readonly healed: number;
  readonly open: number;
  /** What was made of statuses, ledger and balances afterwards. */
  readonly ledger: LedgerView;
  /** Addresses that count again from where the audit log says. */
  readonly beginnings: number;
  /** Of a dry run: what rows, ledger and balances differ in, of which applying corrects what is proven. */
  readonly ledgerDifferences?: LedgerDifferences;
  /** Before anything was healed. */
  readonly digest: DigestComparison & { readonly equal: boolean };
  /** What is wrong with addresses and partitions, which no block tells; null where nothing is. */
  readonly problem: string | null;
  readonly blocks: number;
  readonly outputs: number;
  readonly seconds: number;
  readonly rate: number;
};

type LedgerView = Omit<LedgerHealed, 'left'>;
const UNTOUCHED: LedgerView = { entries: 0, balances: 0, statuses: 0, lost: 0 };

/** How many of each. */
type LedgerDifferences = {
  readonly payments: number;
  readonly payouts: number;
  readonly lost: number;
  readonly balances: number;
  /** There are more. */
  readonly isPartial: boolean;
};

type PlaceView = {
  readonly slot: number | null;
  readonly hash: string | null;
  readonly height: number | null;
};

/** What is concluded, and from what. */
export type Conclusion = {
  readonly scope: CompareScope;
  readonly place: Cursor;
  readonly progress: RebuildProgress;
  readonly digest: DigestComparison;
  /** Where the digests differed when they were compared, which was right after the block of that height. */
  readonly differing: readonly Stretch[];
  readonly comparedAt: number;
};

/** @returns false where the books have moved on meanwhile */
export type Conclude = (conclusion: Conclusion) => Promise<boolean>;

/** What was looked for beside the chain, for it takes long. */
type Looked = {
  /** What is wrong with addresses and partitions; null where nothing is. */
  readonly problem: string | null;
  /** Neither a status nor a balance is on the chain or in its digest: the ledger alone shows that it was changed. */
  readonly plan: LedgerPlan;
};

async function lookBeside({ job, hotWallet }: RebuildContext): Promise<Looked> {
  const { pool, partitionId } = job.leadership;
  return {
    problem: await allDisputed(pool, partitionId, hotWallet),
    plan: await planLedger(pool, null),
  };
}

/** Tells the difference, and changes nothing. */
export async function prepareReport(context: RebuildContext): Promise<Conclude> {
  const looked = await lookBeside(context);
  return (conclusion) => report(context, looked, conclusion);
}

/** Whoever writes looks at it once more. */
type Prepared = Looked & {
  readonly doubts: Doubts;
  /** Below it nothing was followed. */
  readonly startHeight: number;
};

/**
 * Makes the books what the chain says, in one transaction between two blocks: what differs is looked at
 * once more, as it is then.
 */
export async function prepareHealing(context: RebuildContext): Promise<Conclude> {
  const { pool, partitionId } = context.job.leadership;
  const prepared = {
    ...(await lookBeside(context)),
    doubts: await readDoubts(pool),
    startHeight: (await startHeight(pool, partitionId)) ?? -1,
  };
  return (conclusion) => apply(context, prepared, conclusion);
}

async function report(
  context: RebuildContext,
  { problem, plan }: Looked,
  conclusion: Conclusion,
): Promise<boolean> {
  const { job } = context;
  const { pool, partitionId } = job.leadership;
  const tally = createTally();
  // What is read and the check that it may be believed have to see the same moment.
  const seen = await atOneMoment(pool, async (tx) => {
    const cursor = await readCursor(tx, partitionId);
    if (!isHere(cursor, conclusion.place.point)) return false;
    const judging = await judgingOf(tx, conclusion.scope);
    for await (const page of allCandidates(tx, conclusion.scope)) {
      const differences = page.flatMap((candidate) => judge(candidate, judging));
      const findings = await explainOwners(tx, partitionId, differences);
      tally.add(
        findings.map((one) => ({ ...one, state: 'open' as const, reason: one.unexplained })),
      );
    }
    return true;
  });
  if (!seen) return false;
  const result = resultOf(context, conclusion, tally, UNTOUCHED, problem);
  const ledgerDifferences = countsOf(plan);
  await inTransaction(pool, (tx) => job.complete(tx, { ...result, ledgerDifferences }));
  return true;
}

const countsOf = ({ isPartial, ...plan }: LedgerPlan): LedgerDifferences => ({
  payments: plan.payments.length,
  payouts: plan.payouts.length,
  lost: plan.lost.length,
  balances: plan.balances.length,
  isPartial,
});

async function apply(
  context: RebuildContext,
  { problem, plan, doubts, startHeight: start }: Prepared,
  conclusion: Conclusion,
): Promise<boolean> {
  const { job, hotWallet, policy } = context;
  const { scope, place, progress, differing, comparedAt } = conclusion;
  const { leadership } = job;
  const by = { actor: job.requestedBy, cause: `rebuild job ${job.id}` };
  const above = scope.fromHeight <= start ? null : scope.fromHeight;
  return leadership.write(async (tx, at, cursor) => {
    if (!isHere(cursor, place.point)) return false;
    await job.save(tx, progress);
    const judging = await judgingOf(tx, scope);
    const healing = {
      partitionId: scope.partitionId,
      policy,
      height: scope.height,
      cursorHeight: scope.height,
      ...by,
      learn: (references: readonly OutputReference[]) => leadership.learn(references),
    };
    const tally = createTally();
    const except = new Set<OutputReference>();
    const corrected = new Set<OutputReference>();
    const touched = collectStretches();
    for await (const page of allCandidates(tx, scope)) {
      const findings = page.flatMap((candidate) => judge(candidate, judging));
      const healed = await heal(tx, at, healing, findings, hotWallet);
      tally.add(healed);
      touched.add(blocksTouched(healed, scope));
      for (const one of healed) {
        if (one.state === 'open') except.add(one.reference);
        else if (kindOf(one, hotWallet) === 'payment') corrected.add(one.reference);
      }
    }
    await dropDigestAbove(tx, at, healing);
    const { left, ...ledger } = await healLedger(tx, at, healing, {
      plan,
      gone: above === null ? await goneAmong(tx, scope, plan.lost) : new Set<OutputReference>(),
      healed: [...corrected],
      except,
      proof: { doubtful: [], above, addresses: null },
      isComplete: above === null && except.size === 0 && problem === null,
      exceptUsers: doubts.exceptUsers,
      exceptPayouts: doubts.exceptPayouts,
    });
    const hasDiffered = tally.result().total > 0 || differing.length > 0;
    const since = { above: Math.max(scope.fromHeight, comparedAt - 1), upTo: scope.height };
    touched.add([...differing, since]);
    const undone = hasDiffered
      ? (await areAddressesAbsent(tx, hotWallet))
        ? [DIGEST_STAYS]
        : await settleDigest(tx, at, await withDates(tx, scope, corrected), touched.result(), by)
      : [];
    const result = resultOf(context, conclusion, tally, ledger, problem);
    await job.complete(tx, {
      ...result,
      left: [...left, ...undone],
      sealsChanged: doubts.sealsChanged,
    });
    return true;
  });
}

/** What was paid to such an address is told by the digest alone. */
const DIGEST_STAYS =
  'the state digest stays as it is until addresses that the audit log says were registered are back in the books: put ' +
  'them back by `teller address add`, then run it again';

/** As they are once all that is known was healed, of which the digest isn't told yet. */
async function withDates(
  tx: Tx,
  scope: CompareScope,
  corrected: ReadonlySet<OutputReference>,
): Promise<CompareScope> {
  const misdated = await readMisdated(tx, scope.partitionId, null);
  return { ...scope, misdated: misdated.filter(({ reference }) => !corrected.has(reference)) };
}

/** Blocks whose facts healing may have changed. */
const blocksTouched = (healed: readonly HealedFinding[], { fromHeight, height }: CompareScope) =>
  healed
    .flatMap(heightsOf)
    .filter((at) => at > fromHeight && at <= height)
    .map(blockAt);

const isHere = (cursor: Cursor | null, point: PointOrOrigin): boolean =>
  cursor !== null && samePoint(cursor.point, point);

function resultOf(
  { job, beginnings }: RebuildContext,
  { place, progress, digest }: Conclusion,
  tally: ReturnType<typeof createTally>,
  ledger: RebuildResult['ledger'],
  problem: string | null,
): RebuildResult {
  const { differences, examples, healed, open } = tally.result();
  return {
    dryRun: job.params.dryRun === true,
    from: viewOf(progress.from),
    at: viewOf(place),
    differences,
    examples,
    healed,
    open,
    ledger,
    beginnings,
    digest: { ...digest, equal: isProven(digest) },
    problem,
    blocks: progress.done,
    outputs: progress.outputs,
    seconds: progress.seconds,
    rate: progress.rate,
  };
}

const viewOf = (place: Cursor): PlaceView => ({
  slot: place.point === 'origin' ? null : place.point.slot,
  hash: place.point === 'origin' ? null : place.point.id,
  height: heightOf(place),
});
