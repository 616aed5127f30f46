import { describe, expect, test } from 'vitest';
import { decodeNextBlock } from '../chain/decode.js';
import { parseExactJson } from '../chain/exact-json.js';
import { makeAddress } from './address.js';
import { createChain } from './chain.js';
import { toJson } from './json.js';
import { createRandom } from './random.js';
import { renderBlock } from './render.js';

const watched = makeAddress('base', 42, createRandom('watched').bytes(28));

function rendered(version: 6 | 7, seed = 31) {
  const chain = createChain({ seed, content: { watched: [watched], failedShare: 0.2 } });
  for (let i = 0; i < 80; i += 1) chain.mine('random');
  return { chain, texts: chain.blocks().map((block) => renderBlock(block, 42, version)) };
}

describe('rendered blocks', () => {
  test.each([6, 7] as const)(
    'of version %i, read by the real decoder and applied to an empty ledger, give the true UTxO',
    (version) => {
      const { chain, texts } = rendered(version);
      const utxo = new Map<string, { address: string; lovelace: bigint; assets: object }>();
      const genesis = chain.utxoAt('origin');
      for (const [reference, { address, lovelace, assets }] of genesis) {
        utxo.set(reference, { address, lovelace, assets });
      }
      for (const [i, text] of texts.entries()) {
        const answer = `{"jsonrpc":"2.0","method":"nextBlock","result":{"direction":"forward","block":${text},"tip":"origin"},"id":null}`;
        const event = decodeNextBlock(answer);
        if (event.type !== 'forward') throw new Error('expected a block');
        for (const { id, spends, outputs } of event.block.transactions) {
          for (const reference of spends) expect(utxo.delete(reference)).toBe(true);
          for (const { index, address, value } of outputs)
            utxo.set(`${id}#${index}`, { address, ...value });
        }
        const block = chain.blocks()[i]!;
        expect(event.block.ancestor).toBe(block.ancestor);
        if (i % 10 !== 9) continue;
        const truth = [...chain.utxoAt(block.id)].map(
          ([reference, { address, lovelace, assets }]) =>
            [reference, { address, lovelace, assets }] as const,
        );
        expect(utxo).toEqual(new Map(truth));
      }
    },
  );

  test('of version 7 leave out empty outputs and validity intervals, of version 6 write them', () => {
    const chain = createChain({ seed: 1 });
    const spend = [...chain.utxoAt('origin').keys()].slice(0, 1);
    const block = chain.mine([{ pay: [], spend }]);
    const empty = {
      ...block,
      transactions: block.transactions.map((one) => ({ ...one, outputs: [] })),
    };
    expect(renderBlock(empty, 42, 6)).toContain('"outputs":[]');
    expect(renderBlock(empty, 42, 6)).toContain('"validityInterval":{}');
    expect(renderBlock(empty, 42, 7)).not.toContain('"outputs"');
    expect(renderBlock(empty, 42, 7)).not.toContain('validityInterval');
  });

  test('have integers of any size, exactly', () => {
    const huge = 2n ** 70n + 1n;
    expect(toJson({ a: [huge, -huge, 1, null, 'text', true] })).toBe(
      `{"a":[${huge},-${huge},1,null,"text",true]}`,
    );
    expect(toJson({ kept: 1, left: undefined })).toBe('{"kept":1}');
  });

  test('have the content that readers trip over', () => {
    const text = rendered(6).texts.join('\n');
    const wanted = {
      failed: '"spends":"collaterals"',
      'an innocent collateral return': /"spends":"inputs"(?:(?!"spends").)*"collateralReturn"/,
      'NUL characters': '\\u0000',
      'lone surrogates': '\\ud800',
      'text that looks like an output': '\\"outputs\\":[{\\"address\\"',
      'an object that looks like a transaction': '{"transactions":[{"id":"00',
      'a far validity interval': '"invalidAfter":6666666666666',
      'quantities near 2^63': /:92233720368547758\d\d[,}]/,
      'an empty asset name': /\{"":\d/,
      'a name that is not UTF-8': '"ff80c3fe"',
      'datum hashes': '"datumHash"',
      'inline datums': '"datum":"',
      withdrawals: '"withdrawals":{"stake_test1',
      certificates: '"certificates":[',
      'reference inputs': '"references":[',
      'script addresses': 'addr_test1w',
      'pointer addresses': 'addr_test1g',
      'Byron addresses': /"address":"[2-9A-HJ-NP-Z]/,
    };
    const missing = Object.entries(wanted).filter(([, what]) =>
      typeof what === 'string' ? !text.includes(what) : !what.test(text),
    );
    expect(missing.map(([name]) => name)).toEqual([]);
    for (const line of text.split('\n')) expect(() => parseExactJson(line)).not.toThrow();
  });

  test('spend outputs of their own block, burn assets, and pay one address twice in a transaction', () => {
    const { chain } = rendered(6);
    let chained = 0;
    let twice = 0;
    let burnt = 0;
    for (const { transactions } of chain.blocks()) {
      const ids = new Set(transactions.map(({ id }) => id));
      for (const { inputs, outputs, mint } of transactions) {
        if (inputs.some((reference) => ids.has(reference.split('#')[0]!))) chained += 1;
        if ([...mint.values()].some((n) => n < 0n)) burnt += 1;
        if (new Set(outputs.map(({ address }) => address)).size < outputs.length) twice += 1;
      }
    }
    expect(chained).toBeGreaterThan(10);
    expect(twice).toBeGreaterThan(10);
    expect(burnt).toBeGreaterThan(3);
  });

  test('are as large as they are asked to be', () => {
    const chain = createChain({ seed: 1 });
    const block = chain.mine([{ bytes: 3_000_000 }]);
    const { length } = renderBlock(block, 42, 6);
    expect(length).toBeGreaterThan(3_000_000);
    expect(length).toBeLessThan(3_010_000);
  });
});
