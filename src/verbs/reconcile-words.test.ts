import { expect, test } from 'vitest';
import { sidesOf } from './reconcile-words.js';

const UNIT = 'ab'.repeat(28);
const say = (amountLovelace: string, assets: unknown): string =>
  sidesOf({
    type: 'amount_mismatch',
    recorded: { amountLovelace, assets },
    onChain: { amountLovelace: '7000000', assets: { [UNIT]: '5' } },
  }).recorded;

test('both values of an amount that differs are told', () => {
  expect(say('7000000', { [UNIT]: '5' })).toBe(`7.000000 ada + 5 ${UNIT}`);
  expect(say('7000000', {})).toBe('7.000000 ada');
});

test('a script that only one of both sides has is told', () => {
  const side = { amountLovelace: '7000000', assets: {} };
  const told = sidesOf({
    type: 'amount_mismatch',
    recorded: { ...side, hasScript: true },
    onChain: { ...side, hasScript: false },
  });
  expect(told).toEqual({ recorded: '7.000000 ada + a script', onChain: '7.000000 ada' });
});

test.each([
  ['NaN', {}, 'NaN lovelace'],
  ['1.5', {}, '1.5 lovelace'],
  ['0', { [UNIT]: 'lots' }, `0.000000 ada + "lots" ${UNIT}`],
  ['0', { [UNIT]: null }, `0.000000 ada + null ${UNIT}`],
  ['0', { [UNIT]: 1.5 }, `0.000000 ada + 1.5 ${UNIT}`],
  ['0', { [UNIT]: { of: '1' } }, `0.000000 ada + {"of":"1"} ${UNIT}`],
  ['0', [], '0.000000 ada + [] assets'],
  ['0', 'lots', '0.000000 ada + "lots" assets'],
])('what stands there is told where it is no value: %s, %j', (amount, assets, told) => {
  expect(say(amount, assets)).toBe(told);
});
