import type { UnitBooks } from './books-queries.js';

/** Entries that people made, by no payment and no payout; sums as decimal strings, credits less debits. */
export type ManualEntries = {
  readonly count: number;
  readonly units: readonly {
    readonly unit: string;
    readonly entries: number;
    readonly sum: string;
  }[];
};

/** @param shown units at most; they are counted all */
export function manualEntriesOf(books: readonly UnitBooks[], shown: number): ManualEntries {
  const units = books
    .filter(({ manualEntries }) => manualEntries !== '0')
    .map(({ unit, manualEntries, manual }) => ({
      unit,
      entries: Number(manualEntries),
      sum: manual,
    }))
    .sort((a, b) => b.entries - a.entries || (a.unit < b.unit ? -1 : 1));
  const count = units.reduce((all, { entries }) => all + entries, 0);
  return { count, units: units.slice(0, shown) };
}
