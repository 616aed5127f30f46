import type { AssetUnit, Lovelace, OutputReference } from '../../chain/block.js';
import { type QuarantineReason, quarantineReason } from '../transaction/quarantine.js';

/** An unspent output of the hot wallet, and whether payouts may be paid from it. */
export type Holding = {
  readonly reference: OutputReference;
  readonly lovelace: Lovelace;
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
  readonly hasScript: boolean;
  /** Null where it was there before the wallet was followed. */
  readonly blockHeight: number | null;
  readonly reserved: {
    readonly batchId: string;
    readonly kind: 'payout' | 'fence' | 'tidy';
    /** The batch's newest transaction; null where none was signed. */
    readonly txHash: string | null;
  } | null;
};

export const HOLDING_STATES = ['spendable', 'reserved', 'quarantined'] as const;
export type HoldingState = (typeof HOLDING_STATES)[number];

export type JudgedHolding = Holding & {
  readonly state: HoldingState;
  /** Also of one that is reserved: it was spent on purpose. */
  readonly quarantine: QuarantineReason | null;
};

export function judgeHoldings(
  holdings: readonly Holding[],
  knownUnits: ReadonlySet<AssetUnit>,
): JudgedHolding[] {
  return holdings.map((holding) => {
    const quarantine = quarantineReason(holding, { knownUnits });
    return { ...holding, quarantine, state: stateOf(holding, quarantine) };
  });
}

function stateOf({ reserved }: Holding, quarantine: QuarantineReason | null): HoldingState {
  if (reserved !== null) return 'reserved';
  return quarantine === null ? 'spendable' : 'quarantined';
}

/** The three parts add up to the whole. */
export type WalletTotals = {
  readonly outputs: number;
  readonly lovelace: Lovelace;
  readonly spendable: Lovelace;
  readonly reserved: Lovelace;
  readonly quarantined: Lovelace;
  readonly spendableOutputs: number;
};

export function tallyHoldings(holdings: readonly JudgedHolding[]): WalletTotals {
  const of = (state: HoldingState) => holdings.filter((holding) => holding.state === state);
  const [spendable, reserved, quarantined] = [of('spendable'), of('reserved'), of('quarantined')];
  return {
    outputs: holdings.length,
    lovelace: sum(holdings),
    spendable: sum(spendable),
    reserved: sum(reserved),
    quarantined: sum(quarantined),
    spendableOutputs: spendable.length,
  };
}

const sum = (holdings: readonly Holding[]): Lovelace =>
  holdings.reduce((total, { lovelace }) => total + lovelace, 0n);

const HOURS_A_DAY = 24;

/**
 * How long the wallet lasts if the coming hours are like the last 24: what payouts can be paid from,
 * over what left in them, fees included. Null where nothing left.
 */
export function hoursLeft(totals: WalletTotals, outflowOfDay: Lovelace): number | null {
  if (outflowOfDay <= 0n) return null;
  const tenths =
    ((totals.lovelace - totals.quarantined) * 10n * BigInt(HOURS_A_DAY)) / outflowOfDay;
  return Number(tenths) / 10;
}
