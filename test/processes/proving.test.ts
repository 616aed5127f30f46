import { describe, expect, vi } from 'vitest';
import { requestJob } from '../../src/reconcile/jobs/job-queries.js';
import { startAtTip } from './start-at-tip.js';
import { test, type World } from './world.js';

const BLOCKS = 1_200;
/** So many are read when whoever reads them is stopped. */
const BLOCKS_READ = 200;
/** A block every so often, so that reading them all again takes long enough to be stopped in the middle. */
const SLOW_MS = 4;
const SOON = { timeout: 40_000, interval: 20 };
const DRAIN_MS_MAX = 3_000;

/** What another hand may do to rows; the chain can tell it all. */
const SPOILED = [
  "delete from incoming_payments where user_id = 'user-0' and status <> 'rolled_back'",
  `update incoming_payments set amount_lovelace = amount_lovelace + 5000000
    where user_id = 'user-1' and status = 'confirmed'`,
  `update incoming_payments set spent_by = null, spent_height = null
    where user_id = 'user-2' and spent_by is not null`,
];

async function spoil(world: World): Promise<void> {
  for (const text of SPOILED) {
    expect((await world.pool.query(text)).rowCount, text).toBeGreaterThan(0);
  }
}

type JobNow = { readonly state: string; readonly runner: string | null; readonly height: number };
const JOB = `
  select state, runner, coalesce((progress->'at'->>'height')::int, -1) as height
    from chain_jobs order by id desc limit 1`;

const jobOf = async ({ pool }: World): Promise<JobNow | undefined> =>
  (await pool.query<JobNow>(JOB)).rows[0];

/** Waits until the latest job is as wanted. */
const untilJob = (world: World, wanted: (job: JobNow) => boolean): Promise<JobNow> =>
  vi.waitFor(async () => {
    const job = await jobOf(world);
    if (job === undefined || !wanted(job)) throw new Error(`not yet: ${JSON.stringify(job)}`);
    return job;
  }, SOON);

/** The books equal the chain, and every verb that proves them says so. */
async function expectProven(world: World): Promise<void> {
  expect(await world.wrongAtTip()).toEqual([]);
  expect(await world.teller('reconcile')).toMatchObject({ exitCode: 0 });
  const verified = await world.teller('balance', 'verify');
  expect(`${verified.exitCode} ${verified.out}${verified.err}`).toMatch(/^0 /);
}

describe('a rebuild', { timeout: 90_000 }, () => {
  test('whose leader is killed goes on with another, and then the books equal the chain', async ({
    open,
  }) => {
    const world = await open({ devnet: { blocks: BLOCKS } });
    const leader = await startAtTip(world);
    const standby = await world.start();
    await standby.until('standby');
    await spoil(world);
    world.devnet.inject({ kind: 'slow', delayMs: SLOW_MS });
    const load = world.load(100);
    const asked = world.teller('rebuild', '--from', 'origin', '--json');
    const before = await untilJob(world, ({ height }) => height > BLOCKS_READ);
    leader.signal('SIGKILL');
    await leader.exited;
    const killed = await jobOf(world);
    expect(killed).toMatchObject({ state: 'running', runner: before.runner });
    const after = await untilJob(world, ({ runner }) => runner !== before.runner);
    expect(after.height).toBeGreaterThanOrEqual(killed?.height ?? 0);
    world.devnet.heal();
    const { exitCode, out, err } = await asked;
    expect(`${exitCode} ${err}`).toMatch(/^0 /);
    expect(JSON.parse(out)).toMatchObject({ state: 'done', result: { open: 0 } });
    load.stop();
    await standby.until('leader_acquired');
    await expectProven(world);
  });

  test('that SIGTERM interrupts lets go in time, and the next run goes on with it', async ({
    open,
  }) => {
    const world = await open({ devnet: { blocks: BLOCKS } });
    const worker = await startAtTip(world);
    await spoil(world);
    world.devnet.inject({ kind: 'slow', delayMs: SLOW_MS });
    const params = { from: 'origin', dryRun: false };
    await requestJob(world.pool, { partitionId: 0, kind: 'rebuild', params, requestedBy: 'test' });
    await untilJob(world, ({ height }) => height > BLOCKS_READ);
    const askedAt = performance.now();
    worker.signal('SIGTERM');
    expect(await worker.exited).toBe(0);
    expect(performance.now() - askedAt).toBeLessThan(DRAIN_MS_MAX);
    const left = await jobOf(world);
    expect(left).toMatchObject({ state: 'running' });
    expect(left?.height).toBeLessThan(BLOCKS);

    const next = await world.start();
    const taken = await untilJob(world, ({ runner }) => runner !== left?.runner);
    expect(taken.height).toBeGreaterThanOrEqual(left?.height ?? 0);
    world.devnet.heal();
    await next.until('job_finished', { withinMs: SOON.timeout });
    await expectProven(world);
  });
});

describe('reconciling', { timeout: 60_000 }, () => {
  test('with --repair leads where nobody does, heals, and leaves the lock to the next', async ({
    open,
  }) => {
    const world = await open({ devnet: { blocks: 60 } });
    const worker = await startAtTip(world);
    worker.signal('SIGTERM');
    expect(await worker.exited).toBe(0);
    await spoil(world);
    expect(await world.teller('reconcile')).toMatchObject({ exitCode: 3 });
    const { exitCode, out, err } = await world.teller('reconcile', '--repair', '--json');
    expect(`${exitCode} ${err}`).toMatch(/^0 /);
    expect(JSON.parse(out)).toMatchObject({ run: { repair: true, open: 0 } });
    const { rows } = await world.pool.query(
      `select application_name from pg_stat_activity
        where datname = current_database() and application_name like '%leader lock%'`,
    );
    expect(rows).toEqual([]);
    const next = await world.start();
    await next.until('leader_acquired', { withinMs: 5_000 });
    world.devnet.mine();
    await expectProven(world);
  });

  test('finds nothing while blocks come and forks take back what is compared', async ({
    open,
    onTestFinished,
  }) => {
    const world = await open({ devnet: { blocks: 100 } });
    await startAtTip(world);
    // Slow enough for a fork to come between what is read of the chain and of the books.
    world.devnet.inject({ kind: 'slow', delayMs: 30 });
    const forking = setInterval(() => void world.devnet.fork(4), 500);
    onTestFinished(() => clearInterval(forking));
    for (let round = 0; round < 5; round += 1) {
      const { exitCode, out, err } = await world.teller('reconcile', '--json');
      expect(`${exitCode} ${err}`).toMatch(/^0 /);
      expect(JSON.parse(out)).toMatchObject({ run: { state: 'finished' }, discrepancies: [] });
    }
    clearInterval(forking);
    world.devnet.heal();
    await expectProven(world);
  });

  test('by its schedule happens once for each time, whoever leads', async ({ open }) => {
    const world = await open({ devnet: { blocks: 30 } });
    const schedule = {
      TZ: 'UTC',
      RECONCILE_CRON: dailyAt(secondsFromNow(15)),
      VERIFY_CRON: dailyAt(secondsFromNow(23)),
    };
    const leader = await world.start(schedule);
    await leader.until('leader_acquired');
    const standby = await world.start(schedule);
    await standby.until('standby');
    const byPlan = `select id from reconciliation_runs
       where requested_by = 'schedule' and state = 'finished'`;
    // Noted as done, not only finished: killed between the two, another leader does it once more.
    await vi.waitFor(async () => {
      const { rows } = await world.pool.query(
        "select 1 from schedules where name = 'reconcile' and last_outcome = 'done'",
      );
      expect(rows).toHaveLength(1);
    }, SOON);
    expect((await world.pool.query(byPlan)).rows).toHaveLength(1);
    leader.signal('SIGKILL');
    await standby.until('leader_acquired');
    // The next schedule is another leader's, which looks at the first one too.
    await vi.waitFor(async () => {
      const { rows } = await world.pool.query(
        'select name, attempt, last_outcome as outcome from schedules order by name',
      );
      expect(rows).toEqual([
        { name: 'reconcile', attempt: 1, outcome: 'done' },
        { name: 'verify', attempt: 1, outcome: 'done' },
      ]);
    }, SOON);
    expect((await world.pool.query(byPlan)).rows).toHaveLength(1);
  });
});

const secondsFromNow = (seconds: number): Date => new Date(Date.now() + seconds * 1_000);

/** A cron expression for that second of every day, UTC. */
const dailyAt = (time: Date): string =>
  `${time.getUTCSeconds()} ${time.getUTCMinutes()} ${time.getUTCHours()} * * *`;
