/** Numbers as the database writes them; null columns together mean the origin. */
export type CursorPlace = {
  readonly slot: string | null;
  readonly hash: string | null;
  readonly height: string | null;
};

/** Where the books say that they end, beside all else that says so. */
export type CursorEvidence = {
  /** Null where there is none: no start point was chosen, it seems. */
  readonly cursor: CursorPlace | null;
  /** The height that headers prove of the cursor's block, where it isn't the cursor's. */
  readonly proven: string | null;
  /** The highest header that is kept; null where none is, as at a start point before the block after it. */
  readonly top: CursorPlace | null;
  /** A height above the cursor of which both the state digest and recorded outputs tell; null: there is none. */
  readonly above: string | null;
  /** What tells that blocks were followed: only looked for where there is no cursor. */
  readonly followed: {
    /** The highest block of which anything tells; null or -1: nothing does. */
    readonly upTo: string | null;
    /** Whether the ledger has entries of payments. */
    readonly hasEntries: boolean;
    /** Whether it is written down where the books began. */
    readonly hasBegun: boolean;
  } | null;
};

/** What another hand made of the cursor. */
export type CursorProblem = {
  /** In what it contradicts the books. */
  readonly wrong: string;
  /** Whether whoever follows the chain finds back by itself; else it stops, and a person is needed. */
  readonly isMended: boolean;
};

/**
 * In what the cursor contradicts the books; null where it doesn't. Cursor, headers, outputs and digest are written
 * in one transaction: by themselves they differ at no moment. A digest alone or a row alone that lies above the
 * cursor is no evidence against it: that is found, and healed, as what it is.
 */
export function judgeCursor(evidence: CursorEvidence): CursorProblem | null {
  const wrong = contradiction(evidence);
  return wrong === null
    ? null
    : { wrong: `${BY_ANOTHER_HAND}: ${wrong}`, isMended: isMended(evidence) };
}

const BY_ANOTHER_HAND = 'another hand changed sync_state or blocks';

/** A sentence: what a person is to do. */
export const remedyOf = ({ isMended }: CursorProblem): string => (isMended ? LET_RUN : RESTORE);

/** Both, in one line. */
export const problemWords = (problem: CursorProblem): string =>
  `${problem.wrong}. ${remedyOf(problem)}`;

const LET_RUN =
  'Start `teller run` and let it apply a few blocks: it goes on from the last block that the node has too; then ask again';
const RESTORE =
  'Stop every instance, keep a copy of the database, and restore the last backup from before into an empty one ' +
  '(`teller restore FILE`): the chain is followed on from there';

function contradiction({ cursor, top, above, followed }: CursorEvidence): string | null {
  if (cursor === null) {
    const told = followed === null ? null : tellsOfBlocks(followed);
    return told === null ? null : `there is no cursor, and ${told}`;
  }
  if (!isHeight(cursor.height)) {
    return `the cursor's height is ${cursor.height}, and no chain is that high`;
  }
  if (top !== null && !isSame(cursor, top)) {
    return `the cursor is ${show(cursor)}, and the highest of blocks is ${show(top)}`;
  }
  return above === null
    ? null
    : `the cursor is ${show(cursor)}, and outputs and state digest of block ${above} are in the books`;
}

function tellsOfBlocks({
  upTo,
  hasEntries,
  hasBegun,
}: Exclude<CursorEvidence['followed'], null>): string | null {
  if (upTo !== null && Number(upTo) >= 0) return `blocks up to ${upTo} are in the books`;
  if (hasEntries) return 'entries of payments are in the ledger';
  return hasBegun ? 'these books have a start point already' : null;
}

const isHeight = (height: string | null): boolean =>
  height === null || Number.isSafeInteger(Number(height));

const isSame = (a: CursorPlace, b: CursorPlace): boolean =>
  a.hash === b.hash && a.slot === b.slot && a.height === b.height;

const show = ({ slot, hash, height }: CursorPlace): string =>
  hash === null ? 'the origin' : `${slot}.${hash} at height ${height ?? 'unknown'}`;

/**
 * Whoever follows takes a proven height, offers the node all headers besides the cursor, and stores those of new
 * blocks above them.
 */
function isMended({ cursor, proven, top, above }: CursorEvidence): boolean {
  if (above !== null) return false;
  if (proven !== null) return true;
  if (cursor === null || cursor.height === null || top === null || top.height === null)
    return false;
  if (!isHeight(cursor.height)) return false;
  const higher = Number(cursor.height) - Number(top.height);
  const isElsewhere = cursor.hash !== top.hash;
  return higher === 0 ? isElsewhere || cursor.slot !== top.slot : higher > 0 && isElsewhere;
}
