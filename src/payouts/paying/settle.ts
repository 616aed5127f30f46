/** What is known of one signed transaction of a batch. */
export type AttemptFacts = {
  readonly txHash: string;
  /** The ledger takes it in slots below this one; null: it doesn't say (adopted). */
  readonly invalidHereafter: number | null;
  /** Its bytes are here: an adopted one's aren't. */
  readonly hasBytes: boolean;
  readonly refused: boolean;
  readonly inBlock: boolean;
  /** It contains a payout that isn't in a block. */
  readonly paysOpen: boolean;
  /** The lowest height at which something else spent one of its inputs; null: nothing did. */
  readonly lostInputHeight: number | null;
  /** An input is nowhere: neither in a block nor made by an own transaction that may come into one. */
  readonly missesInput: boolean;
  readonly nextSubmissionAt: Date;
  readonly createdAt: Date;
};

export type BatchFacts = {
  /** Whether a payout of it is still to be paid; otherwise it only waits to be let go. */
  readonly owes: boolean;
  /** Whether the anchor could be spent now by another attempt. */
  readonly anchorSpendable: boolean;
  /** Oldest first. */
  readonly attempts: readonly AttemptFacts[];
};

export type ChainFacts = {
  /** The cursor's. */
  readonly slot: number;
  /** k blocks below the cursor: no chain that forks further back will ever be followed. */
  readonly deepHeight: number;
  /** The slot of the block there; null where the chain is shorter. */
  readonly deepSlot: number | null;
  readonly now: Date;
};

export type Step =
  | { readonly type: 'wait' }
  /** Nothing that is signed can come into a block here, and nothing else may be signed yet. */
  | { readonly type: 'strand' }
  | { readonly type: 'submit'; readonly txHash: string }
  /** Another attempt that spends the same anchor: at most one of them all can ever be in a chain. */
  | { readonly type: 'rebuild' }
  /** No attempt can be in any chain any more: the payouts are free for another anchor. */
  | { readonly type: 'release'; readonly refused: boolean };

/**
 * What is to be done with a batch some of whose payouts aren't in a block. Safe whatever the node said:
 * what can land is left alone or resubmitted, and another attempt conflicts with all before it.
 */
export function settle(batch: BatchFacts, chain: ChainFacts): Step {
  if (!batch.owes) {
    const isOver = batch.attempts.every((attempt) => isDead(attempt, chain));
    return isOver ? { type: 'release', refused: false } : { type: 'wait' };
  }
  const open = batch.attempts.filter((attempt) => !attempt.inBlock && attempt.paysOpen);
  const live = open.filter((attempt) => canLandHere(attempt, chain)).at(-1);
  const stale = live === undefined || (live.missesInput && batch.anchorSpendable);
  if (live !== undefined && !stale) return submitWhenDue(live, chain);
  if (open.every((attempt) => isDead(attempt, chain))) {
    return { type: 'release', refused: open.length > 0 && open.every((one) => one.refused) };
  }
  const isHopeless = open.length >= REFUSALS_MAX && open.every((attempt) => attempt.refused);
  if (batch.anchorSpendable && !isHopeless && isRested(open, chain)) return { type: 'rebuild' };
  return live === undefined ? { type: 'strand' } : submitWhenDue(live, chain);
}

const submitWhenDue = (attempt: AttemptFacts, { now }: ChainFacts): Step =>
  attempt.nextSubmissionAt <= now ? { type: 'submit', txHash: attempt.txHash } : { type: 'wait' };

/** On this chain, as far as we know. */
const canLandHere = (attempt: AttemptFacts, { slot }: ChainFacts): boolean =>
  attempt.hasBytes &&
  !attempt.refused &&
  attempt.lostInputHeight === null &&
  (attempt.invalidHereafter === null || slot < attempt.invalidHereafter);

/** On no chain that could ever be ours. A refusal proves nothing, nor does a fork that may still turn. */
export const isDead = (
  attempt: Pick<AttemptFacts, 'invalidHereafter' | 'lostInputHeight'>,
  { deepHeight, deepSlot }: Pick<ChainFacts, 'deepHeight' | 'deepSlot'>,
): boolean =>
  (attempt.lostInputHeight !== null && attempt.lostInputHeight <= deepHeight) ||
  (attempt.invalidHereafter !== null && deepSlot !== null && deepSlot >= attempt.invalidHereafter);

/** After so many, all refused, it isn't the node: they are left to die, and then who is to blame is found. */
const REFUSALS_MAX = 8;
const REST_FIRST_MS = 5_000;
const REST_MAX_MS = 600_000;

/** An attempt that expired had its time. Others are replaced ever more slowly: a node that refuses them will go on. */
function isRested(open: readonly AttemptFacts[], { slot, now }: ChainFacts): boolean {
  const newest = open.at(-1);
  if (newest === undefined) return true;
  if (newest.invalidHereafter !== null && slot >= newest.invalidHereafter) return true;
  const rest = Math.min(REST_MAX_MS, REST_FIRST_MS * 2 ** Math.min(open.length - 1, 10));
  return now.getTime() - newest.createdAt.getTime() >= rest;
}
