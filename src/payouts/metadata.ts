/**
 * What a payout transaction says about itself, so that a database that lost its memory learns from the
 * chain what was paid: which of the inputs (in the ledger's order) is the anchor, and the id of the payout
 * that each of the first outputs pays. No customer's data; an id tells nothing to who lacks the secret.
 *
 *     8355377: [1, anchor, [id, …]]     id: 16 bytes; none for transactions of the wallet to itself
 */
export const METADATA_LABEL = 8_355_377n;
export const METADATA_VERSION = 1n;

export type PayoutMetadata = {
  /** Position of the anchor among the inputs. */
  readonly anchor: number;
  /** The payout that output 0, 1, … pays. */
  readonly payoutIds: readonly string[];
};
