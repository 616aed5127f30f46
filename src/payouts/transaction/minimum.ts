import type { AssetUnit, Lovelace } from '../../chain/block.js';
import type { ProtocolParameters } from '../../chain/protocol-parameters.js';
import { addressBytes, outputBytes, valueBytes } from './output-size.js';

/** What the ledger adds to an output's own size: what it keeps to find it again (CIP-55). */
const OVERHEAD_BYTES = 160;

/** The ledger writes quantities into eight bytes. */
export const QUANTITY_MAX = 0xffff_ffff_ffff_ffffn;

export type OutputDemand = {
  /** The least that this very output must hold. */
  readonly minimum: Lovelace;
  /** Whether the ledger takes such a value at all, however much it holds. */
  readonly fits: boolean;
};

/** What the ledger demands of an output that is to pay `lovelace` and `assets` to `address`. */
export const minimumLovelace = (
  address: string,
  lovelace: Lovelace,
  assets: ReadonlyMap<AssetUnit, bigint>,
  parameters: ProtocolParameters,
): OutputDemand => outputDemand(addressBytes(address).length, lovelace, assets, parameters);

export function outputDemand(
  addressLength: number,
  lovelace: Lovelace,
  assets: ReadonlyMap<AssetUnit, bigint>,
  { utxoCostPerByte, valueBytesMax }: ProtocolParameters,
): OutputDemand {
  const demandAt = (amount: Lovelace): Lovelace =>
    utxoCostPerByte * BigInt(OVERHEAD_BYTES + outputBytes(addressLength, amount, assets));
  let minimum = demandAt(lovelace);
  // More lovelace may need a wider integer, and that more lovelace: there are five widths.
  while (demandAt(minimum) > minimum) minimum = demandAt(minimum);
  const quantities = [...assets.values(), lovelace];
  return {
    minimum,
    fits:
      valueBytes(lovelace > minimum ? lovelace : minimum, assets) <= valueBytesMax &&
      quantities.every((quantity) => quantity <= QUANTITY_MAX),
  };
}
