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
  /** The highest header that is kept; null where none is, as at a start point before the block after it. */
  readonly top: CursorPlace | null;
  /** A height above the cursor of which both the state digest and recorded outputs tell; null: there is none. */
  readonly above: string | null;
  /** The highest block of which the state digest tells. */
  readonly digested: string | null;
};

/**
 * In what the cursor contradicts the books, and what to do; null where it doesn't. Cursor, headers, outputs and
 * digest are written in one transaction: by themselves they differ at no moment. A digest alone or a row alone
 * that lies above the cursor is no evidence against it: that is found, and healed, as what it is.
 */
export function cursorProblem(evidence: CursorEvidence): string | null {
  const wrong = contradiction(evidence);
  if (wrong === null) return null;
  return (
    `another hand changed sync_state or blocks: ${wrong}. Nothing was compared, and nothing changed: ` +
    (mayFindBack(evidence) ? LET_RUN : RESTORE)
  );
}

const LET_RUN =
  'start `teller run` and let it apply a few blocks: it goes on from the last block that the node has too; then ask again';
const RESTORE =
  'stop every instance, keep a copy of the database, and restore the last backup into an empty one ' +
  '(`teller restore FILE`): the chain is followed on from there';

function contradiction({ cursor, top, above, digested }: CursorEvidence): string | null {
  if (cursor === null) {
    return digested === null
      ? null
      : `there is no cursor, and blocks up to ${digested} are in the books`;
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

const isHeight = (height: string | null): boolean =>
  height === null || Number.isSafeInteger(Number(height));

const isSame = (a: CursorPlace, b: CursorPlace): boolean =>
  a.hash === b.hash && a.slot === b.slot && a.height === b.height;

const show = ({ slot, hash, height }: CursorPlace): string =>
  hash === null ? 'the origin' : `${slot}.${hash} at height ${height ?? 'unknown'}`;

/** Whoever follows offers the node all headers besides the cursor, and stores those of new blocks above them. */
function mayFindBack({ cursor, top }: CursorEvidence): boolean {
  if (cursor === null || cursor.height === null || top === null || top.height === null)
    return false;
  if (!isHeight(cursor.height)) return false;
  const above = Number(cursor.height) - Number(top.height);
  const isElsewhere = cursor.hash !== top.hash;
  return above === 0 ? isElsewhere || cursor.slot !== top.slot : above > 0 && isElsewhere;
}
