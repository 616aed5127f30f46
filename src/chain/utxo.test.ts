import { describe, expect, test } from 'vitest';
import { sharedIsThere, vectors } from '../../test/conformance/shared-material.js';
import { parseExactJson } from './exact-json.js';
import { fieldsOf, listOf, ProtocolError } from './fields.js';
import { decodeUtxo } from './utxo.js';

const ID = 'a'.repeat(64);
const ADDRESS = 'addr_test1vpfwv0ezc5g8a4mkku8hhy3y3vp92t7s3ul8g778g5yegsgalc6gc';
const ENTRY = {
  transaction: { id: ID },
  index: 3,
  address: ADDRESS,
  value: { ada: { lovelace: 5 } },
};

describe('unspent outputs', () => {
  test('are read with their references, amounts and scripts', () => {
    const script = { language: 'native', json: { clause: 'some' } };
    const [plain, scripted] = decodeUtxo([ENTRY, { ...ENTRY, index: 65_535, script }]);
    expect(plain).toEqual({
      txHash: ID,
      output: {
        index: 3,
        address: ADDRESS,
        value: { lovelace: 5n, assets: new Map() },
        hasScript: false,
      },
    });
    expect(scripted?.output).toMatchObject({ index: 65_535, hasScript: true });
    expect(decodeUtxo([])).toEqual([]);
  });

  test('are exact beyond 2^53', () => {
    const text = JSON.stringify([ENTRY]).replace('"lovelace":5', '"lovelace":18446744073709551615');
    expect(decodeUtxo(parseExactJson(text))[0]?.output.value.lovelace).toBe(18446744073709551615n);
  });

  test.each([
    ['no list', {}],
    ['an index that no output has', [{ ...ENTRY, index: 65_536 }]],
    ['no transaction', [{ ...ENTRY, transaction: undefined }]],
    ['no value', [{ ...ENTRY, value: undefined }]],
    ['a second value', [{ ...ENTRY, moreValue: { ada: { lovelace: 1 } } }]],
  ])('with %s are refused', (_, answer) => {
    expect(() => decodeUtxo(answer)).toThrow(ProtocolError);
  });

  test.skipIf(!sharedIsThere)('of every official answer are read, none left out', () => {
    let read = 0;
    for (const [, text] of vectors('QueryLedgerStateUtxo')) {
      const { result } = fieldsOf(parseExactJson(text), 'answer');
      if (result === undefined) continue;
      expect(decodeUtxo(result)).toHaveLength(listOf(result, 'outputs').length);
      read += 1;
    }
    expect(read).toBeGreaterThan(3);
  });
});
