import { expect, test } from 'vitest';
import { digestTold, lowestNews, type Told } from './told.js';

const told = (reference: string, countedFrom: number): Told => ({ reference, countedFrom });
const KNOWN = [told('a#0', 4), told('b#1', 4), told('c#0', 7)];

test.each<[string, readonly Told[], number | null]>([
  ['nothing', KNOWN, null],
  ['nothing in another order', [...KNOWN].reverse(), null],
  ['nothing where some are gone altogether', KNOWN.slice(0, 2), null],
  ['what is told at another height', [...KNOWN, told('d#0', 6)], 6],
  ['what is told beside others', [...KNOWN, told('d#0', 7)], 7],
  ['what is told instead of another', [told('d#0', 4), ...KNOWN.slice(1)], 4],
  ['the lowest of more', [...KNOWN, told('d#0', 9), told('e#0', 10)], 9],
])('new is %s', (_, now, expected) => {
  expect(lowestNews(digestTold(KNOWN), now)).toBe(expected);
});

test('where nothing was known, all is new', () => {
  expect(lowestNews({}, KNOWN)).toBe(4);
  expect(lowestNews({}, [])).toBeNull();
});
