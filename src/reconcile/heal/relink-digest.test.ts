import { describe, expect, test } from 'vitest';
import type { DigestRow } from '../../payments/digest/digest-queries.js';
import { type FactsSum, FIRST_DIGEST, linkDigest, NO_FACTS } from '../../payments/digest/facts.js';
import { type DigestCorrection, relink } from './relink-digest.js';

const sumOf = (height: number): FactsSum => ({ facts: 1, sum: BigInt(height) });

/** A digest of blocks at these heights, each with one fact. */
function chainOf(blocks: readonly (readonly [number, FactsSum])[]): DigestRow[] {
  let digest = FIRST_DIGEST;
  return blocks.map(([height, sum]) => {
    digest = linkDigest(digest, height, sum);
    return { height, ...sum, digest };
  });
}
const chain = (...heights: readonly number[]): DigestRow[] =>
  chainOf(heights.map((height) => [height, sumOf(height)]));

async function relinked(stored: readonly DigestRow[], wishes: Partial<DigestCorrection>) {
  const rows = new Map(stored.map((row) => [row.height, row]));
  const correction = { blocks: new Map<number, FactsSum>(), proven: [], ...wishes };
  for await (const { height, row } of relink(FIRST_DIGEST, stored, correction)) {
    if (row === null) rows.delete(height);
    else rows.set(height, row);
  }
  return [...rows.values()].sort((a, b) => a.height - b.height);
}

const OTHER: FactsSum = { facts: 3, sum: 77n };

describe('a digest that is linked again', () => {
  test.each<[string, ReadonlyMap<number, FactsSum>, DigestRow[]]>([
    [
      'has what a block brought instead',
      new Map([[4, OTHER]]),
      chainOf([
        [2, sumOf(2)],
        [4, OTHER],
        [6, sumOf(6)],
      ]),
    ],
    ['lacks a block that brought nothing', new Map([[4, NO_FACTS]]), chain(2, 6)],
    ['has a block that is new below', new Map([[1, sumOf(1)]]), chain(1, 2, 4, 6)],
    [
      'has blocks that are new between and above',
      new Map([
        [5, sumOf(5)],
        [9, sumOf(9)],
        [7, NO_FACTS],
      ]),
      chain(2, 4, 5, 6, 9),
    ],
    ['is as it was where nothing was corrected', new Map(), chain(2, 4, 6)],
  ])('%s', async (_what, blocks, expected) => {
    expect(await relinked(chain(2, 4, 6), { blocks })).toEqual(expected);
  });

  const broken = chain(2, 4, 6).map((row) =>
    row.height === 4 ? { ...row, digest: 'ab'.repeat(32) } : row,
  );

  test('hangs together where its blocks were proven', async () => {
    expect(await relinked(broken, { proven: [{ above: 3, upTo: 6 }] })).toEqual(chain(2, 4, 6));
  });

  test('stays broken where nobody proved them, and goes on from there as it is', async () => {
    const blocks = new Map([[2, OTHER]]);
    const [first, ...rest] = await relinked(broken, { blocks });
    expect([first]).toEqual(chainOf([[2, OTHER]]));
    expect(rest).toEqual(broken.slice(1));
  });

  test('stays broken above a block of which nothing is left', async () => {
    const forged = chain(2, 4, 6).slice(1);
    const blocks = new Map([[4, NO_FACTS]]);
    expect(await relinked(forged, { blocks })).toEqual(forged.slice(1));
  });

  describe('keeps a row that nothing is left of where no row above would show the break', () => {
    const [first, second, third] = broken;
    const gone = (...heights: readonly number[]) =>
      new Map(heights.map((height) => [height, NO_FACTS]));
    const forged = chain(2, 4, 6).slice(1);

    test('at the head', async () => {
      expect(await relinked(forged, { blocks: gone(4, 6) })).toEqual(forged.slice(0, 1));
      expect(await relinked(broken.slice(0, 2), { blocks: gone(2, 4) })).toEqual([second]);
    });

    test('once, where several are broken', async () => {
      expect(await relinked(broken, { blocks: gone(4, 6) })).toEqual([first, third]);
    });

    test('but no row that a block above shows, nor one that was proven', async () => {
      const added = await relinked(broken.slice(0, 2), {
        blocks: new Map([...gone(4), [9, sumOf(9)]]),
      });
      const digest = linkDigest(second?.digest ?? '', 9, sumOf(9));
      expect(added).toEqual([first, { height: 9, ...sumOf(9), digest }]);
      const proven = [{ above: 3, upTo: 6 }];
      expect(await relinked(broken, { blocks: gone(4, 6), proven })).toEqual([first]);
    });
  });
});
