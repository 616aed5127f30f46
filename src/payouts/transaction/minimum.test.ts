import {
  Address,
  AssetName,
  MultiAsset,
  min_ada_required,
  ScriptHash,
  TransactionOutput,
  Value,
} from '@dcspark/cardano-multiplatform-lib-nodejs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { enterpriseAddress, longAddress } from '../../../test/support/addresses.js';
import { USUAL_PARAMETERS } from '../../chain/protocol-parameters.js';
import { minimumLovelace, QUANTITY_MAX } from './minimum.js';
import { addressBytes, outputBytes } from './output-size.js';

const NOTHING = new Map<string, bigint>();
const POLICY = 'ab'.repeat(28);

function writtenOutput(address: string, lovelace: bigint, assets: ReadonlyMap<string, bigint>) {
  const tokens = MultiAsset.new();
  for (const [unit, quantity] of assets) {
    const name = AssetName.from_raw_bytes(Buffer.from(unit.slice(56), 'hex'));
    tokens.set(ScriptHash.from_hex(unit.slice(0, 56)), name, quantity);
  }
  const value = assets.size === 0 ? Value.from_coin(lovelace) : Value.new(lovelace, tokens);
  return TransactionOutput.new(Address.from_raw_bytes(addressBytes(address)), value);
}

const assets = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom(POLICY, 'cd'.repeat(28), 'ef'.repeat(28)),
      fc.uint8Array({ maxLength: 32 }),
      fc.oneof(fc.bigInt(1n, 300n), fc.bigInt(1n, QUANTITY_MAX)),
    ),
    { selector: ([policy, name]) => policy + Buffer.from(name).toString('hex'), maxLength: 30 },
  )
  .map((list) => new Map(list.map(([p, name, q]) => [p + Buffer.from(name).toString('hex'), q])));
const address = fc.constantFrom(
  enterpriseAddress(1),
  longAddress(2),
  'Ae2tdPwUPEZFRbyhz3cpfC2CumGzNkFBN2L42rcUc2yjQpEkxDbkPodpMAi',
);
const lovelace = fc.oneof(fc.bigInt(1n, 2n ** 20n), fc.bigInt(1n, 45n * 10n ** 15n));

describe('the least that an output must hold', () => {
  test.each([
    ['an address with a stake part', longAddress(1), 969_750n],
    ['an address without', enterpriseAddress(1), 849_070n],
  ])('is known for %s', (_, to, minimum) => {
    expect(minimumLovelace(to, 1n, NOTHING, USUAL_PARAMETERS)).toEqual({ minimum, fits: true });
    expect(minimumLovelace(to, minimum, NOTHING, USUAL_PARAMETERS).minimum).toBe(minimum);
  });

  test('is what the ledger and the library ask for, whatever the output holds', () => {
    fc.assert(
      fc.property(address, lovelace, assets, (to, amount, held) => {
        const { minimum } = minimumLovelace(to, amount, held, USUAL_PARAMETERS);
        const enough = amount > minimum ? amount : minimum;
        const { length } = writtenOutput(to, enough, held).to_cbor_bytes();
        expect(length).toBe(outputBytes(addressBytes(to).length, enough, held));
        expect(minimum).toBe(USUAL_PARAMETERS.utxoCostPerByte * BigInt(160 + length));
        // The library looks for the least amount there is; the ledger judges the one that is written.
        const least = writtenOutput(to, 0n, held);
        if (enough < 2n ** 32n) {
          expect(minimum).toBe(min_ada_required(least, USUAL_PARAMETERS.utxoCostPerByte));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a value fits', () => {
  const many = (count: number) =>
    new Map(
      Array.from({ length: count }, (_, i) => [POLICY + i.toString(16).padStart(64, '0'), 1n]),
    );
  const fits = (held: ReadonlyMap<string, bigint>, valueBytesMax: number) =>
    minimumLovelace(longAddress(1), 2_000_000n, held, { ...USUAL_PARAMETERS, valueBytesMax }).fits;

  test('up to the ledger’s limit, to the byte', () => {
    // [5 bytes of lovelace, {policy: {32 bytes: 1}}]
    const bytes = 1 + 5 + 1 + 30 + 1 + 35;
    expect(fits(many(1), bytes)).toBe(true);
    expect(fits(many(1), bytes - 1)).toBe(false);
    expect(fits(many(200), USUAL_PARAMETERS.valueBytesMax)).toBe(false);
  });

  test('with no quantity above what eight bytes hold', () => {
    expect(fits(new Map([[POLICY, QUANTITY_MAX]]), 5000)).toBe(true);
    expect(fits(new Map([[POLICY, QUANTITY_MAX + 1n]]), 5000)).toBe(false);
  });
});
