import { compareOutput, countsFromBefore } from '../compare/compare-output.js';
import { isMisplaced } from '../compare/misplaced.js';
import { type Misdated, misdatedAs } from '../heal/misdated.js';
import type { ChainOutput, DiscrepancyType, Finding, RecordedOutput } from '../model/finding.js';
import { sameOnChain } from '../runs/compare-statuses.js';
import type { Candidate, DerivedOutput } from './candidate.js';

export type JudgeContext = {
  /** Facts above it were derived; what is below isn't touched. */
  readonly fromHeight: number;
  readonly height: number;
  readonly hotWallet: string | null;
  readonly confirmationsHeld: boolean;
  /** By kind and reference. */
  readonly misdated: ReadonlyMap<string, Misdated>;
};

const MADE_BEFORE =
  'it was made before the block from which the chain was read: rebuild from further back';
const SPENT_BEFORE =
  'it was spent before the block from which the chain was read: rebuild from further back';

const UNWATCHED =
  "on the chain it pays an address that isn't among those that these books follow: a person must look whose it is";

/** Whether only the node's ledger can tell if such an output exists. */
export const needsLedger = ({ recorded, derived, spentBy }: Candidate): boolean =>
  recorded !== null && recorded.status !== 'rolled_back' && derived === null && spentBy === null;

/**
 * In which ways the books' row and the chain differ. From when on what no block brought counts is looked at last:
 * whoever heals the others sees to that too.
 */
export function judge(candidate: Candidate, context: JudgeContext): Finding[] {
  const { kind, reference, recorded } = candidate;
  const misdated = context.misdated.get(`${kind} ${reference}`);
  if (misdated === undefined || recorded?.countedFrom !== misdated.countedFrom) {
    return judgeOutput(candidate, context);
  }
  const countedFrom = misdated.countsFrom ?? recorded.countedFrom;
  const dated = { ...candidate, recorded: { ...recorded, countedFrom } };
  const found = isSpentBelow(candidate, context) ? [] : judgeOutput(dated, context);
  if (found.length > 0) return found.map((one) => ({ ...one, recorded }));
  return [misdatedAs(recorded, sameOnChain(recorded), misdated)];
}

/** Below what was read nothing is looked at but from when on it counts. */
const isSpentBelow = (
  { recorded, derived, spentBy }: Candidate,
  { fromHeight }: JudgeContext,
): boolean =>
  derived === null && spentBy === null && (recorded?.spent?.height ?? Infinity) <= fromHeight;

function judgeOutput(candidate: Candidate, context: JudgeContext): Finding[] {
  const { recorded, derived } = candidate;
  if (recorded === null) {
    if (derived === null || !derived.must) return [];
    return [finding(candidate, 'missing_in_db', asRecordable(derived))];
  }
  if (derived === null) return judgeUnread(candidate, recorded, context);
  if (isUncounted(recorded) && !mustBe(candidate, derived, context)) return [];
  if (isForeign(candidate, recorded, derived, context)) {
    return [foreign(candidate, recorded, asRecordable(derived), context)];
  }
  return differences(candidate, derived, context).map((type) =>
    finding(candidate, type, asRecordable(derived)),
  );
}

/** A row that stands for no output that was read: it may be older, or there may be no such output. */
function judgeUnread(
  candidate: Candidate,
  recorded: RecordedOutput,
  context: JudgeContext,
): Finding[] {
  const level = recorded.placement?.height ?? recorded.countedFrom;
  if (isUncounted(recorded)) return [];
  const isBelow = level !== null && level <= context.fromHeight;
  const onChain = unreadOnChain(candidate, recorded);
  if (onChain === null) {
    if (!isBelow) return [finding(candidate, 'extra_in_db', null)];
    return [
      finding(candidate, 'spent_mismatch', { ...asChain(recorded), spent: 'gone' }, SPENT_BEFORE),
    ];
  }
  if (!isBelow && isForeign(candidate, recorded, onChain, context)) {
    return [foreign(candidate, recorded, onChain, context)];
  }
  const types = differences(candidate, onChain, context).filter(
    (type) => !isBelow || type === 'spent_mismatch' || type === 'unspent_mismatch',
  );
  // Only the block that made it says what it was.
  const isKnown =
    (candidate.spentBy === null || recorded.unreadable === undefined) &&
    (candidate.registration?.backfill !== false || !countsFromBefore(recorded));
  const findings = types.map((type) =>
    finding(candidate, type, onChain, isKnown ? undefined : MADE_BEFORE),
  );
  // The block that the row names was read, and it isn't in there.
  const isElsewhere = !isBelow && recorded.placement !== null;
  return isElsewhere
    ? [...findings, finding(candidate, 'status_mismatch', onChain, MADE_BEFORE)]
    : findings;
}

function unreadOnChain(candidate: Candidate, recorded: RecordedOutput): ChainOutput | null {
  const { spentBy, ledger } = candidate;
  // Somebody spent it, so it exists; how much it was is known to older blocks only.
  if (spentBy !== null) return { ...asChain(recorded), spent: spentBy };
  return ledger;
}

const asChain = (recorded: RecordedOutput): ChainOutput => ({
  reference: recorded.reference,
  address: recorded.address,
  lovelace: recorded.lovelace,
  assets: recorded.assets,
  hasScript: recorded.hasScript ?? false,
  placement: recorded.placement,
  spent: 'unspent',
});

function differences(
  { kind, recorded, owner, spentBy, derived, registration }: Candidate,
  onChain: ChainOutput,
  { height, confirmationsHeld }: JudgeContext,
): DiscrepancyType[] {
  // Made before it was watched, it has no block in the books.
  const isFollowed = derived?.inBlock === true && registration?.watchedFrom != null;
  const keepsNone = recorded?.placement === null && recorded.countedFrom !== null && !isFollowed;
  const seen = keepsNone ? { ...onChain, placement: null } : onChain;
  // Known by its spend alone: whose it is can't be told.
  const isKnown = derived !== null || spentBy === null;
  const whose = kind === 'wallet' ? null : isKnown ? owner : (recorded?.userId ?? null);
  const backfill = registration?.backfill ?? true;
  return compareOutput(recorded, seen, { height, confirmationsHeld, owner: whose, backfill });
}

/** Whether the books must have it, and have it among the outputs of this kind. */
const mustBe = (
  { kind }: Candidate,
  { must, address }: DerivedOutput,
  { hotWallet }: JudgeContext,
): boolean => must && (kind === 'wallet') === (address === hotWallet);

/** It is in no block and no ledger told of it at present: it counts for nothing, and may be there. */
const isUncounted = ({ kind, status, placement, countedFrom }: RecordedOutput): boolean =>
  status === 'rolled_back' || (kind === 'wallet' && placement === null && countedFrom === null);

/** On the chain it is at an address that isn't of this kind: such a row can't have come from a block. */
function isForeign(
  { kind, owner, spentBy, derived, registration }: Candidate,
  recorded: RecordedOutput,
  onChain: ChainOutput,
  { hotWallet }: JudgeContext,
): boolean {
  if (recorded.status === 'rolled_back') return false;
  const watched = new Map(registration === null ? [] : [[onChain.address, registration]]);
  const isKnown = derived !== null || spentBy === null;
  const places = { hotWallet, watched };
  if (isMisplaced(recorded, isKnown ? onChain.address : null, places)) return true;
  return kind === 'payment' && isKnown && owner === null;
}

/** What the chain has is never taken away because its address isn't watched: that may be what was changed. */
function foreign(
  candidate: Candidate,
  recorded: RecordedOutput,
  onChain: ChainOutput,
  { hotWallet }: JudgeContext,
): Finding {
  const isElsewhere = onChain.address !== recorded.address;
  const isWallets = onChain.address === hotWallet;
  if (candidate.kind === 'wallet' || isWallets || (isElsewhere && !candidate.wasRegistered)) {
    return finding(candidate, 'extra_in_db', null);
  }
  return finding(candidate, 'owner_mismatch', onChain, UNWATCHED);
}

/** With its block: whether the books keep it is for healing to decide. */
const asRecordable = ({ placement, ...output }: DerivedOutput): ChainOutput => ({
  reference: output.reference,
  address: output.address,
  lovelace: output.lovelace,
  assets: output.assets,
  hasScript: output.hasScript,
  spent: output.spent,
  placement,
});

const finding = (
  { reference, recorded }: Candidate,
  type: DiscrepancyType,
  onChain: ChainOutput | null,
  unexplained: string | null = null,
): Finding => ({
  type,
  reference,
  address: onChain?.address ?? recorded?.address ?? '',
  recorded,
  onChain,
  unexplained,
});
