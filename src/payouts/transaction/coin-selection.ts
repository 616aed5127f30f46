import type { AssetUnit, Lovelace } from '../../chain/block.js';
import type { ProtocolParameters } from '../../chain/protocol-parameters.js';
import { type ChangeOutput, type ChangePlan, PIECE_LOVELACE, planChange } from './change.js';
import { byDepth, lovelaceOf, makePile, type Pile, quantityOf, type Taken } from './coin-piles.js';
import { compareReferences, indexIn } from './metadata.js';
import type { WalletOutput } from './transaction.js';
import { inputBytes, scriptFeeBound } from './transaction-size.js';

/**
 * Which outputs of the wallet a transaction spends: few, those in blocks before those that wait for
 * one, and those with tokens only where tokens are paid or nothing else is left. Among outputs that
 * suffice alone, the smallest that leaves a useful change.
 */
export type Coins = {
  readonly anchor: WalletOutput | null;
  /** In blocks and without tokens: one of them is what an anchor should be. */
  readonly settled: readonly Pile[];
  /** In blocks first: an attempt waits for nothing. Where that fails, the largest first. */
  readonly orders: readonly (() => Order)[];
  /** How many of the candidates are large enough to be spent by themselves later. */
  readonly spares: number;
};

type Order = {
  readonly lovelace: readonly Pile[];
  readonly tokens: ReadonlyMap<AssetUnit, readonly Pile[]>;
};

/** What is to be paid for. */
export type Purchase = {
  readonly parameters: ProtocolParameters;
  readonly addressLength: number;
  readonly invalidHereafter: number;
  readonly payees: number;
  readonly payeeBytes: number;
  readonly lovelace: Lovelace;
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
  readonly spareOutputs: number;
};

export type Selection =
  | {
      readonly type: 'selected';
      /** In the ledger's order. */
      readonly inputs: readonly WalletOutput[];
      readonly anchor: WalletOutput;
      readonly plan: Extract<ChangePlan, { readonly type: 'covered' }>;
    }
  | Shortage;

export type Shortage = {
  readonly type: 'too_little' | 'too_large';
  readonly missing: ReadonlyMap<AssetUnit, bigint>;
  readonly bytes: number;
};

/** No input takes less. */
const INPUT_BYTES_LEAST = inputBytes(0);

/**
 * Sorts out, once for all purchases, what there is.
 * @param units tokens that may be asked for
 */
export function layOut(
  anchor: WalletOutput | null,
  candidates: readonly WalletOutput[],
  units: ReadonlySet<AssetUnit>,
  { transactionBytesMax }: ProtocolParameters,
): Coins {
  const most = Math.ceil(transactionBytesMax / INPUT_BYTES_LEAST);
  const { pure, bearing, spares } = sortOut(candidates);
  const holders = holdersOf(bearing, units);
  const orderOf = (lovelace: readonly Pile[], split: Split): Order => ({
    lovelace: [...lovelace, ...split(bearing).map((list) => makePile(list, lovelaceOf, most))],
    tokens: new Map(
      [...holders].map(([unit, outputs]) => [
        unit,
        split(outputs).map((list) => makePile(list, quantityOf(unit), most)),
      ]),
    ),
  });
  const layers = byDepth(pure).map((list) => makePile(list, lovelaceOf, most));
  const isSettled = pure.some(({ chainDepth }) => chainDepth === 0);
  return {
    anchor,
    settled: isSettled ? layers.slice(0, 1) : [],
    orders: [
      once(() => orderOf(layers, byDepth)),
      once(() => orderOf([makePile(pure, lovelaceOf, most)], (outputs) => [outputs])),
    ],
    spares,
  };
}

type Split = (outputs: readonly WalletOutput[]) => readonly (readonly WalletOutput[])[];

function sortOut(candidates: readonly WalletOutput[]) {
  const pure: WalletOutput[] = [];
  const bearing: WalletOutput[] = [];
  let spares = 0;
  for (const output of candidates) {
    (output.assets.size === 0 ? pure : bearing).push(output);
    if (isSpare(output)) spares += 1;
  }
  return { pure, bearing, spares };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function holdersOf(
  outputs: readonly WalletOutput[],
  units: ReadonlySet<AssetUnit>,
): Map<AssetUnit, WalletOutput[]> {
  const holders = new Map<AssetUnit, WalletOutput[]>([...units].map((unit) => [unit, []]));
  for (const output of outputs) {
    for (const unit of output.assets.keys()) holders.get(unit)?.push(output);
  }
  return holders;
}

const isSpare = ({ assets, lovelace }: WalletOutput): boolean =>
  assets.size === 0 && lovelace >= PIECE_LOVELACE;

export function selectCoins(purchase: Purchase, coins: Coins): Selection {
  let shortage: Shortage | undefined;
  for (const order of coins.orders) {
    const selection = selectInOrder(purchase, coins, order());
    if (selection.type === 'selected') return selection;
    shortage ??= selection;
  }
  if (shortage === undefined) throw new Error('coins without an order to take them in');
  return shortage;
}

function selectInOrder(purchase: Purchase, coins: Coins, order: Order): Selection {
  const chosen: WalletOutput[] = coins.anchor === null ? [] : [coins.anchor];
  const references = new Set(chosen.map(({ reference }) => reference));
  const taken: Taken = { references, largest: new Map() };
  const take: Take = (piles, enough, plenty) => {
    for (const pile of piles) {
      const output = pile.next(taken, enough, plenty);
      if (output === undefined) continue;
      chosen.push(output);
      references.add(output.reference);
      return output;
    }
    return undefined;
  };
  const missing = takeTokens(purchase, chosen, order, take);
  if (missing.size > 0) return { type: 'too_little', missing, bytes: 0 };
  if (coins.anchor === null && !chosen.some(({ chainDepth }) => chainDepth === 0)) {
    // With an anchor that isn't in a block itself, every attempt would wait for another transaction.
    const open = -leftOf(purchase, chosen).lovelace;
    take(coins.settled, open, open + PIECE_LOVELACE);
  }
  return takeLovelace(purchase, coins, chosen, (enough) => {
    const before = chosen.length;
    for (let open = enough; open > 0n; ) {
      const output = take(order.lovelace, open, open + PIECE_LOVELACE);
      if (output === undefined) break;
      open -= output.lovelace;
    }
    return chosen.length > before;
  });
}

type Take = (piles: readonly Pile[], enough: bigint, plenty: bigint) => WalletOutput | undefined;

/** What is still missing when nothing is left that has it. */
function takeTokens(
  { assets }: Purchase,
  chosen: readonly WalletOutput[],
  { tokens }: Order,
  take: Take,
): ReadonlyMap<AssetUnit, bigint> {
  const missing = new Map<AssetUnit, bigint>();
  for (const [unit, wanted] of [...assets].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const open = (): bigint => chosen.map(quantityOf(unit)).reduce((rest, q) => rest - q, wanted);
    while (open() > 0n && !missing.has(unit)) {
      if (take(tokens.get(unit) ?? [], open(), open()) === undefined) missing.set(unit, open());
    }
  }
  return missing;
}

function takeLovelace(
  purchase: Purchase,
  { anchor, spares }: Coins,
  chosen: readonly WalletOutput[],
  takeMore: (enough: Lovelace) => boolean,
): Selection {
  let good: Selection | undefined;
  for (;;) {
    const spending = spend(purchase, chosen, anchor, spares);
    const { plan } = spending;
    const isTooLarge = plan.bytes > purchase.parameters.transactionBytesMax;
    if (plan.type === 'covered' && !isTooLarge && spending.anchor !== undefined) {
      good = { type: 'selected', inputs: spending.inputs, anchor: spending.anchor, plan };
      if (plan.missing === null) return good;
    }
    const missing = plan.missing ?? 0n;
    if (!isTooLarge && takeMore(missing)) continue;
    return (
      good ?? {
        type: isTooLarge ? 'too_large' : 'too_little',
        missing: new Map([['lovelace', missing > 0n ? missing : 1n]]),
        bytes: plan.bytes,
      }
    );
  }
}

/** What comes of it when exactly these are spent. */
export function spend(
  purchase: Purchase,
  chosen: readonly WalletOutput[],
  givenAnchor: WalletOutput | null,
  spares: number,
) {
  const inputs = chosen.toSorted((a, b) => compareReferences(a.reference, b.reference));
  const anchor = givenAnchor ?? anchorOf(inputs);
  const sparesTaken = chosen.filter((output) => output !== givenAnchor && isSpare(output)).length;
  const plan = planChange({
    parameters: purchase.parameters,
    addressLength: purchase.addressLength,
    extent: {
      inputs: inputs.length,
      inputBytes: inputs.reduce((sum, { reference }) => sum + inputBytes(indexIn(reference)), 0),
      anchorPosition: anchor === undefined ? 0 : inputs.indexOf(anchor),
      payees: purchase.payees,
      outputs: purchase.payees,
      outputBytes: purchase.payeeBytes,
      fee: 0n,
      invalidHereafter: purchase.invalidHereafter,
    },
    scriptFee: scriptFeeBound(inputs.filter(({ hasScript }) => hasScript).length),
    left: leftOf(purchase, inputs),
    piecesWanted: Math.max(1, purchase.spareOutputs - (spares - sparesTaken)),
  });
  return { inputs, anchor, plan };
}

/** The one that an attempt waits for least, and of those the one that pays for most. */
const anchorOf = (inputs: readonly WalletOutput[]): WalletOutput | undefined =>
  inputs.toSorted(
    (a, b) => a.chainDepth - b.chainDepth || (a.lovelace > b.lovelace ? -1 : Number(a !== b)),
  )[0];

function leftOf(purchase: Purchase, chosen: readonly WalletOutput[]): ChangeOutput {
  const assets = new Map<AssetUnit, bigint>();
  for (const output of chosen) {
    for (const [unit, quantity] of output.assets) {
      assets.set(unit, (assets.get(unit) ?? 0n) + quantity);
    }
  }
  for (const [unit, quantity] of purchase.assets) {
    assets.set(unit, (assets.get(unit) ?? 0n) - quantity);
  }
  const lovelace = chosen.reduce((sum, output) => sum + output.lovelace, -purchase.lovelace);
  return { lovelace, assets };
}
