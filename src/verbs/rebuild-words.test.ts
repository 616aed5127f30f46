import { expect, test } from 'vitest';
import { sampleJob } from '../../test/support/sample-job.js';
import { isClean, readResult, sayResult } from './rebuild-words.js';

const LEDGER = { entries: 0, balances: 0, statuses: 0, lost: 0 };
const SAME = { payments: 0, payouts: 0, lost: 0, balances: 0, isPartial: false };
const EQUAL = 'nothing differs: the books are what the chain says\n';

/** What is said of a rebuild that found no output that differs, without the lines about blocks and digest. */
function saidOf(wishes: object) {
  const result = {
    dryRun: false,
    differences: {},
    examples: [],
    healed: 0,
    open: 0,
    ledger: LEDGER,
    digest: { height: 7, equal: true, stored: 'ab', derived: 'ab' },
    blocks: 5,
    seconds: 1,
    rate: 5,
    ...wishes,
  };
  const shown = readResult(sampleJob({ state: 'done', result }));
  if (shown === null) return null;
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  sayResult({ environment: {}, out: say, err: say, isInteractive: false }, shown);
  return { isClean: isClean(shown), said: said.slice(1, -1), digest: said.at(-1) };
}

test('a dry run counts everything in which rows, entries and balances contradict each other', () => {
  const ledgerDifferences = { payments: 2, payouts: 1, lost: 1, balances: 3, isPartial: true };
  expect(saidOf({ dryRun: true, ledgerDifferences })).toMatchObject({
    isClean: false,
    said: [
      'no output differs\n',
      'ledger: 2 payments differ from their entries, 1 payout differs from its entries, ' +
        "1 payment has entries and no row, 3 balances aren't the sums of theirs, and more; " +
        'a rebuild corrects what is proven and names the rest\n',
    ],
  });
});

test.each(['payments', 'payouts', 'lost', 'balances'])('a dry run isn’t clean for %s', (kind) => {
  const ledgerDifferences = { ...SAME, [kind]: 1 };
  expect(saidOf({ dryRun: true, ledgerDifferences })?.isClean).toBe(false);
});

test('nothing differs where ledger and balances don’t either, and whoever didn’t look can’t say it', () => {
  expect(saidOf({ dryRun: true, ledgerDifferences: SAME })).toMatchObject({
    isClean: true,
    said: [EQUAL],
  });
  expect(saidOf({ dryRun: true })?.said).toEqual(['no output differs\n']);
});

test('a rebuild says what it did to statuses, ledger and balances, and else that nothing differed', () => {
  const ledger = { entries: 3, balances: 1, statuses: 2, lost: 1 };
  expect(saidOf({ ledger })).toMatchObject({
    isClean: true,
    said: [
      'no output differs\n',
      'ledger: 3 correcting entries appended, 1 balance set to the sum of its entries, ' +
        '2 payment statuses set, 1 payment without a row put back or settled\n',
    ],
  });
  expect(saidOf({})).toMatchObject({ isClean: true, said: [EQUAL] });
});

test('a rebuild that left something as it is isn’t one in which nothing differed', () => {
  const said = saidOf({ left: ['1 case: nobody knows'] });
  expect(said?.isClean).toBe(false);
  expect(said?.said.slice(0, 2)).toEqual(['no output differs\n', 'left: 1 case: nobody knows\n']);
});

const NONE = '0'.repeat(64);

test.each([
  [
    { height: 7, equal: true, stored: 'ab', derived: 'ab' },
    'state digest at height 7: ab, that of the chain\n',
  ],
  [
    { height: 2, equal: true, stored: NONE, derived: NONE },
    'no state digest was compared: at height 2 neither the books nor the chain have anything to fold into one\n',
  ],
  [
    { height: -1, equal: true, stored: NONE, derived: NONE },
    'no state digest was compared: before the first block neither the books nor the chain have anything to fold ' +
      'into one\n',
  ],
  [
    { height: 7, equal: false, stored: 'ab', derived: 'cd' },
    'the state digest at height 7 was ab, of the chain it is cd\n',
  ],
  [
    { height: 7, equal: false, stored: 'ab', derived: 'ab', tables: 'ef' },
    "the tables' state digest at height 7 was ef, of the chain it is ab\n",
  ],
])('the state digest is told with the height at which it was compared: %j', (digest, line) => {
  expect(saidOf({ digest })?.digest).toBe(line);
});

test('what an earlier version noted is read', () => {
  const ledger = { entries: 0, balances: 0, statuses: 1 };
  expect(saidOf({ ledger })?.said.at(-1)).toBe('ledger: 1 payment status set\n');
});
