import type { AssetUnit, Lovelace, OutputReference } from '../../chain/block.js';
import type { PaymentStatus } from '../../payments/payment.js';
import type { WrittenValue } from '../../payments/stored-value.js';

/** The contract's types of discrepancies (its sections 5 and 7 say what each means). */
export const DISCREPANCY_TYPES = [
  'missing_in_db',
  'extra_in_db',
  'amount_mismatch',
  'spent_mismatch',
  'unspent_mismatch',
  'status_mismatch',
  'owner_mismatch',
] as const;
export type DiscrepancyType = (typeof DISCREPANCY_TYPES)[number];

/** The block that made an output. */
export type Placement = {
  readonly blockHash: string;
  readonly height: number;
  readonly slot: number;
  /** Of the transaction within its block; null where it isn't recorded (outputs of the hot wallet). */
  readonly txPosition: number | null;
};

export type SpentBy = { readonly txHash: string; readonly height: number | null };

/** An output as the books have it, right after the block at the height of the comparison. */
export type RecordedOutput = {
  readonly kind: 'payment' | 'wallet';
  readonly reference: OutputReference;
  readonly address: string;
  readonly lovelace: Lovelace;
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
  /** What stands there, where it can't be read as a value: lovelace and assets are only what can. */
  readonly unreadable?: WrittenValue;
  /** Whether a script hangs on it; only rows of the hot wallet say so. */
  readonly hasScript?: boolean;
  /** Null for outputs of the hot wallet. */
  readonly userId: string | null;
  readonly status: PaymentStatus | null;
  /** Null where no followed block made it: it was there before, or it is rolled back. */
  readonly placement: Placement | null;
  /** Height of the ledger that told of it, where no block did. */
  readonly countedFrom: number | null;
  /** Null where nobody had spent it at that height. */
  readonly spent: SpentBy | null;
  readonly inclusion: number;
};

/** The same output as the chain has it. */
export type ChainOutput = {
  readonly reference: OutputReference;
  readonly address: string;
  readonly lovelace: Lovelace;
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
  readonly hasScript: boolean;
  /** Null where only the ledger told of it, which knows no blocks. */
  readonly placement: Placement | null;
  /** Where it must count from another ledger than the row says; not there else. */
  readonly countedFrom?: number;
  /** `unspent`, or by whom; `gone` where the ledger doesn't hold it and nobody looked who spent it. */
  readonly spent: 'unspent' | 'gone' | (SpentBy & { readonly height: number });
};

/** One output about which records and chain differ in one way; both sides as they are. */
export type Finding = {
  readonly type: DiscrepancyType;
  readonly reference: OutputReference;
  readonly address: string;
  /** Null: the books don't have it. */
  readonly recorded: RecordedOutput | null;
  /** Null: the chain doesn't have it. */
  readonly onChain: ChainOutput | null;
  /** Why nothing can be done about it by itself; null where it can. */
  readonly unexplained: string | null;
};

/** What was found and what became of it, as it is stored and shown. */
export type HealedFinding = Finding & {
  readonly state: 'open' | 'repaired';
  readonly reason: string | null;
};

/** Among which of the books' outputs it stands; or would, at the address that the chain has it at. */
export const kindOf = (
  { recorded, onChain }: Pick<Finding, 'recorded' | 'onChain'>,
  hotWallet: string | null,
): RecordedOutput['kind'] =>
  recorded?.kind ?? (onChain?.address === hotWallet ? 'wallet' : 'payment');

/** Heights of the blocks whose facts an output's two sides name. */
export const heightsOf = ({ recorded, onChain }: Finding): number[] =>
  [
    recorded?.placement?.height,
    recorded?.countedFrom,
    recorded?.spent?.height,
    onChain?.placement?.height,
    onChain?.countedFrom,
    typeof onChain?.spent === 'object' ? onChain.spent.height : null,
  ].filter((height) => typeof height === 'number');
