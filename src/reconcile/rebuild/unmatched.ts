/**
 * What wasn't looked for in blocks up to a height: it was learned of after they were matched. Most often that is as
 * it should be, for it counts above them; a rollback of the books, which the reader of the chain may never hear
 * of, moves that further back.
 */
export type Unmatched = {
  readonly matchedThrough: number;
} & (
  | {
      readonly what: 'addresses';
      /** The last one, by `watch_id`, that was looked for: those registered behind it weren't. */
      readonly behind: string;
    }
  | {
      readonly what: 'outputs';
      /** They count above this height. */
      readonly from: number;
    }
);

/** The safe reading of books of which nothing is known but how far they go. */
export const nothingLookedFor = (matchedThrough: number): Unmatched => ({
  what: 'outputs',
  from: -1,
  matchedThrough,
});

/** Blocks above that height are matched once more, with all that is known by now. */
export const takenBack = (list: readonly Unmatched[], height: number): readonly Unmatched[] =>
  list
    .map((one) => ({ ...one, matchedThrough: Math.min(one.matchedThrough, height) }))
    .filter((one) => one.what === 'addresses' || one.from < one.matchedThrough);

/**
 * Only to be left out once it was looked at: what isn't missed by then never will be, where no rollback goes back
 * so far any more. So there is never more than the blocks of one security parameter bring.
 */
export const stillOpen = (list: readonly Unmatched[], settled: number): readonly Unmatched[] =>
  list.filter(({ matchedThrough }) => matchedThrough > settled);

/**
 * The height above which blocks have to be matched once more; null where there is none.
 *
 * @param countsFrom of the addresses behind one: from when on the first of them counts; nothing where there are none
 * @param lowest blocks up to there aren't matched
 */
export function missedAbove(
  list: readonly Unmatched[],
  countsFrom: ReadonlyMap<string, number>,
  lowest: number,
): number | null {
  const missed = list.flatMap((one) => {
    const from = one.what === 'outputs' ? one.from : countsFrom.get(one.behind);
    if (from === undefined) return [];
    const above = Math.max(from, lowest);
    return above < one.matchedThrough ? [above] : [];
  });
  return missed.length === 0 ? null : Math.min(...missed);
}
