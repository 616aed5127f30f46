import { expect, test } from 'vitest';
import { differingAddresses, sayTotals } from './reconcile-totals.js';

const UNIT = 'ab'.repeat(28);
const address = (position: number, recorded: object, onChain: object) => ({
  address: `addr${position}`,
  recorded,
  onChain,
});
const said = (totals: unknown): string => {
  let out = '';
  const terminal = { environment: {}, err: () => undefined, isInteractive: false };
  sayTotals({ ...terminal, out: (text) => (out += text) }, { totals });
  return out;
};

test('an address is told with each unit that differs there, and none where only words about it differ', () => {
  const out = said({
    recorded: { lovelace: '9000000', [UNIT]: '3' },
    onChain: { lovelace: '8000000', [UNIT]: '5' },
    differing: {
      count: 2,
      listed: [
        address(
          1,
          { lovelace: '2000000', [UNIT]: '3', ab: '1' },
          { lovelace: '1000000', [UNIT]: '5', ab: '1' },
        ),
        address(2, { lovelace: '7000000' }, { lovelace: '7000000' }),
      ],
    },
  });
  const lines = out.split('\n').map((line) => line.split(/ {2,}/));
  expect(lines).toEqual([
    ['ADDRESS', 'UNSPENT', 'RECORDED', 'ON CHAIN'],
    ['addr1', UNIT, '3', '5'],
    ['addr1', 'ada', '2.000000', '1.000000'],
    ['UNSPENT', 'RECORDED', 'ON CHAIN'],
    [UNIT, '3', '5'],
    ['ada', '9.000000', '8.000000'],
    [''],
  ]);
});

test('of many addresses the first ones are told, and how many more there are', () => {
  const listed = Array.from({ length: 30 }, (_, position) =>
    address(position, { lovelace: '1' }, {}),
  );
  const out = said({ recorded: {}, onChain: {}, differing: { count: 40, listed } });
  expect(out.match(/^addr\d+ /gm)).toHaveLength(20);
  expect(out).toContain('and at up to 20 more addresses: --json shows the first 30\n');
});

test('a run of before, or one that is under way, has none', () => {
  for (const totals of [null, {}, { recorded: {}, onChain: {}, covered: 1 }]) {
    expect(differingAddresses({ totals })).toEqual({ count: 0, items: [] });
    expect(said(totals)).toBe('');
  }
});
