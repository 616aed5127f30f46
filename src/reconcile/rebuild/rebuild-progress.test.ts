import { expect, test } from 'vitest';
import type { Cursor } from '../../sync/events.js';
import { type RebuildProgress, readProgress, startingProgress } from './rebuild-progress.js';

const ORIGIN: Cursor = { point: 'origin', height: null };
const started = startingProgress(ORIGIN);
const roundTrip = (progress: RebuildProgress) => readProgress(JSON.parse(JSON.stringify(progress)));

test('what was looked for is saved whole', () => {
  const progress: RebuildProgress = {
    ...started,
    looked: {
      addressesUpTo: '9007199254740993',
      told: { since: -2151, digests: { 4: 'a'.repeat(32) } },
      unmatched: [
        { what: 'addresses', behind: '7', matchedThrough: 6 },
        { what: 'outputs', from: -1, matchedThrough: 5 },
      ],
    },
  };
  expect(roundTrip(progress)).toEqual(progress);
});

test('what an older version saved is read, and nothing is known of what it looked for', () => {
  const older = { ...started, looked: undefined };
  expect(readProgress(older)).toEqual(started);
  expect(readProgress({ ...older, watchedUpTo: '7' })).toEqual(started);
});

test('a job that has just begun has none', () => {
  expect(readProgress({})).toBeNull();
});
