import { describe, expect, test } from 'vitest';
import type { Block } from '../../src/chain/block.js';
import { decodeNextBlock } from '../../src/chain/decode.js';
import { parseExactJson } from '../../src/chain/exact-json.js';
import { fieldsOf, ProtocolError } from '../../src/chain/fields.js';
import { readIntersection } from '../../src/sync/session.js';
import { countedAssets, recordings, sharedIsThere, vectors } from './shared-material.js';

const blockOf = (line: string): Block => {
  const event = decodeNextBlock(line);
  if (event.type !== 'forward') throw new Error('expected a block');
  return event.block;
};

/** All outputs that exist after the blocks, and by whom they are spent, as the truth files tell it. */
function outputsOf(lines: readonly string[]): unknown[] {
  const blocks = lines.map(blockOf);
  const spentBy = new Map(
    blocks.flatMap((block) =>
      block.transactions.flatMap((tx) => tx.spends.map((spent) => [spent, tx.id] as const)),
    ),
  );
  return blocks.flatMap((block) =>
    block.transactions.flatMap((tx) =>
      tx.outputs.map((output) => ({
        block: block.id,
        height: block.height,
        slot: block.slot,
        tx: tx.id,
        index: output.index,
        address: output.address,
        lovelace: output.value.lovelace.toString(),
        assets: Object.fromEntries([...output.value.assets].map(([u, q]) => [u, q.toString()])),
        spentBy: spentBy.get(`${tx.id}#${output.index}`) ?? null,
      })),
    ),
  );
}

describe.skipIf(!sharedIsThere)('decoding real blocks and official vectors', () => {
  test.each([...recordings('single'), ...recordings('chain')].map((r) => [r.name, r] as const))(
    '%s holds exactly the outputs and spends of its truth file',
    (_, { lines, truth }) => {
      const expected = truth.outputs.map((output) => ({
        block: output.block,
        height: output.height,
        slot: output.slot,
        tx: output.tx,
        index: output.index,
        address: output.address,
        lovelace: output.lovelace,
        assets: countedAssets(output),
        spentBy: output.spentBy?.tx ?? null,
      }));
      const key = (output: unknown): string => {
        const { tx, index } = output as { tx: string; index: number };
        return `${tx}#${index}`;
      };
      const sorted = (outputs: unknown[]): unknown[] =>
        outputs.sort((a, b) => (key(a) < key(b) ? -1 : 1));
      expect(sorted(outputsOf(lines))).toEqual(sorted(expected));
    },
  );

  test('every official nextBlock answer decodes or is refused for what no chain can hold', () => {
    const refused: string[] = [];
    const answers = vectors('NextBlockResponse');
    for (const [file, text] of answers) {
      try {
        decodeNextBlock(text);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        refused.push(`${file}: ${error.message}`);
      }
    }
    expect(answers).toHaveLength(50);
    // Random 64-bit block heights; mainnet would need some 10^8 years to get there.
    expect(refused).toEqual(
      ['000', '011', '018', '022', '025', '029'].map(
        (file) => `${file}.json: the block's height is beyond 2^53 - 1`,
      ),
    );
  });

  test('every official findIntersection answer is a point, none, or an error that is told', () => {
    const outcomes = vectors('FindIntersectionResponse').map(([, text]) => {
      try {
        const { point } = readIntersection(fieldsOf(parseExactJson(text), 'answer'));
        return point === null ? 'none' : 'a point';
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        // 1001: blocks were asked for at the same time, which a session never does.
        return error.received.includes('"code":1001') ? 'interleaved' : error.message;
      }
    });
    expect(outcomes.sort()).toEqual([
      ...Array<string>(5).fill('a point'),
      ...Array<string>(3).fill('interleaved'),
      ...Array<string>(2).fill('none'),
    ]);
  });

  test('decodes the official answers without recursion over metadata nested 100,000 deep', () => {
    const [line] = recordings('single').find((r) => r.name === 'conway1')!.lines;
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const poisoned = line!.replace(
      '"spends":',
      `"metadata":{"labels":{"1":{"json":${deep}}}},"spends":`,
    );
    const moved = (text: string): unknown =>
      blockOf(text).transactions.map((tx) => ({ ...tx, labels: undefined }));
    expect(poisoned).not.toBe(line);
    expect(moved(poisoned)).toEqual(moved(line!));
  });
});
