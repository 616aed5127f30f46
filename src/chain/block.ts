import type { Height, PointOrOrigin, Slot, TipOrOrigin } from './point.js';

/** Smallest unit of ada; 1 ada = 1,000,000 lovelace. */
export type Lovelace = bigint;

/** `lovelace`, or policy id (56 hex digits) directly followed by the asset name (0 to 64 hex digits). */
export type AssetUnit = string;

export type Value = {
  readonly lovelace: Lovelace;
  /** Only quantities above zero: an absent asset and a zero quantity are the same thing. */
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
};

/** What nearly all outputs hold beside ada. */
export const NO_ASSETS: ReadonlyMap<AssetUnit, bigint> = new Map();

/** Transaction id and index as `id#index`, the way people write it. */
export type OutputReference = string;

export const outputReference = (txHash: string, index: number | bigint): OutputReference =>
  `${txHash}#${index}`;

export type Output = {
  /** Position in the transaction; a collateral return stands behind all declared outputs. */
  readonly index: number;
  /** As the node wrote it: bech32 (`addr…`), or base58 for Byron. */
  readonly address: string;
  readonly value: Value;
  /** It carries a reference script: whoever spends it pays for the script's bytes. */
  readonly hasScript: boolean;
};

/** A transaction's effect on the ledger: what it really spends and what really exists afterwards. */
export type Transaction = {
  readonly id: string;
  readonly spends: readonly OutputReference[];
  readonly outputs: readonly Output[];
  /** Metadata by label, as the node wrote it; undefined where there is none, or where a script failed. */
  readonly labels: unknown;
  /** The ledger takes it in slots below this one; null where it has no such bound, or one beyond 2^53. */
  readonly invalidHereafter: number | null;
};

export type Block = {
  /** `ebb` is Byron's boundary block: no slot, no transactions, its predecessor's height. */
  readonly type: 'ebb' | 'bft' | 'praos';
  readonly era: string;
  readonly id: string;
  /** The predecessor's id; for a network's first block its genesis hash or the word `genesis`. */
  readonly ancestor: string;
  readonly height: Height;
  /** Null for a boundary block, which has none in Ogmios' answer. */
  readonly slot: Slot | null;
  readonly transactions: readonly Transaction[];
};

/** All that a chain can do. */
export type ChainEvent =
  | { readonly type: 'forward'; readonly block: Block; readonly tip: TipOrOrigin }
  | { readonly type: 'backward'; readonly point: PointOrOrigin; readonly tip: TipOrOrigin };
