import type { Block, OutputReference } from '../chain/block.js';
import type { Point, PointOrOrigin, TipOrOrigin } from '../chain/point.js';
import type { UnspentOutput } from '../chain/utxo.js';
import type { Cursor, LinkedBlock } from './events.js';

/** A node's ledger as it was right after one block. */
export type LedgerView = {
  /**
   * On a public network each question by address walks the node's whole ledger (7 s, at times 90 s):
   * ask for thousands of addresses at a time.
   */
  atAddresses(addresses: readonly string[]): Promise<UnspentOutput[]>;
  /** Those of them that are unspent. Quick, some 0.1 s. */
  among(references: readonly OutputReference[]): Promise<UnspentOutput[]>;
  release(): Promise<void>;
};

/** What reading a chain beside the one that is followed brings. */
export type Reading =
  | {
      readonly type: 'forward';
      /** At least one; each stands on the one before. */
      readonly blocks: readonly LinkedBlock<Block>[];
      readonly tip: TipOrOrigin;
    }
  | { readonly type: 'backward'; readonly point: PointOrOrigin; readonly tip: TipOrOrigin };

/** The chain as one looks at it beside following it. Nothing here writes anything. */
export type ChainView = {
  /** Rejects with a NodeError of code POINT_GONE where no node has that ledger: rolled back, or too old. */
  ledgerAt(point: Point, signal: AbortSignal): Promise<LedgerView>;
  /**
   * Blocks after the first of the offered places that the node's chain has, for as long as somebody takes
   * them: at the tip it waits for the next one. What is below that place is told by a first `backward` to it.
   *
   * @param offered newest first
   * @throws PlaceUnknown where the node's chain has none of them
   */
  read(offered: readonly Cursor[], signal: AbortSignal): AsyncGenerator<Reading, never, void>;
};

/** The node knows none of the places that reading was to begin at. */
export class PlaceUnknown extends Error {
  override readonly name = 'PlaceUnknown';
}
