import { SECURITY_PARAMETER_BLOCKS } from '../../chain/point.js';

/** A header, and the one that is kept right below it. */
export type BrokenLink = {
  readonly hash: string;
  readonly height: number;
  readonly boundary: boolean;
  readonly below: number;
};

/** The headers that are kept, as far as they tell whether any is missing. */
export type HeaderEvidence = {
  readonly lowest: Pick<BrokenLink, 'hash' | 'height'>;
  /** The highest and the lowest of those that don't stand on the one below them; null where all do. */
  readonly highestBroken: BrokenLink | null;
  readonly lowestBroken: BrokenLink | null;
  readonly cursor: number;
  /** The node's tip when the books were written last. */
  readonly tip: number | null;
  /** Blocks above it were followed, or are known to have been; null where nobody knows. */
  readonly start: number | null;
};

/** Headers that are missing or aren't those of the chain that leads to the cursor. */
export type HeaderGap = {
  /** The lowest height of which a header is to be kept, and perhaps isn't. */
  readonly from: number;
  /** What is above it hangs together up to the cursor. */
  readonly below: Pick<BrokenLink, 'hash' | 'height'>;
};

/**
 * A node may be left for one whose chain is a little shorter: then the window ends above where it would.
 * No fork goes that deep, so nobody misses a header there either.
 */
const SHORTER_BLOCKS = SECURITY_PARAMETER_BLOCKS / 10;

/**
 * Whether headers within the rollback window are missing: each stands on the one below, and the lowest is
 * where the window ends or the books begin. What was pruned lies k blocks and more below the highest block
 * that was ever followed, and that is no higher than the tip of a chain that took its place.
 */
export function headerGap(evidence: HeaderEvidence): HeaderGap | null {
  const { lowest, highestBroken, lowestBroken, start } = evidence;
  const window = Math.max(evidence.cursor, evidence.tip ?? 0) - SECURITY_PARAMETER_BLOCKS;
  // Whether the height of a chain's first block is 0 or 1 isn't known.
  const first = start === -1 ? 1 : start;
  const isShort = first !== null && lowest.height > Math.max(first, window + SHORTER_BLOCKS);
  if (!isShort && lowestBroken === null) return null;
  const { hash, height } = highestBroken ?? lowest;
  const from = isShort ? Math.max(start ?? 0, window, 0) : (lowestBroken?.below ?? lowest.height);
  return { from, below: { hash, height } };
}

export const showGap = ({ from, below }: HeaderGap): string =>
  `another hand changed blocks: headers from height ${from} up to ${below.height} are missing or don't stand on ` +
  'each other, and a fork that goes below can not be followed';
