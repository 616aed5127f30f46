import type { Pool } from 'pg';
import type { Network } from '../../chain/network.js';
import type { ReadIdentity } from '../model/database-identity.js';
import type { Payout } from '../model/payout.js';
import type { NodeView, PayoutNode, SubmitOutcome } from '../node/node.js';
import type { Signer } from '../signing/signer.js';
import type { BuildTransaction } from '../transaction/transaction.js';
import type { BatchPolicy } from './batching.js';

/** Why nothing is paid at the moment. */
export type Waiting =
  | 'no_blocks'
  | 'paused'
  | 'held'
  | 'chain_held'
  | 'node_unreachable'
  | 'node_lags'
  | 'too_little_funds'
  | 'plan_outdated'
  | 'anchor_out_of_reach'
  | 'signer_refused'
  | 'signer_unreachable';

/** All that paying tells the outside: logs and metrics are made from these. */
export type PayerEvent =
  | { readonly type: 'payer_acquired'; readonly epoch: bigint }
  | { readonly type: 'payer_lost'; readonly reason: string }
  | {
      readonly type: 'payouts_submitted';
      readonly txHash: string;
      readonly payouts: readonly Payout[];
      readonly fee: bigint;
    }
  | {
      readonly type: 'submission_answered';
      readonly txHash: string;
      readonly outcome: SubmitOutcome;
      readonly durationMs: number;
    }
  | { readonly type: 'payout_failed'; readonly payout: Payout }
  | { readonly type: 'batch_released'; readonly batchId: string; readonly payouts: number }
  | { readonly type: 'held'; readonly reason: string }
  | { readonly type: 'hold_ended'; readonly how: 'time' | 'fence' }
  | { readonly type: 'fence_submitted'; readonly transactions: readonly string[] }
  /** Told when it changes; null: nothing is in the way. */
  | { readonly type: 'waiting'; readonly why: Waiting | null; readonly detail: string };

export type PayerDeps = {
  readonly pool: Pool;
  readonly partitionId: number;
  readonly network: Network;
  /** The hot wallet's address. */
  readonly wallet: string;
  readonly confirmations: number;
  readonly validitySeconds: number;
  readonly unconfirmedMax: number;
  readonly batch: BatchPolicy;
  /** k: blocks that a rollback can take back. */
  readonly securityParameter: number;
  /** The same bytes are submitted again after so long, while they are in no block. */
  readonly resubmitMs: number;
  /** Outputs that the wallet should have to spend from. */
  readonly spareOutputs: number;
  readonly node: PayoutNode;
  readonly signer: Signer;
  readonly build: BuildTransaction;
  readonly readIdentity: ReadIdentity;
  readonly observe: (event: PayerEvent) => void;
  readonly now: () => Date;
  /** Begins a submission, which may take long; the same one isn't begun twice at a time. */
  readonly launch: (txHash: string, submit: () => Promise<void>) => Promise<void>;
};

/** How far the node may be ahead of the books, or behind them, for its tip to be counted from. */
const BEHIND_BLOCKS_MAX = 5;

/**
 * Why no validity bound may be computed now: a bound from a tip that lags would be over before it began,
 * or, after a restore, end a hold too early. Null: nothing is in the way.
 */
export function lagOf(view: NodeView, books: { readonly height: number }): string | null {
  if (view.lag !== null) return view.lag;
  if (view.tip === 'origin') return 'the node has no blocks';
  const ahead = view.tip.height - books.height;
  if (ahead < -BEHIND_BLOCKS_MAX) return `the node is ${-ahead} blocks behind the books`;
  if (ahead > BEHIND_BLOCKS_MAX) return `the books are ${ahead} blocks behind the node`;
  return null;
}
