import { expect, test } from 'vitest';
import { type CursorEvidence, cursorProblem } from './judge-cursor.js';

const hash = (letter: string): string => letter.repeat(64);
const TOP = { slot: '1114', hash: hash('6'), height: '50' };
const ORIGIN = { slot: null, hash: null, height: null };
const evidence = (differs: Partial<CursorEvidence>): CursorEvidence => ({
  cursor: TOP,
  top: TOP,
  above: null,
  digested: '48',
  ...differs,
});

test.each<[string, Partial<CursorEvidence>]>([
  ['at its highest block', {}],
  ['new', { cursor: null, top: null, digested: null }],
  ['at the origin, and never followed a block', { cursor: ORIGIN, top: null, digested: null }],
  [
    'at a start point of which nobody told the height',
    { cursor: { ...TOP, height: null }, top: null, digested: null },
  ],
  ['restored without headers', { top: null }],
  ['rolled back to the origin', { cursor: ORIGIN, top: null, digested: null }],
])('books that are %s have a right cursor', (_what, differs) => {
  expect(cursorProblem(evidence(differs))).toBeNull();
});

const LET_RUN = 'start `teller run` and let it apply a few blocks';
const AT_TOP = `1114.${TOP.hash} at height 50`;
const RESTORE = 'restore the last backup into an empty one (`teller restore FILE`)';

test.each<[string, Partial<CursorEvidence>, string, string]>([
  [
    'is gone',
    { cursor: null, top: null },
    'there is no cursor, and blocks up to 48 are in the books',
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
  const told = cursorProblem(evidence(differs));
  expect(told).toContain(
    `another hand changed sync_state or blocks: ${wrong}. Nothing was compared, and nothing changed: `,
  );
  expect(told).toContain(advice);
  expect(told).not.toContain('\n');
});
