import type { AssetUnit, Lovelace, OutputReference } from '../../chain/block.js';
import type { Network } from '../../chain/network.js';
import type { Slot } from '../../chain/point.js';
import type { ProtocolParameters } from '../../chain/protocol-parameters.js';

/** An output of the hot wallet, in a block or of an own transaction that isn't yet. */
export type WalletOutput = {
  readonly reference: OutputReference;
  readonly lovelace: Lovelace;
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
  readonly hasScript: boolean;
  /** Own transactions that must be in a block first; 0 for what is in one. */
  readonly chainDepth: number;
};

/** Who is to get what. */
export type Payee = {
  readonly payoutId: string;
  readonly address: string;
  readonly lovelace: Lovelace;
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
};

export type TransactionRequest = {
  readonly network: Network;
  /** The hot wallet's address: all inputs are from it and all change goes back to it. */
  readonly wallet: string;
  readonly parameters: ProtocolParameters;
  /** The ledger takes the transaction in slots below this one. */
  readonly invalidHereafter: Slot;
  /** Must be spent; null where the builder may choose among `candidates`. */
  readonly anchor: WalletOutput | null;
  /** What else may be spent: neither reserved nor quarantined. */
  readonly candidates: readonly WalletOutput[];
  /** In the order in which they were accepted. */
  readonly payees: readonly Payee[];
  /**
   * `fill`: as many payees, from the first on, as size and funds allow. `all`: all of them, or a problem.
   * `sweep`: no payees; the anchor and every candidate are spent, and all goes back to the wallet.
   */
  readonly extent: 'fill' | 'all' | 'sweep';
  /** How many outputs the wallet should have to spend from besides; change is split to come near it. */
  readonly spareOutputs: number;
};

/** A transaction as it will be signed. */
export type UnsignedTransaction = {
  /** Blake2b-256 of the body: the transaction's id whoever signs it. */
  readonly id: string;
  /** CBOR, hex: `[body, {}, true, auxiliary data]`, without witnesses. */
  readonly cbor: string;
  /** All inputs in the ledger's order; what each holds is known to whoever asked. */
  readonly inputs: readonly WalletOutput[];
  readonly anchor: OutputReference;
  readonly payees: readonly (Payee & { readonly outputIndex: number })[];
  readonly change: readonly {
    readonly outputIndex: number;
    readonly lovelace: Lovelace;
    readonly assets: ReadonlyMap<AssetUnit, bigint>;
  }[];
  readonly fee: Lovelace;
  readonly invalidHereafter: Slot;
  /** Bytes once signed with one key, as the ledger counts them. */
  readonly bytes: number;
};

export type BuildProblem =
  | { readonly type: 'too_little_funds'; readonly missing: ReadonlyMap<AssetUnit, bigint> }
  /** `extent: 'all'` and more than a transaction holds. */
  | { readonly type: 'too_large'; readonly bytes: number }
  | {
      readonly type: 'output_below_minimum';
      readonly payoutId: string;
      readonly minimum: Lovelace;
    }
  | { readonly type: 'output_too_large'; readonly payoutId: string };

export type BuildResult =
  | { readonly ok: true; readonly transaction: UnsignedTransaction }
  | { readonly ok: false; readonly problem: BuildProblem };

/** Pure: same request, same transaction. */
export type BuildTransaction = (request: TransactionRequest) => BuildResult;
