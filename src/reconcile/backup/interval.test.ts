import { expect, test } from 'vitest';
import { longestIntervalSeconds } from './interval.js';

const HOUR = 3600;

test.each([
  ['every hour', '5 * * * *', HOUR],
  ['by day, not by night', '0 8-18 * * *', 14 * HOUR],
  ['on weekdays', '0 4 * * 1-5', 72 * HOUR],
])('the longest time between two backups is known: %s', (_, cron, longest) => {
  const found = longestIntervalSeconds(cron, new Date('2026-01-05T00:00:00Z'));
  // Where the machine's clock changes, one of them is an hour longer.
  expect([longest, longest + HOUR]).toContain(found);
});
