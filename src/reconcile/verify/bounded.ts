import type { Bounded } from '../seals/check-queries.js';

/** Of a page of rows, each of which says how many there are in all: that number, and the rows without it. */
export function bounded<Row extends { readonly differences: string }>(
  rows: readonly Row[],
): Bounded<Omit<Row, 'differences'>> {
  let count = 0;
  const shown = rows.map(({ differences, ...row }) => {
    count = Number(differences);
    return row;
  });
  return { count, shown };
}
