import { createHash } from 'node:crypto';

/** `lovelace`-free: policy id (56 hex digits) directly followed by the asset name (0 to 64 hex digits). */
export type Assets = ReadonlyMap<string, bigint>;

/** Transaction id and index as `id#index`. */
export type Reference = string;

export const referenceOf = (transactionId: string, index: number): Reference =>
  `${transactionId}#${index}`;

/** What a transaction says it pays. Whether it exists depends on the transaction's script. */
export type DraftOutput = {
  readonly address: string;
  readonly lovelace: bigint;
  readonly assets?: Assets;
  readonly datumHash?: string;
  /** Inline datum, CBOR in hex. */
  readonly datum?: string;
  readonly script?: Json;
};

/** An output in the ledger. */
export type DevnetOutput = DraftOutput & {
  readonly assets: Assets;
  /** Height of the block that made it; -1 for the genesis. */
  readonly createdHeight: number;
};

/** Anything JSON can say; bigints become integers of any size. */
export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** Fields that move no value. They are shown to clients as they are, and the ledger ignores them. */
export type Extras = {
  readonly references?: readonly Reference[];
  readonly metadata?: Json;
  readonly certificates?: readonly Json[];
  readonly validityInterval?: { readonly invalidBefore?: bigint; readonly invalidAfter?: bigint };
  readonly scripts?: Json;
  readonly redeemers?: readonly Json[];
  readonly network?: 'mainnet' | 'testnet';
};

export type DevnetTransaction = {
  /** Opaque: nothing but equality is ever asked of it. */
  readonly id: string;
  /** `collaterals`: its script failed, so that inputs stay, `outputs` never exist. */
  readonly spends: 'inputs' | 'collaterals';
  readonly inputs: readonly Reference[];
  readonly outputs: readonly DraftOutput[];
  readonly collaterals: readonly Reference[];
  /** Exists only where the script failed, at index `outputs.length`. */
  readonly collateralReturn?: DraftOutput;
  readonly totalCollateral?: bigint;
  readonly fee: bigint;
  /** Below zero what is burnt. */
  readonly mint: Assets;
  /** Reward account → lovelace taken from it. */
  readonly withdrawals: ReadonlyMap<string, bigint>;
  readonly extras: Extras;
  /** Of a transaction that a client submitted: what the others have made up when they are shown. */
  readonly signed?: { readonly bytes: number; readonly signatories: readonly Json[] };
};

/** What a transaction really does: the one place where a failed script is told from a good one. */
export function effectOf(transaction: DevnetTransaction): {
  readonly spent: readonly Reference[];
  readonly created: readonly (readonly [Reference, DraftOutput])[];
} {
  const { id, outputs, collateralReturn } = transaction;
  if (transaction.spends === 'inputs') {
    return {
      spent: transaction.inputs,
      created: outputs.map((output, index) => [referenceOf(id, index), output]),
    };
  }
  return {
    spent: transaction.collaterals,
    created:
      collateralReturn === undefined ? [] : [[referenceOf(id, outputs.length), collateralReturn]],
  };
}

/**
 * Gives a transaction its id: a digest of what it spends and makes, so that the same transaction has
 * the same id on every fork, and no two have one id, as on a real chain.
 */
export function identify(body: Omit<DevnetTransaction, 'id'>): DevnetTransaction {
  const hash = createHash('sha256').update(body.spends);
  for (const reference of [...body.inputs, ...body.collaterals]) hash.update(reference);
  for (const output of [
    ...body.outputs,
    ...(body.collateralReturn ? [body.collateralReturn] : []),
  ]) {
    hash.update(`${output.address} ${output.lovelace} ${output.datum ?? output.datumHash ?? ''}`);
    for (const [unit, quantity] of output.assets ?? []) hash.update(`${unit} ${quantity}`);
  }
  return { id: hash.digest('hex'), ...body };
}
