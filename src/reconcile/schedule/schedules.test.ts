import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { inTransaction } from '../../database/transaction.js';
import { createLeadership, type Leadership } from '../../sync/leadership.js';
import { beginTerm } from '../../sync/queries.js';
import type { ProofEvent } from '../model/proof-events.js';
import { claim, endAttempt, readSchedules } from './schedule-queries.js';
import { type Plan, schedules } from './schedules.js';

const EACH_SECOND = '* * * * * *';
const NIGHTLY = '0 3 * * *';

describe('schedules', () => {
  let database: TestDatabase;
  const ends: AbortController[] = [];
  const terms: Promise<void>[] = [];
  let events: ProofEvent[] = [];
  /** The clock of whoever leads. */
  let clock = Date.now;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    events = [];
    clock = Date.now;
    await database.pool.query('truncate schedules, sync_state cascade');
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) end.abort();
    await Promise.all(terms.splice(0));
  });

  /** A term of somebody who leads, as long as the test or until it is ended. */
  async function lead(cron: string, run: Plan['run'], notYet?: Plan['notYet']) {
    const term = await beginTerm(database.pool, 0, 1, 'custom:42');
    if ('refused' in term) throw new Error(term.refused);
    const end = new AbortController();
    ends.push(end);
    const leadership = createLeadership(database.pool, term, () => undefined, end.signal);
    const deps = { now: () => clock(), observe: (event: ProofEvent) => void events.push(event) };
    const plan = { name: 'reconcile', cron, run, ...(notYet && { notYet }) };
    const [task] = schedules(deps, [plan]);
    const done = task?.(leadership) ?? Promise.resolve();
    terms.push(done);
    return { end: () => end.abort(), done };
  }
  const remembered = async () => (await readSchedules(database.pool))[0];
  const remember = (lastDue: Date, outcome: string, attempt = 1) =>
    database.pool.query(
      'insert into schedules (name, last_due, last_outcome, attempt, last_finished_at) values ($1, $2, $3, $4, now())',
      ['reconcile', lastDue, outcome, attempt],
    );
  const countingRuns = () => {
    const runs: Leadership[] = [];
    const run = (leadership: Leadership): Promise<void> => {
      runs.push(leadership);
      return Promise.resolve();
    };
    return { runs, run };
  };

  test('of a new database begin with the next due time, and not with the one before', async () => {
    const { runs, run } = countingRuns();
    await lead(NIGHTLY, run);
    await expect.poll(remembered).toMatchObject({ lastOutcome: 'noted' });
    expect(runs).toHaveLength(0);
    expect((await remembered())?.lastDue.getTime()).toBeLessThanOrEqual(Date.now());
  });

  test('run at each time that they name', async () => {
    const { runs, run } = countingRuns();
    await lead(EACH_SECOND, run);
    await expect.poll(() => runs.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    await expect.poll(remembered).toMatchObject({ lastOutcome: 'done', problem: null });
  });

  test('make up once for all that was due while nobody led', async () => {
    await remember(new Date(Date.now() - 10 * 86_400_000), 'noted', 0);
    const { runs, run } = countingRuns();
    await lead(NIGHTLY, run);
    await expect.poll(remembered).toMatchObject({ lastOutcome: 'done' });
    const { end, done } = await lead(NIGHTLY, run);
    await expect.poll(() => runs.length).toBe(1);
    end();
    await done;
    expect(runs).toHaveLength(1);
  });

  test.each(['infinity', '-infinity', '294276-12-31'])(
    'run where another hand wrote that they were last due at %s',
    async (written) => {
      await database.pool.query(
        "insert into schedules (name, last_due, last_outcome) values ('reconcile', $1, 'noted')",
        [written],
      );
      const { runs, run } = countingRuns();
      await lead(NIGHTLY, run);
      await expect.poll(remembered).toMatchObject({ lastOutcome: 'done' });
      expect(runs).toHaveLength(1);
    },
  );

  test('are begun by one, however many try it at the same moment', async () => {
    const due = new Date();
    const attempt = { name: 'reconcile', due };
    const winners = async (number: number) => {
      const tries = Array.from({ length: 8 }, () =>
        inTransaction(database.pool, (tx) => claim(tx, { ...attempt, attempt: number })),
      );
      return (await Promise.all(tries)).filter(Boolean).length;
    };
    expect([await winners(1), await winners(2), await winners(1)]).toEqual([1, 1, 0]);
  });

  test('are ended by the attempt that counts, not by one that was given up', async () => {
    const due = new Date();
    const first = { name: 'reconcile', due, attempt: 1 };
    await inTransaction(database.pool, (tx) => claim(tx, first));
    await inTransaction(database.pool, (tx) => claim(tx, { ...first, attempt: 2 }));
    await endAttempt(database.pool, first, null, new Date());
    expect(await remembered()).toMatchObject({ lastOutcome: 'running', lastFinishedAt: null });
    await endAttempt(database.pool, { ...first, attempt: 2 }, 'no', new Date());
    expect(await remembered()).toMatchObject({ lastOutcome: 'failed', problem: 'no' });
  });

  test('are left alone by a leader of the past', async () => {
    await remember(new Date(Date.now() - 3 * 86_400_000), 'noted', 0);
    const { runs, run } = countingRuns();
    const term = await beginTerm(database.pool, 0, 1, 'custom:42');
    if ('refused' in term) throw new Error(term.refused);
    await beginTerm(database.pool, 0, 1, 'custom:42');
    const signal = AbortSignal.timeout(20_000);
    const leadership = createLeadership(database.pool, term, () => undefined, signal);
    const [task] = schedules({ now: Date.now, observe: () => undefined }, [
      { name: 'reconcile', cron: NIGHTLY, run },
    ]);
    await task?.(leadership);
    expect(signal.aborted).toBe(false);
    expect(runs).toHaveLength(0);
    expect(await remembered()).toMatchObject({ lastOutcome: 'noted' });
  });

  test('go on with what a leader left behind', async () => {
    await remember(new Date(Date.now() - 2 * 86_400_000), 'noted', 0);
    const first = await lead(NIGHTLY, async ({ signal }) => {
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('the term is over')));
      });
    });
    await expect.poll(remembered).toMatchObject({ lastOutcome: 'running' });
    first.end();
    await first.done;
    expect(await remembered()).toMatchObject({ lastOutcome: 'running' });
    const { runs, run } = countingRuns();
    await lead(NIGHTLY, run);
    await expect.poll(remembered).toMatchObject({ lastOutcome: 'done' });
    expect(runs).toHaveLength(1);
    expect(events).toEqual([]);
  });

  test('tell what failed, and try it again after some minutes', async () => {
    await remember(new Date(Date.now() - 2 * 86_400_000), 'noted', 0);
    const { runs, run } = countingRuns();
    await lead(NIGHTLY, async (leadership) => {
      await run(leadership);
      if (runs.length === 1) throw new Error('no node answers');
    });
    await expect.poll(remembered).toMatchObject({
      lastOutcome: 'failed',
      problem: 'no node answers',
    });
    expect(events).toEqual([
      { type: 'schedule_failed', schedule: 'reconcile', reason: 'no node answers', triesLeft: 4 },
    ]);
    // Whoever leads next goes on with the same count.
    clock = () => Date.now() + 6 * 60_000;
    await lead(NIGHTLY, run);
    await expect.poll(remembered).toMatchObject({ lastOutcome: 'done', problem: null });
    expect(runs).toHaveLength(2);
  });

  test('put off what waits for something else, say so once and count no try', async () => {
    await remember(new Date(Date.now() - 2 * 86_400_000), 'noted', 0);
    const { runs, run } = countingRuns();
    let looks = 0;
    let why: string | null = 'the books are being made again';
    await lead(EACH_SECOND, run, () => {
      looks += 1;
      return Promise.resolve(why);
    });
    await expect.poll(() => looks, { timeout: 15_000 }).toBeGreaterThan(2);
    expect(events).toEqual([{ type: 'schedule_postponed', schedule: 'reconcile', reason: why }]);
    expect(runs).toHaveLength(0);
    expect(await remembered()).toMatchObject({ lastOutcome: 'noted', problem: null });
    why = null;
    await expect.poll(remembered, { timeout: 15_000 }).toMatchObject({ lastOutcome: 'done' });
    expect(events).toHaveLength(1);
  });

  test('go on after the database was away', async () => {
    await remember(new Date(Date.now() - 2 * 86_400_000), 'noted', 0);
    await database.pool.query('alter table schedules rename to schedules_away');
    const { runs, run } = countingRuns();
    const { end, done } = await lead(EACH_SECOND, run);
    await database.pool.query('alter table schedules_away rename to schedules');
    await expect.poll(() => runs.length, { timeout: 15_000 }).toBeGreaterThan(0);
    end();
    await done;
  });
});
