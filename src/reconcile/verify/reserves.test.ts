import { expect, test } from 'vitest';
import type { UnitBooks } from './books-queries.js';
import { isTelling, reservesOf, shortfallOf } from './reserves.js';

const unit = (name: string, fields: Partial<UnitBooks> = {}): UnitBooks => ({
  unit: name,
  entries: '1',
  balances: '1',
  total: '10',
  manual: '0',
  manualEntries: '0',
  unfounded: '0',
  expected: '10',
  deposits: '10',
  hotWallet: '0',
  inFlight: '0',
  differs: false,
  takenBack: '0',
  isTorn: false,
  ...fields,
});
const NO_DEBTS: ReadonlyMap<string, string> = new Map();
const order = (...books: UnitBooks[]) => reservesOf(books, NO_DEBTS).map((one) => one.unit);

test('ada comes first, then what is short or disagrees, so that spam hides nothing', () => {
  const short = unit('cc', { deposits: '9' });
  const disagreeing = unit('bb', { expected: '9' });
  expect(order(unit('aa'), disagreeing, short, unit('ab'), unit('lovelace'))).toEqual([
    'lovelace',
    'bb',
    'cc',
    'aa',
    'ab',
  ]);
});

test('what users owe is told of before all that nobody need look at', () => {
  const reserves = reservesOf([unit('aa'), unit('bb')], new Map([['bb', '3']]));
  expect(reserves.map((one) => [one.unit, isTelling(one)])).toEqual([
    ['bb', true],
    ['aa', false],
  ]);
});

test('a debt that is no number is nothing to count with', () => {
  expect(reservesOf([unit('aa')], new Map([['aa', 'Infinity']]))).toMatchObject([
    { owed: 'NaN', owedByUsers: 'Infinity', shortfall: true },
  ]);
});

test.each([
  ['nothing', [unit('lovelace'), unit('aa')], { units: 0, lovelace: '0' }],
  ['no books at all', [], { units: 0, lovelace: '0' }],
  [
    'ada and a token',
    [unit('lovelace', { deposits: '3' }), unit('aa', { deposits: '9' })],
    { units: 2, lovelace: '7' },
  ],
  ['a token alone', [unit('lovelace'), unit('aa', { deposits: '9' })], { units: 1, lovelace: '0' }],
  ['what nobody can read', [unit('lovelace', { hotWallet: 'NaN' })], { units: 1, lovelace: null }],
  [
    'what is in flight, not',
    [unit('lovelace', { inFlight: '4', deposits: '6' })],
    { units: 0, lovelace: '0' },
  ],
])('a shortfall of %s', (_, books, expected) => {
  expect(shortfallOf(reservesOf(books, NO_DEBTS))).toEqual(expected);
});
