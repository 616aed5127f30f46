import type { Slot, TipOrOrigin } from '../../chain/point.js';
import type { ProtocolParameters } from '../../chain/protocol-parameters.js';

/** What a node says that is needed to build a transaction. */
export type NodeView = {
  readonly tip: TipOrOrigin;
  readonly parameters: ProtocolParameters;
  /** The slot so many seconds after the tip's, by the era summaries. @throws RangeError beyond the era's forecast */
  readonly slotAfter: (seconds: number) => Slot;
  /** Why nothing may be computed from this tip, as far as the node itself or the clock tells; null: nothing. */
  readonly lag: string | null;
};

/**
 * What an answer to a submission means. None of them decides anything about a payout: only the chain
 * does. They set the pace, and whether another attempt (with the same anchor) is to be built.
 */
export type SubmitOutcome =
  /** In the node's mempool. */
  | { readonly type: 'accepted' }
  /** Its inputs are gone or not there yet: it may be in a block, or something else spent them. */
  | { readonly type: 'look_at_chain'; readonly reason: string }
  /** Not now: mempool full, node syncing, era changing. */
  | { readonly type: 'passing'; readonly reason: string }
  /** For what it is: no node that is in step would take it. */
  | { readonly type: 'refused'; readonly reason: string }
  /** No answer, or one that says nothing: it may have been accepted. */
  | { readonly type: 'unknown'; readonly reason: string };

/** Requests to nodes, over all endpoints: a second one gets the same bytes where the first doesn't accept them. */
export type PayoutNode = {
  look(signal: AbortSignal): Promise<NodeView>;
  /** @param mayGoOn asked right before bytes are sent: payouts may have been paused meanwhile */
  submit(
    cbor: Uint8Array,
    txHash: string,
    signal: AbortSignal,
    mayGoOn?: () => Promise<boolean>,
  ): Promise<SubmitOutcome>;
};
