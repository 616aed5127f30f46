import type { AssetUnit, OutputReference, Value } from '../../chain/block.js';
import type { Stretch } from '../../payments/digest/check-digest.js';

/** What a run does, in this order. */
export const PHASES = ['outputs', 'addresses', 'digest', 'doubts', 'owners', 'ledger'] as const;
export type Phase = (typeof PHASES)[number];

/** Of an output, in the order of references. */
export type Place = { readonly txHash: string; readonly index: number };

export const placeOf = (reference: OutputReference): Place => {
  const [txHash = '', index = ''] = reference.split('#');
  return { txHash, index: Number(index) };
};

/** How far a run is, as it is stored as it goes on (run-work.ts): whoever goes on with it begins here. */
export type RunProgress = {
  /** Who works on it: another one's writes fail. */
  readonly runner: string;
  readonly phase: Phase;
  /** The last recorded output that was compared. */
  readonly after: Place;
  /** The last address that was asked for, in the order of registration; the hot wallet comes before all. */
  readonly watchId: string;
  readonly matched: number;
  readonly addresses: number;
  /** Of these addresses, those whose unknown outputs are found too. */
  readonly covered: number;
  readonly recorded: StoredTotals;
  readonly onChain: StoredTotals;
  /** What differs without any single output to be named. */
  readonly problem: string | null;
  /** Where tables and digest differ; not there until that was looked at. */
  readonly differing?: readonly Stretch[];
  /** Whether all of that was held against blocks. */
  readonly isDigestCompared?: boolean;
  /** Owners and partitions that contradict what was registered, where no single output is to be named. */
  readonly disputed?: string | null;
  /** Whoever worked on it said that it stopped. */
  readonly interrupted: boolean;
};

/** By unit, decimal strings. */
export type StoredTotals = Readonly<Record<AssetUnit, string>>;

export const BEFORE_ALL_OUTPUTS = { txHash: '', index: -1 } as const;
/** The hot wallet hasn't been asked for either. */
export const BEFORE_ALL_ADDRESSES = '-1';
export const HOT_WALLET_DONE = '0';

export const firstProgress = (runner: string): RunProgress => ({
  runner,
  phase: 'outputs',
  after: BEFORE_ALL_OUTPUTS,
  watchId: BEFORE_ALL_ADDRESSES,
  matched: 0,
  addresses: 0,
  covered: 0,
  recorded: {},
  onChain: {},
  problem: null,
  interrupted: false,
});

export type Totals = Map<AssetUnit, bigint>;

export const addTo = (totals: Totals, value: Value): void => addAll(totals, [value]);

export function addAll(totals: Totals, values: Iterable<Value>): void {
  let ada = totals.get('lovelace') ?? 0n;
  let hasAny = false;
  for (const { lovelace, assets } of values) {
    hasAny = true;
    ada += lovelace;
    for (const [unit, quantity] of assets) totals.set(unit, (totals.get(unit) ?? 0n) + quantity);
  }
  if (hasAny) totals.set('lovelace', ada);
}

export const readTotals = (stored: StoredTotals): Totals =>
  new Map(Object.entries(stored).map(([unit, quantity]) => [unit, BigInt(quantity)]));

export const showTotals = (totals: ReadonlyMap<AssetUnit, bigint>): StoredTotals =>
  Object.fromEntries([...totals].map(([unit, quantity]) => [unit, quantity.toString()]));
