import type { Tx } from '../../database/transaction.js';
import type { Cursor } from '../../sync/events.js';
import { inWords } from '../compare/disputes.js';
import { readHeaderGap } from '../compare/header-queries.js';
import { showGap } from '../compare/judge-headers.js';
import type { HealContext } from '../heal/context.js';
import { dropDigestAbove } from '../heal/digest-above.js';
import { healLedger, type LedgerHealed } from '../heal/heal-ledger.js';
import { healReferences } from '../heal/heal-references.js';
import { mendDigest } from '../heal/mend-digest.js';
import { differingBlocks, judgeStretches, type SealsChanged, stretchesOf } from '../heal/proof.js';
import { rewriteDigest } from '../heal/rewrite-digest.js';
import { type HealedFinding, heightsOf, kindOf } from '../model/finding.js';
import { DIGEST_DIFFERS } from '../runs/compare-digest.js';
import { tellDiscrepancies } from '../runs/explain.js';
import type { Unblocked } from './blocked-books.js';
import { healFindings } from './heal-findings.js';
import type { RunningJob } from './job.js';
import type { PreparedRepair } from './prepare-repair.js';
import type { RepairDeps } from './repair.js';
import { noteRepaired } from './repair-queries.js';

/** What a repair did, as its job tells it. */
export type RepairResult = Unblocked & {
  readonly runId: string;
  readonly found: number;
  readonly repaired: number;
  readonly open: number;
  readonly ledger: Omit<LedgerHealed, 'left'>;
  /** Rows of the state digest that became others. */
  readonly digests: number;
  /** Payments that were given the references of their addresses. */
  readonly references: number;
  readonly sealsAccepted: number;
  /** Of which `balance verify` tells until a person accepts them. */
  readonly sealsChanged: SealsChanged;
  /** What was left as it is beside the discrepancies that are open, in words. */
  readonly left: readonly string[];
  readonly problem: string | null;
};

export type Applied = {
  readonly findings: readonly HealedFinding[];
  readonly result: RepairResult;
};

/** All of it in one transaction: outputs, the digest, the ledger, references, and the job's end. */
export async function applyRepair(
  tx: Tx,
  at: Date,
  deps: RepairDeps,
  job: RunningJob,
  prepared: PreparedRepair,
  unblocked: Unblocked,
  cursor: Cursor,
): Promise<Applied> {
  const { run, findings, misreferenced } = prepared;
  const context: HealContext = {
    partitionId: job.leadership.partitionId,
    policy: deps.policy,
    height: run.height,
    cursorHeight: cursor.height ?? run.height,
    actor: job.requestedBy,
    cause: `reconciliation run ${run.runId}`,
    learn: (references) => job.leadership.learn(references),
  };
  // Where what is healed below was missed by the digest as well, it proves the tables only as they are before.
  const mended = await mendDigest(tx, at, context, prepared.differing);
  // What differs before it is healed, another hand changed since it was compared.
  const before = await differingBlocks(tx, context.partitionId, findings.flatMap(heightsOf));
  const healed = await healFindings(tx, at, context, run.runId, findings, deps.hotWallet);
  await dropDigestAbove(tx, at, context);
  const { left, problem, ledger, digests } = await healRest(tx, at, context, prepared, {
    healed,
    before,
    hotWallet: deps.hotWallet,
  });
  const references = await healReferences(tx, at, context, misreferenced.payments);
  const open = healed.filter(({ state }) => state === 'open').length;
  await noteRepaired(tx, run.runId, healed.length - open, problem);
  await tellDiscrepancies(tx, run.runId);
  const result: RepairResult = {
    ...unblocked,
    runId: run.runId,
    found: healed.length,
    repaired: healed.length - open,
    open,
    ledger,
    digests: mended + digests,
    references: references.healed,
    sealsAccepted: 0,
    sealsChanged: prepared.doubts.sealsChanged,
    left: [
      ...left,
      ...said(references.left, MISREFERENCED),
      ...said(misreferenced.beyond, 'more payments have other references: run it again'),
    ],
    problem,
  };
  await job.complete(tx, result);
  return { findings: healed, result };
}

const MISREFERENCED =
  'payments have other references than their addresses, and nothing proves those of the addresses: a ' +
  'person must look';

const HEADERS_SINCE = 'they were changed since they were looked at: run it again';

const said = (count: number, what: string): string[] => (count > 0 ? [`${count} ${what}`] : []);

type Rows = {
  readonly healed: readonly HealedFinding[];
  /** Blocks of which tables and digest differed before anything was healed. */
  readonly before: ReadonlyMap<number, unknown>;
  readonly hotWallet: string | null;
};

/** Digest and ledger follow the rows. */
async function healRest(
  tx: Tx,
  at: Date,
  context: HealContext,
  { run, addresses, differing, plan, gone, doubts, headersMissing }: PreparedRepair,
  { healed, before, hotWallet }: Rows,
) {
  const { partitionId } = context;
  const open = healed.filter(({ state }) => state === 'open');
  const mended = await mendDigest(tx, at, context, differing);
  const verdicts = await judgeStretches(tx, partitionId, differing);
  const brought = await differingBlocks(tx, partitionId, heightsRepaired(healed));
  const since = [...brought.keys()].filter((height) => before.has(height));
  const doubtful = [
    ...verdicts.filter(({ isSame }) => !isSame).map(({ stretch }) => stretch),
    ...stretchesOf(since),
  ];
  const unlinked = verdicts.filter(({ isLinked }) => !isLinked).map(({ stretch }) => stretch);
  // Its rows were held against their blocks: then it is the digest that somebody changed.
  const isUndisputed = addresses === null && open.length === 0 && run.disputed === null;
  const areProven = isUndisputed && run.isDigestCompared && doubtful.length === 0;
  const isDoubtful = doubtful.length > 0 || (unlinked.length > 0 && !areProven);
  // The digest tells what no single output explained; where it agrees by now, everything is explained.
  const digestProblem = isDoubtful ? (run.digestProblem ?? DIGEST_DIFFERS) : null;
  const gap = addresses === null ? await readHeaderGap(tx, partitionId) : null;
  const problem = inWords([
    addresses === null ? digestProblem : null,
    run.disputed,
    gap === null ? null : `${showGap(gap)}: ${headersMissing ?? HEADERS_SINCE}`,
  ]);
  // What blocks did to rows that weren't there wasn't folded, and no later run would find that it lacks.
  const blocks = new Map([...brought].filter(([height]) => !before.has(height)));
  const proven = areProven ? unlinked : [];
  const relinked = await rewriteDigest(tx, at, partitionId, { blocks, proven }, context);
  const isPayment = (one: HealedFinding): boolean =>
    one.state === 'repaired' && kindOf(one, hotWallet) === 'payment';
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
  return { left, ledger, problem, digests: mended + relinked };
}

const heightsRepaired = (findings: readonly HealedFinding[]): number[] =>
  findings.filter(({ state }) => state === 'repaired').flatMap(heightsOf);
