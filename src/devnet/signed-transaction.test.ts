import { encode } from 'cborg';
import { describe, expect, test } from 'vitest';
import { makeWallet } from '../../test/support/devnet-wallet.js';
import { addressBytes, addressText } from './address-bytes.js';
import { readCbor } from './cbor-tree.js';
import { createChain } from './chain.js';
import { isValidMetadata, metadataJson } from './metadatum.js';
import { readOutput, writeUtxo } from './output-cbor.js';
import { readTransaction } from './signed-transaction.js';
import type { Json } from './transaction.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const wallet = makeWallet(1);
const address = Buffer.from(addressBytes(wallet.address)).toString('hex');
const id = '11'.repeat(32);

/** A transaction with this body and nothing else. */
const bare = (body: string) => readTransaction(hex(`84 ${body} a0 f5 f6`));
const outputsOf = (outputs: string) =>
  bare(`a3 00 81 825820${id}00 01 ${outputs} 02 00`).body.outputs;

describe('a transaction as it is written', () => {
  test('lists and maps of indefinite length, sets with and without their tag', () => {
    const input = (index: string) => `825820${id}${index}`;
    const plain = bare(`a3 00 82 ${input('02')} ${input('1901f4')} 01 80 02 00`);
    const tagged = bare(`bf 00 d90102 9f ${input('1901f4')} ${input('02')} ff 01 9fff 02 00 ff`);
    expect(plain.body.inputs).toEqual([`${id}#2`, `${id}#500`]);
    expect(tagged.body).toEqual({ ...plain.body, signed: tagged.body.signed });
  });

  test('outputs as lists and as maps, with assets, datums and scripts', () => {
    const policy = 'ab'.repeat(28);
    const value = `821a000f4240a1581c${policy}a240014200ff1bffffffffffffffff`;
    const assets = new Map([
      [policy, 1n],
      [`${policy}00ff`, 2n ** 64n - 1n],
    ]);
    const common = { address: wallet.address, lovelace: 1_000_000n, assets };
    const datumHash = 'cd'.repeat(32);
    expect(outputsOf(`81 83 581d${address} ${value} 5820${datumHash}`)).toEqual([
      { ...common, datumHash },
    ]);
    expect(outputsOf(`81 a3 00 581d${address} 01 ${value} 02 82005820${datumHash}`)).toEqual([
      { ...common, datumHash },
    ]);
    const inline = `02 8201d818 43 010203 03 d818 46 8203 43 460100`;
    expect(outputsOf(`81 a4 00 581d${address} 01 ${value} ${inline}`)).toEqual([
      { ...common, datum: '010203', script: { language: 'plutus:v3', cbor: '460100' } },
    ]);
  });

  test.each([
    ['a field twice', 'a2 02 00 02 00'],
    ['an input twice', `a3 00 82 825820${id}00 825820${id}00 01 80 02 00`],
    ['no fee', `a2 00 81 825820${id}00 01 80`],
    ['a short hash', 'a3 00 81 8241ab00 01 80 02 00'],
    ['bytes for a number', `a3 00 81 825820${id}00 01 80 02 4100`],
  ])('is refused with %s', (_, body) => {
    expect(() => bare(body)).toThrow(SyntaxError);
  });

  test('metadata as plain JSON where that can say it, else as their bytes', () => {
    const shown = (text: string): Json => metadataJson(readCbor(hex(text)), id);
    const labels = {
      '1': { json: [1n, -1n, 'a'] },
      '2': { json: { '5': 'b', c: {} } },
      '3': { cbor: '4100' },
      '4': { cbor: 'a1810100' },
      '18446744073709551615': { cbor: 'a2000100' + '02' },
    };
    const map =
      'a5 01 83 01 20 6161 02 a2 05 6162 6163 a0 03 4100 04 a1 8101 00 1bffffffffffffffff a2 00 01 00 02';
    expect(shown(map)).toEqual({ hash: id, labels });
    expect(shown(`82 ${map} 80`)).toEqual({ hash: id, labels });
    expect(shown(`d90103 a1 00 ${map}`)).toEqual({ hash: id, labels });
    expect(shown('d90103 a0')).toEqual({ hash: id, labels: {} });
  });

  test('strings in metadata have 64 bytes at most, not characters', () => {
    const valid = (value: unknown) => isValidMetadata(readCbor(encode(new Map([[1, value]]))));
    expect([valid('a'.repeat(64)), valid(['a'.repeat(65)])]).toEqual([true, false]);
    expect([valid('ä'.repeat(32)), valid('ä'.repeat(33))]).toEqual([true, false]);
    expect([valid(new Uint8Array(64)), valid(new Uint8Array(65))]).toEqual([true, false]);
    expect(valid(new Map([['a'.repeat(65), 1]]))).toBe(false);
  });
});

describe('the ledger as it is judged by', () => {
  test('says of every output what the ledger holds, whatever it holds', () => {
    const chain = createChain({ seed: 9 });
    for (let i = 0; i < 60; i += 1) chain.mine('random');
    const utxo = chain.utxoAt(chain.blocks().at(-1)!.id);
    expect([...utxo.values()].some(({ script }) => script !== undefined)).toBe(true);
    const written = readCbor(writeUtxo(utxo));
    if (written.kind !== 'map') throw new Error('a map is wanted');
    expect(written.entries).toHaveLength(utxo.size);
    const outputs = [...utxo.values()];
    for (const [i, [, output]] of written.entries.entries()) {
      const { createdHeight, assets, ...rest } = outputs[i]!;
      expect(createdHeight).toBeGreaterThan(-2);
      expect(readOutput(output)).toEqual(assets.size === 0 ? rest : { ...rest, assets });
    }
    for (const { address: text } of outputs) expect(addressText(addressBytes(text))).toBe(text);
  });
});
