import type { AssetUnit, Lovelace } from '../../chain/block.js';
import type { ProtocolParameters } from '../../chain/protocol-parameters.js';
import { outputDemand } from './minimum.js';
import { valueBytes } from './output-size.js';
import { TOKEN_QUANTITY_MAX, TOKENS_MAX } from './quarantine.js';

export type Bundle = {
  readonly lovelace: Lovelace;
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
};

/**
 * Tokens together, apart from the ADA that payouts are paid from. No bundle is such that it would be
 * quarantined itself, and none holds more of a token than an output can, whatever was merged.
 */
export function bundleTokens(
  tokens: ReadonlyMap<AssetUnit, bigint>,
  addressLength: number,
  parameters: ProtocolParameters,
): Bundle[] {
  const bundles: Map<AssetUnit, bigint>[] = [];
  for (const [unit, quantity] of [...tokens].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (let open = quantity; open > 0n; open -= TOKEN_QUANTITY_MAX) {
      const part = open > TOKEN_QUANTITY_MAX ? TOKEN_QUANTITY_MAX : open;
      const last = bundles.at(-1);
      if (last === undefined || !takes(last, unit, part, parameters)) {
        bundles.push(new Map([[unit, part]]));
      } else {
        last.set(unit, part);
      }
    }
  }
  return bundles.map((assets) => ({
    lovelace: outputDemand(addressLength, 0n, assets, parameters).minimum,
    assets,
  }));
}

function takes(
  bundle: ReadonlyMap<AssetUnit, bigint>,
  unit: AssetUnit,
  part: bigint,
  { valueBytesMax }: ProtocolParameters,
): boolean {
  if (bundle.has(unit) || bundle.size >= TOKENS_MAX) return false;
  return valueBytes(2n ** 32n, new Map(bundle).set(unit, part)) <= valueBytesMax;
}
