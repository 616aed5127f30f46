import { describe, expect, test } from 'vitest';
import { readReasons, readWitnesses } from './noted.js';
import { holds, type Reason } from './reasons.js';

const NOTED = { detail: 'why', since: '2025-11-21T08:00:00.000Z', released: null };
const REASONS: readonly Reason[] = [
  { kind: 'witness', witness: 'ws://w', common: 9, ours: 4, theirs: 5, ...NOTED },
  { kind: 'witness', witness: 'ws://w', common: 9, between: [8, 9], ours: 4, theirs: 5, ...NOTED },
  { kind: 'rollback', common: 9, depth: 7, limit: 6, latest: 10, ...NOTED },
  { kind: 'density', slot: 100, blocks: 1, least: 9, ...NOTED },
  { kind: 'unheard', ...NOTED, released: { at: NOTED.since, by: 'cli:ann', why: 'seen' } },
];

describe('reasons of the chain guard', () => {
  test('are read as they were written', () => {
    expect(readReasons(REASONS)).toEqual(REASONS);
    expect(readReasons([])).toEqual([]);
  });

  test.each([
    ['a text', 'x'],
    ['a number', 7],
    ['nothing', null],
    ['an object', {}],
    ['of no kind', [{ ...NOTED }]],
    ['without figures', [{ kind: 'rollback', ...NOTED }]],
    ['without a time', [{ kind: 'unheard', ...NOTED, since: 7 }]],
  ])('that are %s hold until a person lets them pass', (_what, written) => {
    const read = readReasons(written);
    expect(read).toHaveLength(1);
    expect(holds(read)).toBe(true);
  });

  test('that can be read stay beside those that can’t', () => {
    expect(readReasons([REASONS[0], 'x'])).toEqual([
      REASONS[0],
      expect.objectContaining({ kind: 'rollback', depth: 0 }),
    ]);
  });
});

test('witnesses that another hand wrote are left out', () => {
  const heard = { witness: 'ws://w', agrees: true, verdict: 'agrees', heardAt: NOTED.since };
  expect(readWitnesses([heard, { ...heard, agrees: 'yes' }, 7])).toEqual([heard]);
  expect(readWitnesses(7)).toEqual([]);
});
