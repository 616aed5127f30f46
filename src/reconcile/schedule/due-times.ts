import { type CronExpression, CronExpressionParser } from 'cron-parser';

/** Of a whole day; what names fewer hours means one time of a day by each of them. */
const HOURS_OF_DAY = 24;
/** From one due time before to the latest: one, or two around a gap. */
const STEPS_MAX = 100;

/**
 * The latest time at or before `now` that an expression names, in a time zone with its changes of the
 * clock: a time of day that a spring night leaves out is due an hour later by the clock, and one that an
 * autumn night has twice is due once, at the first of them, unless the expression names every hour.
 *
 * @param timeZone the machine's where it isn't given
 */
export function latestDue(cron: string, now: Date, timeZone?: string): Date {
  // `prev` looks below its date, and the moment itself counts.
  const from = new Date(now.getTime() + 1);
  const expression = parse(cron, from, timeZone);
  let latest = expression.prev().toDate();
  // It doesn't find what fell into a gap, which `next` moves to after it.
  const onward = parse(cron, latest, timeZone);
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const next = onward.next().toDate();
    if (next > now) break;
    latest = next;
  }
  return namesEveryHour(expression) ? latest : firstOfTwo(latest, timeZone);
}

const parse = (cron: string, currentDate: Date, timeZone: string | undefined): CronExpression =>
  CronExpressionParser.parse(cron, {
    currentDate,
    ...(timeZone === undefined ? {} : { tz: timeZone }),
  });

const namesEveryHour = (expression: CronExpression): boolean =>
  expression.fields.hour.values.length === HOURS_OF_DAY;

const MINUTE_MS = 60_000;
/** Clocks are turned back by an hour, and in one place by half of one. */
const TURNED_BACK_MS = [60 * MINUTE_MS, 30 * MINUTE_MS];

/** The same time by the clock, before it was turned back. */
function firstOfTwo(due: Date, timeZone: string | undefined): Date {
  const shown = byClock(due, timeZone);
  const earlier = TURNED_BACK_MS.map((ms) => new Date(due.getTime() - ms));
  return earlier.find((time) => byClock(time, timeZone) === shown) ?? due;
}

const byClock = (time: Date, timeZone: string | undefined): string =>
  time.toLocaleString('en-GB', timeZone === undefined ? {} : { timeZone });
