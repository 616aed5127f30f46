import { CronExpressionParser } from 'cron-parser';

/** More than a week of one every quarter of an hour in working hours: by then it repeats itself. */
const FIRINGS_MAX = 1_000;
const LOOK_AHEAD_MS = 400 * 86_400_000;

/** The longest time between two firings to come: an alert waits at least as long. */
export function longestIntervalSeconds(cron: string, now: Date): number {
  const firings = CronExpressionParser.parse(cron, { currentDate: now });
  let last = firings.next().toDate().getTime();
  let longest = 0;
  for (let i = 0; i < FIRINGS_MAX && last - now.getTime() < LOOK_AHEAD_MS; i += 1) {
    const next = firings.next().toDate().getTime();
    longest = Math.max(longest, next - last);
    last = next;
  }
  return longest / 1000;
}
