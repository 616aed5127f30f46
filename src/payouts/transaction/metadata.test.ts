import { encode } from 'cborg';
import { describe, expect, test } from 'vitest';
import { parseExactJson } from '../../chain/exact-json.js';
import { encodePayoutMetadata, inLedgerOrder, readPayoutMetadata } from './metadata.js';

const ID = '00112233445566778899aabbccddeeff';
const OTHER_ID = 'f0'.repeat(16);
const METADATA = { anchor: 3, payoutIds: [ID, OTHER_ID] };

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (content: unknown): string => Buffer.from(encode(content)).toString('hex');
const labelled = (content: unknown): unknown => ({ 8355377: content });

describe('what is written', () => {
  test('is the label, the version, the anchor and the ids, as CBOR', () => {
    expect(Buffer.from(encodePayoutMetadata(METADATA)).toString('hex')).toBe(
      `a11a007f7e318301038250${ID}50${OTHER_ID}`,
    );
  });

  test('has no ids where the wallet pays itself', () => {
    const cbor = encodePayoutMetadata({ anchor: 0, payoutIds: [] });
    expect(Buffer.from(cbor).toString('hex')).toBe('a11a007f7e3183010080');
  });
});

describe('what is read', () => {
  const detailed = {
    list: [{ int: 1 }, { int: 3 }, { list: [{ bytes: ID }, { bytes: OTHER_ID }] }],
  };
  const content = [1, 3, [bytes(ID), bytes(OTHER_ID)]];

  test.each<[string, unknown]>([
    ['JSON without a schema', { json: [1, 3, [`0x${ID}`, `0x${OTHER_ID}`]] }],
    ['JSON with a schema', { json: detailed }],
    ['CBOR', { cbor: hex(content) }],
    ['CBOR of indefinite length', { cbor: `9f01039f50${ID}50${OTHER_ID}ffff` }],
    ['CBOR where the JSON says nothing', { json: null, cbor: hex(content) }],
  ])('is the same in %s', (_, label) => {
    expect(readPayoutMetadata(labelled(label))).toEqual(METADATA);
  });

  test('may be without ids, and beside other labels', () => {
    const labels = { 674: { json: { msg: ['x'] } }, 8355377: { json: [1, 0, []] } };
    expect(readPayoutMetadata(labels)).toEqual({ anchor: 0, payoutIds: [] });
  });

  test.each<[string, unknown]>([
    ['no metadata', undefined],
    ['null', null],
    ['text for labels', 'labels'],
    ['another label', { 8355378: { json: [1, 3, []] } }],
    ['nothing in the label', labelled({})],
    ['another version', labelled({ json: [2, 3, []] })],
    ['an item too many', labelled({ json: [1, 3, [], 0] })],
    ['a negative anchor', labelled({ json: [1, -1, []] })],
    ['an anchor as text', labelled({ json: [1, '3', []] })],
    ['an anchor no transaction has', labelled({ json: [1, 65_536, []] })],
    ['a wide anchor', labelled({ json: parseExactJson('[1, 12345678901234567890, []]') })],
    ['a fraction', labelled({ json: [1, 0.5, []] })],
    ['an id that is too short', labelled({ json: [1, 3, ['0xab']] })],
    ['an id that is text', labelled({ json: [1, 3, [ID]] })],
    ['an id among others that is none', labelled({ json: [1, 3, [`0x${ID}`, null]] })],
    ['forms mixed', labelled({ json: [1, 3, [{ bytes: ID }]] })],
    ['CBOR that is none', labelled({ cbor: 'ffff' })],
    ['CBOR cut off', labelled({ cbor: hex(content).slice(0, -2) })],
    ['CBOR that is no hex', labelled({ cbor: 'xyz' })],
    ['CBOR nested too deep', labelled({ cbor: `${'81'.repeat(200_000)}01` })],
    ['a label that is only inherited', Object.create({ 8355377: { json: [1, 3, []] } })],
  ])('is nothing for %s', (_, labels) => {
    expect(readPayoutMetadata(labels)).toBeNull();
  });
});

test('inputs are ordered as the ledger keeps them: by id, then by number', () => {
  const [a, b] = ['0a'.repeat(32), 'b0'.repeat(32)];
  expect(inLedgerOrder([`${b}#0`, `${a}#10`, `${a}#2`])).toEqual([`${a}#2`, `${a}#10`, `${b}#0`]);
});
