import { expect, test } from 'vitest';
import { type CursorEvidence, judgeCursor, remedyOf } from './judge-cursor.js';

const hash = (letter: string): string => letter.repeat(64);
const TOP = { slot: '1114', hash: hash('6'), height: '50' };
const ORIGIN = { slot: null, hash: null, height: null };
const UNFOLLOWED = { upTo: null, hasEntries: false, hasBegun: false };
const evidence = (differs: Partial<CursorEvidence>): CursorEvidence => ({
  cursor: TOP,
  proven: null,
  top: TOP,
  above: null,
  followed: null,
  ...differs,
});

test.each<[string, Partial<CursorEvidence>]>([
  ['at its highest block', {}],
  ['new', { cursor: null, top: null, followed: UNFOLLOWED }],
  [
    'new, with registrations that a restore brought',
    { cursor: null, top: null, followed: { ...UNFOLLOWED, upTo: '-1' } },
  ],
  ['at the origin, before the first block', { cursor: ORIGIN, top: null }],
  [
    'at a start point of which nobody told the height',
    { cursor: { ...TOP, height: null }, top: null },
  ],
  ['restored without headers', { top: null }],
])('books that are %s have a right cursor', (_what, differs) => {
  expect(judgeCursor(evidence(differs))).toBeNull();
});

const LET_RUN = 'Start `teller run` and let it apply a few blocks';
const AT_TOP = `1114.${TOP.hash} at height 50`;
const RESTORE = 'restore the last backup from before into an empty one (`teller restore FILE`)';

test.each<[string, Partial<CursorEvidence>, string, string]>([
  [
    'is gone',
    { cursor: null, top: null, followed: { ...UNFOLLOWED, upTo: '48' } },
    'there is no cursor, and blocks up to 48 are in the books',
    RESTORE,
  ],
  [
    'is gone with all blocks',
    { cursor: null, top: null, followed: { ...UNFOLLOWED, hasEntries: true } },
    'there is no cursor, and entries of payments are in the ledger',
    RESTORE,
  ],
  [
    'is gone before the first block',
    { cursor: null, top: null, followed: { ...UNFOLLOWED, upTo: '-1', hasBegun: true } },
    'there is no cursor, and these books have a start point already',
    RESTORE,
  ],
  [
    'is said to be the origin',
    { cursor: ORIGIN },
    `the cursor is the origin, and the highest of blocks is ${AT_TOP}`,
    RESTORE,
  ],
  [
    'is said to be the origin, and headers are gone',
    { cursor: ORIGIN, top: null, above: '23' },
    'the cursor is the origin, and outputs and state digest of block 23 are in the books',
    RESTORE,
  ],
  [
    'has another hash',
    { cursor: { ...TOP, hash: hash('a') } },
    `the cursor is 1114.${hash('a')} at height 50, and the highest of blocks is ${AT_TOP}`,
    LET_RUN,
  ],
  [
    'has another slot',
    { cursor: { ...TOP, slot: '1115' } },
    `the cursor is 1115.${TOP.hash} at height 50, and the highest of blocks is ${AT_TOP}`,
    LET_RUN,
  ],
  [
    'lost its header',
    { cursor: { slot: '1120', hash: hash('7'), height: '51' } },
    `the cursor is 1120.${hash('7')} at height 51, and the highest of blocks is ${AT_TOP}`,
    LET_RUN,
  ],
  [
    'is that of an earlier block',
    { cursor: { slot: '1051', hash: hash('4'), height: '47' } },
    `the cursor is 1051.${hash('4')} at height 47, and the highest of blocks is ${AT_TOP}`,
    RESTORE,
  ],
  [
    'is too high by one, as other headers prove',
    { cursor: { ...TOP, height: '51' }, proven: '50' },
    `the cursor is 1114.${TOP.hash} at height 51, and the highest of blocks is ${AT_TOP}`,
    LET_RUN,
  ],
  [
    'is too low by one, as other headers prove, where outputs lie above that',
    { cursor: { ...TOP, height: '49' }, proven: '50', above: '52' },
    `the cursor is 1114.${TOP.hash} at height 49, and the highest of blocks is ${AT_TOP}`,
    RESTORE,
  ],
  [
    'is too high by one',
    { cursor: { ...TOP, height: '51' } },
    `the cursor is 1114.${TOP.hash} at height 51, and the highest of blocks is ${AT_TOP}`,
    RESTORE,
  ],
  [
    'is too low by one',
    { cursor: { ...TOP, height: '49' } },
    `the cursor is 1114.${TOP.hash} at height 49, and the highest of blocks is ${AT_TOP}`,
    RESTORE,
  ],
  [
    'has no height',
    { cursor: { ...TOP, height: null } },
    `the cursor is 1114.${TOP.hash} at height unknown, and the highest of blocks is ${AT_TOP}`,
    RESTORE,
  ],
  [
    'has a height that no chain has',
    { cursor: { ...TOP, height: '9223372036854775807' } },
    "the cursor's height is 9223372036854775807, and no chain is that high",
    RESTORE,
  ],
  [
    'lies below what is in the books, headers and all',
    { cursor: { ...TOP, height: '47' }, top: { ...TOP, height: '47' }, above: '48' },
    `the cursor is 1114.${TOP.hash} at height 47, and outputs and state digest of block 48 are in the books`,
    RESTORE,
  ],
])('a cursor that %s is told in one line, with what to do', (_what, differs, wrong, advice) => {
  const problem = judgeCursor(evidence(differs));
  if (problem === null) throw new Error('a problem was expected');
  expect(problem.wrong).toBe(`another hand changed sync_state or blocks: ${wrong}`);
  expect(remedyOf(problem)).toContain(advice);
  expect(problem.wrong + remedyOf(problem)).not.toContain('\n');
});
