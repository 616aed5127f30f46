import { describe, expect, test } from 'vitest';
import type { Transaction } from './block.js';
import { decodeNextBlock } from './decode.js';
import { ProtocolError } from './fields.js';

const HASH = (digit: string): string => digit.repeat(64);
const ADDRESS = 'addr_test1vpfwv0ezc5g8a4mkku8hhy3y3vp92t7s3ul8g778g5yegsgalc6gc';
const POLICY = 'ab'.repeat(28);
const value = (lovelace: number | string, assets: unknown = {}): string =>
  `{"ada":{"lovelace":${lovelace}}${JSON.stringify(assets)
    .replace(/^\{(.+)\}$/, ',$1')
    .replace('{}', '')}}`;
const output = (lovelace: number | string): string =>
  `{"address":"${ADDRESS}","value":${value(lovelace)}}`;
const input = (digit: string, index: number | string): string =>
  `{"transaction":{"id":"${HASH(digit)}"},"index":${index}}`;

const forward = (transactions: string, header = ''): string =>
  `{"jsonrpc":"2.0","method":"nextBlock","result":{"direction":"forward","block":{"type":"praos",` +
  `"era":"conway","id":"${HASH('b')}","ancestor":"${HASH('a')}","height":7,"slot":140,${header}` +
  `"transactions":[${transactions}]},"tip":{"slot":140,"id":"${HASH('b')}","height":7}},"id":null}`;

function decoded(transaction: string): readonly Transaction[] {
  const event = decodeNextBlock(forward(transaction));
  if (event.type !== 'forward') throw new Error('expected a block');
  return event.block.transactions;
}

describe('decoding a transaction', () => {
  test('a failed script spends its collaterals and leaves only the return, behind the declared outputs', () => {
    const [tx] = decoded(
      `{"id":"${HASH('1')}","spends":"collaterals","inputs":[${input('2', 0)}],` +
        `"collaterals":[${input('3', 1)}],"outputs":[${output(5)},${output(6)}],` +
        `"collateralReturn":${output(7)},"signatories":[]}`,
    );
    expect(tx?.spends).toEqual([`${HASH('3')}#1`]);
    expect(tx?.outputs.map((o) => [o.index, o.value.lovelace])).toEqual([[2, 7n]]);
  });

  test('Ogmios 7 leaves empty outputs out: the collateral return then has index 0', () => {
    const [tx] = decoded(
      `{"id":"${HASH('1')}","spends":"collaterals","inputs":[],"collaterals":[${input('3', 1)}],` +
        `"collateralReturn":${output(7)},"signatories":[]}`,
    );
    expect(tx?.outputs.map((o) => o.index)).toEqual([0]);
  });

  test('quantities up to 2^64-1 are exact, zero ones are none', () => {
    const [tx] = decoded(
      `{"id":"${HASH('1')}","spends":"inputs","inputs":[],"signatories":[],"outputs":[{"address":"${ADDRESS}",` +
        `"value":{"ada":{"lovelace":18446744073709551615},"${POLICY}":{"":18446744073709551615,"00":0}}}]}`,
    );
    expect(tx?.outputs[0]?.value.lovelace).toBe(18446744073709551615n);
    expect([...tx!.outputs[0]!.value.assets]).toEqual([[POLICY, 18446744073709551615n]]);
  });

  test('sub-transactions bring outputs and spends of their own, unless the whole failed', () => {
    const nested = (spends: string): string =>
      `{"id":"${HASH('1')}","spends":"${spends}","inputs":[${input('2', 0)}],"collaterals":[],"signatories":[],` +
      `"outputs":[${output(1)}],"subTransactions":[{"id":"${HASH('4')}","inputs":[${input('5', 0)}],` +
      `"outputs":[${output(9)}],"signatories":[]}]}`;
    expect(decoded(nested('inputs')).map((tx) => [tx.id, tx.spends, tx.outputs.length])).toEqual([
      [HASH('4'), [`${HASH('5')}#0`], 1],
      [HASH('1'), [`${HASH('2')}#0`], 1],
    ]);
    expect(decoded(nested('collaterals')).map((tx) => [tx.id, tx.outputs.length])).toEqual([
      [HASH('1'), 0],
    ]);
  });

  const extras = (spends: string, fields: string) =>
    decoded(
      `{"id":"${HASH('1')}","spends":"${spends}","inputs":[],"collaterals":[],"signatories":[],${fields}}`,
    )[0];

  test('tells what the metadata says by label, unless the script failed', () => {
    const metadata = '"metadata":{"hash":"00","labels":{"8355377":{"json":[1,0,["0xab"]]}}}';
    expect(extras('inputs', metadata)?.labels).toEqual({ 8355377: { json: [1, 0, ['0xab']] } });
    expect(extras('collaterals', metadata)?.labels).toBeUndefined();
    expect(extras('inputs', '"metadata":7')?.labels).toBeUndefined();
  });

  test.each([
    ['{"invalidBefore":3,"invalidAfter":77}', 77],
    ['{"invalidBefore":3}', null],
    ['{"invalidAfter":18446744073709551615}', null],
    ['"always"', null],
  ])('a validity interval of %s ends at %s', (interval, bound) => {
    expect(extras('inputs', `"validityInterval":${interval}`)?.invalidHereafter).toBe(bound);
    expect(extras('inputs', '"fee":{}')?.invalidHereafter).toBeNull();
  });

  test('an output with a reference script is told from one without', () => {
    const script = '"script":{"language":"native","json":{"clause":"some"}}';
    const outputs = `"outputs":[${output(5)},${output(6).replace(/}$/, `,${script}}`)}]`;
    expect(extras('inputs', outputs)?.outputs.map((o) => o.hasScript)).toEqual([false, true]);
  });

  test.each([
    ['text', '"memo"', 'ignored'],
    ['numbers', '{"weight":12}', 'ignored'],
    ['an empty list of outputs', '[]', 'ignored'],
    ['an address', `["${ADDRESS}"]`, 'refused'],
    ['a value', '{"reward":{"ada":{"lovelace":5}}}', 'refused'],
    ['outputs', `{"batch":{"outputs":[${output(3)}]}}`, 'refused'],
    ['references', `[${input('6', 0)}]`, 'refused'],
  ])('an unknown field with %s is %s', (_, field, fate) => {
    const tx = `{"id":"${HASH('1')}","spends":"inputs","inputs":[],"outputs":[],"signatories":[],"novelty":${field}}`;
    if (fate === 'ignored') expect(decoded(tx)).toHaveLength(1);
    else expect(() => decoded(tx)).toThrow(/field "novelty".*may move value/);
  });

  test('an unknown field of the block that holds transactions is refused', () => {
    const header = `"endorsed":{"transactions":[{"outputs":[${output(3)}]}]},`;
    expect(() => decodeNextBlock(forward('', header))).toThrow(/field "endorsed"/);
  });

  test.each([
    ['spends neither', `{"id":"${HASH('1')}","spends":"nothing","inputs":[]}`],
    [
      'a rounded amount',
      `{"id":"${HASH('1')}","spends":"inputs","inputs":[],"outputs":[${output('1e30')}]}`,
    ],
    [
      'a negative amount',
      `{"id":"${HASH('1')}","spends":"inputs","inputs":[],"outputs":[${output(-1)}]}`,
    ],
    ['an upper-case id', `{"id":"${'A'.repeat(64)}","spends":"inputs","inputs":[]}`],
    ['no inputs', `{"id":"${HASH('1')}","spends":"inputs"}`],
  ])('%s is refused', (_, tx) => expect(() => decoded(tx)).toThrow(ProtocolError));

  test('an unknown era with known fields is booked', () => {
    const event = decodeNextBlock(forward('').replace('conway', 'leibniz'));
    expect(event).toMatchObject({ type: 'forward', block: { era: 'leibniz', height: 7 } });
  });

  test.each([['{}'], ['[]'], ['{"result":{"direction":"sideways","tip":"origin"}}'], ['nonsense']])(
    'the answer %s is refused',
    (frame) => expect(() => decodeNextBlock(frame)).toThrow(ProtocolError),
  );
});
