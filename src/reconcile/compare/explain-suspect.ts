import type { OutputReference } from '../../chain/block.js';
import type { ChainOutput, Finding } from '../model/finding.js';
import type { Evidence } from './block-evidence.js';
import { countsFromBefore } from './compare-output.js';
import { type Doubt, findingsOf, type Surroundings } from './judge-outputs.js';
import { isMisplaced } from './misplaced.js';
import type { Recorded } from './recorded-queries.js';
import { isCovered } from './watching.js';

/** What is looked for in blocks, with what the ledger says of it now. */
export type Doubtful = {
  readonly doubt: Doubt;
  readonly reference: OutputReference;
  readonly recorded: Recorded | null;
  /** Of the other table: only one of the two can be right. */
  readonly besides?: Recorded;
  /** Null where the ledger doesn't hold it and no block told of it. */
  readonly onChain: ChainOutput | null;
  /** Height above which blocks' outputs at its address count; what was made below has no block in the books. */
  readonly countedAbove: number;
};

/** From which height (exclusive) up to the point of the comparison blocks were read; null: none were. */
export type ReadAbove = number | null;

const isUnspent = ({ onChain }: Doubtful): boolean => onChain?.spent === 'unspent';

/** The height above which the blocks that made and spent it are first looked for. */
export function lookAbove(
  { doubt, recorded, onChain, countedAbove }: Doubtful,
  pointHeight: number,
): number {
  const made = onChain?.placement?.height ?? recorded?.placement?.height ?? null;
  // Where it may have come in a block after all, all of its address's blocks are looked at.
  const before = doubt === 'placement' ? null : (recorded?.countedFrom ?? null);
  const above = made === null ? (before ?? countedAbove) : made - 1;
  return Math.max(-1, Math.min(above, pointHeight - 1));
}

/** Whether reading on could tell anything more of it. */
export function isExplained(doubtful: Doubtful, { created, spent }: Evidence): boolean {
  const { doubt, reference, recorded } = doubtful;
  const isMade = created.has(reference) || (doubt !== 'placement' && wasBefore(recorded));
  return isMade && (isUnspent(doubtful) || spent.has(reference));
}

/** The ledger told of it, and no followed block. */
const wasBefore = (recorded: Recorded | null): recorded is Recorded =>
  recorded !== null && recorded.placement === null && recorded.countedFrom !== null;

/** What differs about one output, now that blocks were read for it. */
export function explain(
  doubtful: Doubtful,
  evidence: Evidence,
  readAbove: ReadAbove,
  followedAbove: number,
  surroundings: Surroundings,
): Finding[] {
  const { reference, recorded, besides, onChain } = doubtful;
  const rows = [recorded, besides].flatMap((row) => row ?? []);
  const address = (evidence.created.get(reference) ?? onChain)?.address ?? null;
  const misplaced = rows.filter((row) => isMisplaced(row, address, surroundings));
  const explainRow = (row: Recorded | null): Finding[] =>
    explainOne({ ...doubtful, recorded: row }, evidence, readAbove, followedAbove, surroundings);
  if (misplaced.length === 0) return rows.length > 0 ? rows.flatMap(explainRow) : explainRow(null);
  const kept = rows.filter((row) => !misplaced.includes(row));
  const own =
    kept.length > 0 || !mustBeRecorded(doubtful, evidence, surroundings)
      ? kept.flatMap(explainRow)
      : [...explainRow(null), ...missingBefore(doubtful, evidence)];
  return [...misplaced.flatMap(extraIn), ...own];
}

function explainOne(
  doubtful: Doubtful,
  evidence: Evidence,
  readAbove: ReadAbove,
  /** Above which all blocks of the books were followed. */
  followedAbove: number,
  surroundings: Surroundings,
): Finding[] {
  const { reference, recorded } = doubtful;
  const made = evidence.created.get(reference);
  const spender = evidence.spent.get(reference) ?? 'gone';
  const spent: ChainOutput['spent'] = isUnspent(doubtful) ? 'unspent' : spender;
  if (made !== undefined) {
    const hasBlock = (made.placement?.height ?? -1) > doubtful.countedAbove;
    const keepsNone = recorded === null || wasBefore(recorded);
    const onChain: ChainOutput = {
      ...made,
      spent,
      placement: hasBlock || !keepsNone ? made.placement : null,
    };
    if (recorded === null) return [missing(onChain, spent === 'gone' ? NO_SPENDER : null)];
    if (!hasBlock && isAwaited(recorded, surroundings)) return [];
    return withReason(
      findingsOf(recorded, onChain, surroundings),
      spent === 'gone' ? NO_SPENDER : null,
    );
  }
  const { onChain } = doubtful;
  const isBefore = isProvenBefore(doubtful, readAbove);
  if (recorded === null) {
    const isKnown = onChain?.placement != null || readAbove !== null;
    return onChain === null ? [] : [missing(onChain, isKnown ? null : NOT_READ)];
  }
  if (isAwaited(recorded, surroundings)) return [];
  if (onChain !== null) {
    // The ledger holds it and no followed block made it: it was there before.
    const isAll = readAbove !== null && readAbove <= followedAbove;
    const reason = isAll || isBefore ? null : NOT_READ;
    return withReason(findingsOf(recorded, onChain, surroundings), reason);
  }
  return withoutMaking(recorded, isBefore, spent, readAbove, followedAbove, surroundings);
}

/** Where it is doubted that it was there before, all blocks of its address tell. */
const isProvenBefore = (
  { doubt, recorded, countedAbove }: Doubtful,
  readAbove: ReadAbove,
): boolean =>
  wasBefore(recorded) &&
  (doubt !== 'placement' ||
    !countsFromBefore(recorded) ||
    (readAbove !== null && readAbove <= countedAbove));

/** What counts for nothing does no harm where it stands. */
const extraIn = (recorded: Recorded): Finding[] => {
  const { reference, address, status } = recorded;
  if (status === 'rolled_back') return [];
  return [{ type: 'extra_in_db', reference, address, recorded, onChain: null, unexplained: null }];
};

/** Whether the books must have what only stands in the wrong table. */
function mustBeRecorded(
  { reference, recorded, onChain, countedAbove }: Doubtful,
  { created, spent }: Evidence,
  { watched, hotWallet, height }: Surroundings,
): boolean {
  const made = created.get(reference) ?? onChain;
  const address = made?.address ?? recorded?.address ?? '';
  const watching = watched.get(address);
  if (watching === undefined) return false;
  const { backfilledHeight: askedAt } = watching;
  // Of what the wallet made and spent before its past was asked for nobody misses anything.
  const above = address === hotWallet ? askedAt : countedAbove;
  const madeAt = made?.placement?.height ?? null;
  if (madeAt !== null && above !== null && madeAt > above) return true;
  if (askedAt === null || askedAt > height) return false;
  const spend = spent.get(reference);
  return spend === undefined ? onChain !== null : spend.height > askedAt;
}

/** Spent, and made by none of the blocks that were read: how much it was only the wrong row says. */
function missingBefore(
  { reference, recorded, onChain }: Doubtful,
  { created, spent }: Evidence,
): Finding[] {
  const spend = spent.get(reference);
  if (recorded === null || onChain !== null || created.has(reference) || spend === undefined) {
    return [];
  }
  const { address, lovelace, assets } = recorded;
  const value = { reference, address, lovelace, assets, hasScript: false, placement: null };
  return [missing({ ...value, spent: spend }, NO_MAKER)];
}

/** A rollback took back what was there before; the ledger is going to be asked for it again. */
const isAwaited = (
  { kind, status, address }: Recorded,
  { watched, height }: Surroundings,
): boolean => {
  const watching = watched.get(address);
  return (
    kind === 'payment' &&
    status === 'rolled_back' &&
    watching !== undefined &&
    !isCovered(watching, height)
  );
};

/** No block that was read made it, and the ledger doesn't hold it. */
function withoutMaking(
  recorded: Recorded,
  isBefore: boolean,
  spent: ChainOutput['spent'],
  readAbove: ReadAbove,
  followedAbove: number,
  surroundings: Surroundings,
): Finding[] {
  if (spent !== 'gone') {
    // Who spent it is known; what it was is known from the ledger that told of it, where one did.
    const { reference, address, lovelace, assets, placement, hasScript = false } = recorded;
    const onChain = { reference, address, lovelace, assets, hasScript, placement, spent };
    const isKnown = isBefore && recorded.unreadable === undefined;
    const reason = isKnown ? null : NO_MAKER;
    return withReason(findingsOf(recorded, onChain, surroundings), reason);
  }
  const needed = wasBefore(recorded) ? (recorded.countedFrom ?? followedAbove) : followedAbove;
  const isAll = readAbove !== null && readAbove <= needed;
  return withReason(findingsOf(recorded, null, surroundings), isAll ? null : NOT_READ);
}

const missing = (onChain: ChainOutput, unexplained: string | null): Finding => ({
  type: 'missing_in_db',
  reference: onChain.reference,
  address: onChain.address,
  recorded: null,
  onChain,
  unexplained,
});

const withReason = (findings: readonly Finding[], reason: string | null): Finding[] =>
  findings.map((finding) => ({ ...finding, unexplained: finding.unexplained ?? reason }));

const NOT_READ =
  'the blocks that could tell lie too far back to be read for it: run `teller rebuild --from origin`';
const NO_SPENDER =
  'the ledger does not hold it and no block that was read spent it: run `teller rebuild`';
const NO_MAKER = 'it was spent, and no block that was read made it: run `teller rebuild`';
