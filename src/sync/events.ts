import type { Height, Point, PointOrOrigin, Slot, TipOrOrigin } from '../chain/point.js';

/** How far the books are. `height` is unknown between a start point and the block after it. */
export type Cursor = {
  readonly point: PointOrOrigin;
  readonly height: Height | null;
};

/** Why nothing is followed at the moment. */
export type Obstacle =
  | 'blockchain'
  | 'intersection_lost'
  | 'undecodable_block'
  | 'books_contradict';

/**
 * All that following a chain tells the outside. Logs, metrics, health and the demo are made from
 * these; `S` is what the handed-in block handlers say about what they did.
 */
export type SyncEvent<S> =
  | { readonly type: 'standby' }
  | { readonly type: 'term_failed'; readonly reason: string }
  | { readonly type: 'leader_acquired'; readonly epoch: bigint }
  /** The sequence would have handed out ids that its table has already: it goes on above them. */
  | {
      readonly type: 'sequence_advanced';
      readonly sequence: string;
      readonly from: string;
      readonly to: string;
    }
  | { readonly type: 'leader_lost'; readonly epoch: bigint; readonly reason: string }
  | { readonly type: 'connected'; readonly endpoint: string }
  | { readonly type: 'connect_failed'; readonly endpoint: string; readonly reason: string }
  | { readonly type: 'disconnected'; readonly endpoint: string; readonly reason: string }
  | { readonly type: 'api_key_rotated'; readonly endpoint: string; readonly keyIndex: number }
  | {
      readonly type: 'intersection_found';
      readonly point: PointOrOrigin;
      readonly tip: TipOrOrigin;
    }
  | { readonly type: 'intersection_lost'; readonly cursor: Cursor; readonly instructions: string }
  /** What the node's own health says against it; null where nothing does. */
  | { readonly type: 'node_health'; readonly problem: string | null }
  | { readonly type: 'node_behind'; readonly cursor: Cursor; readonly tip: TipOrOrigin }
  | { readonly type: 'undecodable_block'; readonly after: PointOrOrigin; readonly error: Error }
  /**
   * Another hand changed what is recorded: what comes after the cursor can't be booked until it is repaired. Null
   * where nobody can tell where the books are.
   */
  | { readonly type: 'books_contradict'; readonly cursor: Cursor | null; readonly detail: string }
  /** Nothing moved, but the node told where it is. */
  | { readonly type: 'tip'; readonly cursor: Cursor; readonly tip: TipOrOrigin }
  /** What the node's ledger was asked for between two blocks; asked again later where it failed. */
  | { readonly type: 'ledger_asked'; readonly cursor: Cursor; readonly found: number }
  /** What the ledger told of some addresses contradicts what is recorded; with those that weren't told of yet. */
  | {
      readonly type: 'past_contradicted';
      readonly cursor: Cursor;
      readonly addresses: number;
      readonly news: readonly string[];
    }
  | { readonly type: 'ledger_query_failed'; readonly cursor: Cursor; readonly reason: string }
  | {
      readonly type: 'forward';
      readonly cursor: Cursor;
      readonly tip: TipOrOrigin;
      readonly blocks: number;
      readonly durationMs: number;
      readonly summary: S;
    }
  | {
      readonly type: 'backward';
      readonly cursor: Cursor;
      readonly tip: TipOrOrigin;
      readonly blocksRolledBack: number;
      readonly durationMs: number;
      readonly summary: S;
    };

/** A block as it is stored: a boundary block has its predecessor's slot. */
export type LinkedBlock<B> = { readonly block: B; readonly slot: Slot; readonly point: Point };
