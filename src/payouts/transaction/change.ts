import type { AssetUnit, Lovelace } from '../../chain/block.js';
import type { ProtocolParameters } from '../../chain/protocol-parameters.js';
import { bundleTokens } from './bundles.js';
import { outputDemand } from './minimum.js';
import { outputBytes } from './output-size.js';
import { DUST_LOVELACE } from './quarantine.js';
import { type Extent, leastFee, transactionBytes } from './transaction-size.js';

/**
 * What goes back to the wallet. Everything that is spent and not paid does, to the last token; the ADA of
 * it in pieces, so that the next transactions find outputs that don't wait for this one.
 */
export type ChangeOutput = {
  readonly lovelace: Lovelace;
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
};

export type ChangeTask = {
  readonly parameters: ProtocolParameters;
  /** Bytes of the wallet's address. */
  readonly addressLength: number;
  /** Of the transaction without change; its fee is what is looked for. */
  readonly extent: Extent;
  /** Spent and not paid, the fee included. The lovelace may be negative: then more must be spent. */
  readonly left: ChangeOutput;
  /** On top of the fee for the transaction's bytes. */
  readonly scriptFee: Lovelace;
  /** How many pieces would be good to have; at least 1. */
  readonly piecesWanted: number;
};

export type ChangePlan =
  | {
      readonly type: 'covered';
      readonly outputs: readonly ChangeOutput[];
      readonly fee: Lovelace;
      readonly bytes: number;
      /** Valid, but better with so much more spent: else lovelace go to the fee, or the change is dust. */
      readonly missing: Lovelace | null;
    }
  | { readonly type: 'short'; readonly missing: Lovelace; readonly bytes: number };

/** A piece pays a batch of everyday payouts by itself; smaller ones would only make transactions larger. */
export const PIECE_LOVELACE = 100_000_000n;

/** Less than this isn't worth an output beside the tokens' one, and stays with them. */
const ASIDE_LOVELACE = 5_000_000n;

/** Widths of the fee and of the change depend on each other; they settle in two or three rounds. */
const ROUNDS_USUAL = 4;
const ROUNDS_MAX = ROUNDS_USUAL + 2;

/** An integer of the widest form. */
const WIDE_LOVELACE = 2n ** 32n;

const NO_ASSETS: ReadonlyMap<AssetUnit, bigint> = new Map();

export function planChange(task: ChangeTask): ChangePlan {
  const { left, addressLength, parameters } = task;
  const bundles = bundleTokens(left.assets, addressLength, parameters);
  const least = bundles.length > 0 ? ASIDE_LOVELACE : pieceMinimum(task);
  const withOne = leastFeeWith(task, withPieces(bundles, [least]));
  const rest = left.lovelace - total(bundles) - withOne.fee;
  const count = rest < least ? 0 : pieceCount(task, bundles, rest, withOne.bytes);
  const plans = (count === 0 ? [0] : [count, count + 1, count - 1])
    .filter((pieces) => pieces > 0 || count === 0)
    .map((pieces) => settle(task, bundles, pieces))
    .filter((plan) => plan !== null);
  const plan = plans.find(({ isExact }) => isExact) ?? plans[0];
  const missing = lovelaceMissing(task, bundles, withOne.fee);
  if (plan === undefined) {
    return { type: 'short', missing: missing > 0n ? missing : 1n, bytes: withOne.bytes };
  }
  const { outputs, fee, bytes, given } = plan;
  const isPoor = given > 0n || outputs.some(isDust);
  return { type: 'covered', outputs, fee, bytes, missing: isPoor && missing > 0n ? missing : null };
}

/** Until there is enough for the fee and for a change that isn't dust. */
function lovelaceMissing(
  task: ChangeTask,
  bundles: readonly ChangeOutput[],
  feeWithPiece: Lovelace,
): Lovelace {
  if (bundles.length > 0) {
    return leastFeeWith(task, bundles).fee + total(bundles) - task.left.lovelace;
  }
  const least = pieceMinimum(task);
  return feeWithPiece + (least > DUST_LOVELACE ? least : DUST_LOVELACE) - task.left.lovelace;
}

const isDust = ({ lovelace, assets }: ChangeOutput): boolean =>
  assets.size === 0 && lovelace < DUST_LOVELACE;

/** As many as wanted, as long as each is of some use and there is room for it. */
function pieceCount(
  { piecesWanted, addressLength, parameters }: ChangeTask,
  bundles: readonly ChangeOutput[],
  rest: Lovelace,
  bytesWithOne: number,
): number {
  const byFunds = Number(rest / PIECE_LOVELACE);
  const room = parameters.transactionBytesMax - bytesWithOne;
  const byRoom = 1 + Math.floor(room / outputBytes(addressLength, WIDE_LOVELACE, NO_ASSETS));
  // Without room, the tokens' output can hold the ADA as well.
  const fewest = bundles.length > 0 && room < 0 ? 0 : 1;
  return Math.max(fewest, Math.min(piecesWanted, byFunds, byRoom));
}

type Settled = {
  readonly outputs: readonly ChangeOutput[];
  readonly fee: Lovelace;
  readonly bytes: number;
  /** To the fee, because nothing else can hold it. */
  readonly given: Lovelace;
  readonly isExact: boolean;
};

/** The one fee that the transaction needs with the change that this very fee leaves. */
function settle(
  task: ChangeTask,
  bundles: readonly ChangeOutput[],
  pieces: number,
): Settled | null {
  if (pieces === 0 && bundles.length === 0) return giveAway(task);
  let { fee } = leastFeeWith(task, bundles);
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const outputs = spread(task, bundles, pieces, fee);
    if (outputs === null) return null;
    const bytes = bytesOf(task, outputs, fee);
    const needed = feeFor(task, bytes);
    // On the brink between two widths no fee is exact: the dearer of the two will do, if it must.
    const isEnough = needed === fee || (round >= ROUNDS_USUAL && needed < fee);
    if (isEnough) return { outputs, fee, bytes, given: 0n, isExact: needed === fee };
    fee = needed;
  }
  return null;
}

function giveAway(task: ChangeTask): Settled | null {
  const fee = task.left.lovelace;
  if (fee < 0n) return null;
  const bytes = bytesOf(task, [], fee);
  const given = fee - feeFor(task, bytes);
  return given < 0n ? null : { outputs: [], fee, bytes, given, isExact: true };
}

/** The change that a fee leaves; null where it can't be. The first piece, or bundle, takes what is over. */
function spread(
  task: ChangeTask,
  bundles: readonly ChangeOutput[],
  pieces: number,
  fee: Lovelace,
): ChangeOutput[] | null {
  const rest = task.left.lovelace - total(bundles) - fee;
  if (rest < 0n) return null;
  if (pieces === 0) {
    return bundles.map(({ lovelace, assets }, i) => ({
      lovelace: i === 0 ? lovelace + rest : lovelace,
      assets,
    }));
  }
  const each = rest / BigInt(pieces);
  const least = pieces > 1 ? PIECE_LOVELACE : pieceMinimum(task);
  if (each < least) return null;
  const amounts = Array.from({ length: pieces }, (_, i) =>
    i === 0 ? rest - each * BigInt(pieces - 1) : each,
  );
  return withPieces(bundles, amounts);
}

const withPieces = (
  bundles: readonly ChangeOutput[],
  amounts: readonly Lovelace[],
): ChangeOutput[] => [...amounts.map((lovelace) => ({ lovelace, assets: NO_ASSETS })), ...bundles];

function bytesOf(
  { extent, addressLength }: ChangeTask,
  outputs: readonly ChangeOutput[],
  fee: Lovelace,
): number {
  const bytes = outputs.map(({ lovelace, assets }) => outputBytes(addressLength, lovelace, assets));
  return transactionBytes({
    ...extent,
    fee,
    outputs: extent.outputs + outputs.length,
    outputBytes: bytes.reduce((sum, more) => sum + more, extent.outputBytes),
  });
}

const feeFor = ({ parameters, scriptFee }: ChangeTask, bytes: number): Lovelace =>
  leastFee(bytes, parameters) + scriptFee;

/** The least fee that pays for its own width too. */
function leastFeeWith(task: ChangeTask, outputs: readonly ChangeOutput[]) {
  let fee = 0n;
  let bytes = bytesOf(task, outputs, fee);
  while (feeFor(task, bytes) > fee) {
    fee = feeFor(task, bytes);
    bytes = bytesOf(task, outputs, fee);
  }
  return { fee, bytes };
}

const pieceMinimum = ({ addressLength, parameters }: ChangeTask): Lovelace =>
  outputDemand(addressLength, 0n, NO_ASSETS, parameters).minimum;

const total = (outputs: readonly ChangeOutput[]): Lovelace =>
  outputs.reduce((sum, { lovelace }) => sum + lovelace, 0n);
