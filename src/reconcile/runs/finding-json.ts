import type { AssetUnit, OutputReference } from '../../chain/block.js';
import { type PaymentStatus, parseAssets, showAssets } from '../../payments/payment.js';
import { readStoredValue, type WrittenValue } from '../../payments/stored-value.js';
import type { ChainOutput, Placement, RecordedOutput, SpentBy } from '../model/finding.js';

/** As both sides are stored and shown: amounts are decimal strings, nothing is left out. */
export type StoredRecorded = {
  readonly kind: 'payment' | 'wallet';
  readonly address: string;
  readonly amountLovelace: string;
  /** Decimal strings by unit, or whatever stands there. */
  readonly assets: unknown;
  /** Not there where the row doesn't say it. */
  readonly hasScript?: boolean;
  readonly userId: string | null;
  readonly status: PaymentStatus | null;
  readonly block: Placement | null;
  readonly countedFrom: number | null;
  readonly spentBy: string | null;
  readonly spentHeight: number | null;
  readonly inclusion: number;
};

export type StoredOnChain = {
  readonly address: string;
  readonly amountLovelace: string;
  readonly assets: Record<string, string>;
  readonly hasScript: boolean;
  readonly block: Placement | null;
  /** Not there where it needn't count from another ledger than the row says. */
  readonly countedFrom?: number;
  /** `unspent`, `spent`, or `gone`: spent, and nobody looked by whom. */
  readonly state: 'unspent' | 'spent' | 'gone';
  readonly spentBy: string | null;
  readonly spentHeight: number | null;
};

/** As it stands there, where that isn't a value. */
const showWritten = (output: RecordedOutput): WrittenValue =>
  output.unreadable ?? showValue(output);

type Valued = { readonly lovelace: bigint; readonly assets: ReadonlyMap<AssetUnit, bigint> };
const showValue = ({ lovelace, assets }: Valued) => ({
  amountLovelace: lovelace.toString(),
  assets: showAssets(assets),
});

export const showRecorded = (output: RecordedOutput): StoredRecorded => ({
  kind: output.kind,
  address: output.address,
  ...showWritten(output),
  ...(output.hasScript === undefined ? {} : { hasScript: output.hasScript }),
  userId: output.userId,
  status: output.status,
  block: output.placement,
  countedFrom: output.countedFrom,
  spentBy: output.spent?.txHash ?? null,
  spentHeight: output.spent?.height ?? null,
  inclusion: output.inclusion,
});

export const showOnChain = (output: ChainOutput): StoredOnChain => {
  const spent = typeof output.spent === 'string' ? null : output.spent;
  return {
    address: output.address,
    ...showValue(output),
    hasScript: output.hasScript,
    block: output.placement,
    ...(output.countedFrom === undefined ? {} : { countedFrom: output.countedFrom }),
    state: typeof output.spent === 'string' ? output.spent : 'spent',
    spentBy: spent?.txHash ?? null,
    spentHeight: spent?.height ?? null,
  };
};

export const readRecorded = (
  reference: OutputReference,
  stored: StoredRecorded,
): RecordedOutput => ({
  kind: stored.kind,
  reference,
  address: stored.address,
  ...readStoredValue(stored.amountLovelace, stored.assets),
  ...(stored.hasScript === undefined ? {} : { hasScript: stored.hasScript }),
  userId: stored.userId,
  status: stored.status,
  placement: stored.block,
  countedFrom: stored.countedFrom,
  spent: spentBy(stored.spentBy, stored.spentHeight),
  inclusion: stored.inclusion,
});

export const readOnChain = (reference: OutputReference, stored: StoredOnChain): ChainOutput => ({
  reference,
  address: stored.address,
  lovelace: BigInt(stored.amountLovelace),
  assets: parseAssets(stored.assets),
  hasScript: stored.hasScript,
  placement: stored.block,
  ...(stored.countedFrom === undefined ? {} : { countedFrom: stored.countedFrom }),
  spent: spentOnChain(stored),
});

function spentOnChain({ state, spentBy: txHash, spentHeight }: StoredOnChain) {
  if (state !== 'spent' || txHash === null || spentHeight === null) {
    return state === 'unspent' ? ('unspent' as const) : ('gone' as const);
  }
  return { txHash, height: spentHeight };
}

const spentBy = (txHash: string | null, height: number | null): SpentBy | null =>
  txHash === null ? null : { txHash, height };
