import { describe, expect, test } from 'vitest';
import { latestDue } from './due-times.js';

const due = (cron: string, now: string, zone = 'Europe/Berlin'): string =>
  latestDue(cron, new Date(now), zone).toISOString();

describe('the latest due time', () => {
  test.each([
    ['is the moment itself', '0 3 * * *', '2026-06-01T01:00:00.000Z', '2026-06-01T01:00:00.000Z'],
    ['is long past', '0 3 * * *', '2026-06-02T00:59:59.999Z', '2026-06-01T01:00:00.000Z'],
    ['may be of this second', '*/5 * * * * *', '2026-06-01T01:00:07Z', '2026-06-01T01:00:05.000Z'],
    ['is of this hour', '*/5 * * * *', '2026-06-01T01:07:02Z', '2026-06-01T01:05:00.000Z'],
    ['is of last week', '0 3 * * Sun', '2026-06-05T12:00:00Z', '2026-05-31T01:00:00.000Z'],
    ['is of a leap year', '0 0 29 2 *', '2026-06-01T01:00:00Z', '2024-02-28T23:00:00.000Z'],
  ])('%s', (_, cron, now, expected) => {
    expect(due(cron, now)).toBe(expected);
  });

  test('comes an hour later by the clock in the night that leaves it out', () => {
    expect(due('30 2 * * *', '2026-03-29T00:59:00Z')).toBe('2026-03-28T01:30:00.000Z');
    expect(due('30 2 * * *', '2026-03-29T12:00:00Z')).toBe('2026-03-29T01:30:00.000Z');
    expect(due('30 2 * * *', '2026-03-30T00:30:00Z')).toBe('2026-03-30T00:30:00.000Z');
  });

  test('is one in the night that has it twice', () => {
    const first = '2026-10-25T00:30:00.000Z';
    for (const now of ['2026-10-25T00:30:00Z', '2026-10-25T01:45:00Z', '2026-10-26T01:29:00Z']) {
      expect(due('30 2 * * *', now)).toBe(first);
    }
    expect(due('30 2 * * *', '2026-10-26T01:30:00Z')).toBe('2026-10-26T01:30:00.000Z');
  });

  test('comes each hour of that night where every hour is named', () => {
    expect(due('30 * * * *', '2026-10-25T00:45:00Z')).toBe('2026-10-25T00:30:00.000Z');
    expect(due('30 * * * *', '2026-10-25T01:45:00Z')).toBe('2026-10-25T01:30:00.000Z');
  });

  test('never goes back while time goes on, across both changes of the clock', () => {
    for (const cron of ['0 3 * * *', '30 2 * * *', '15 2,3 * * *', '*/30 * * * *']) {
      for (const begin of ['2026-03-28T00:00:00Z', '2026-10-24T00:00:00Z']) {
        let last = 0;
        for (let minute = 0; minute < 3 * 24 * 60; minute += 59) {
          const now = new Date(Date.parse(begin) + minute * 60_000);
          const found = latestDue(cron, now, 'Europe/Berlin').getTime();
          expect(found).toBeLessThanOrEqual(now.getTime());
          expect(found).toBeGreaterThanOrEqual(last);
          last = found;
        }
      }
    }
  });

  test('is told in the zone of the machine where none is given', () => {
    const now = new Date(2026, 5, 1, 12);
    expect(latestDue('0 3 * * *', now)).toEqual(new Date(2026, 5, 1, 3));
  });
});
