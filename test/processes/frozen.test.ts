import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { startDatabaseProxy } from './database-proxy.js';
import { test, type World } from './world.js';

/** The contract's bound for a leader that froze. */
const FROZEN_TAKEOVER_MS_MAX = 20_000;

const epochOf = async ({ pool }: World): Promise<number> => {
  const { rows } = await pool.query<{ epoch: string }>(
    'select leader_epoch as epoch from sync_state',
  );
  return Number(rows[0]?.epoch);
};

/** Notes the epoch after every commit that moved the cursor or the epoch. */
function watchEpochs(world: World): { readonly end: () => Promise<readonly number[]> } {
  const seen: number[] = [];
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      seen.push(await epochOf(world));
      await sleep(20);
    }
  })();
  return {
    end: async () => {
      over.abort();
      await watching;
      return seen;
    },
  };
}

describe.concurrent('a leader that loses its lock without knowing', { timeout: 60_000 }, () => {
  test('frozen in mid-load is replaced within 20 s, and thawed commits nothing any more', async ({
    open,
  }) => {
    const world = await open();
    const leader = await world.start({ LOG_LEVEL: 'debug' });
    await leader.until('leader_acquired');
    const standby = await world.start();
    const load = world.load(25);
    await leader.until('block_processed', { from: leader.lines.length });
    const epochs = watchEpochs(world);
    const frozenAt = performance.now();
    leader.signal('SIGSTOP');
    const { arrivedAt } = await standby.until('leader_acquired', { withinMs: 25_000 });
    console.log(`takeover after a freeze: ${Math.round(arrivedAt - frozenAt)} ms`);
    expect(arrivedAt - frozenAt).toBeLessThan(FROZEN_TAKEOVER_MS_MAX);
    await sleep(1_000);

    const thawedAt = leader.lines.length;
    leader.signal('SIGCONT');
    await leader.until('leader_lost', { from: thawedAt });
    await leader.until('standby', { from: thawedAt });
    await sleep(2_000);
    load.stop();
    const worked = leader.lines.slice(thawedAt).filter((line) => line.event === 'block_processed');
    expect(worked).toEqual([]);
    expect(await world.wrongAtTip()).toEqual([]);
    const seen = await epochs.end();
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect([...new Set(seen)]).toEqual([1, 2]);
    expect((await leader.get('/health/ready')).body).toMatchObject({ role: 'standby' });
    expect((await leader.get('/status')).body).toMatchObject({ role: 'standby', leaderEpoch: 2 });
  });

  test('cut off from the database is replaced within 20 s, and stands by when it is back', async ({
    open,
    onTestFinished,
  }) => {
    const world = await open();
    const proxy = await startDatabaseProxy(world.url);
    onTestFinished(() => proxy.close());
    const leader = await world.start({ DATABASE_URL: proxy.url, LOG_LEVEL: 'debug' });
    await leader.until('leader_acquired');
    const standby = await world.start();
    const load = world.load(25);
    await leader.until('block_processed', { from: leader.lines.length });
    const cutAt = performance.now();
    proxy.cut();
    const { arrivedAt } = await standby.until('leader_acquired', { withinMs: 25_000 });
    console.log(`takeover after a cut: ${Math.round(arrivedAt - cutAt)} ms`);
    expect(arrivedAt - cutAt).toBeLessThan(FROZEN_TAKEOVER_MS_MAX);
    expect((await leader.get('/health/ready')).body).toMatchObject({ reason: 'database' });
    // Nobody tells the old leader that its connections are dead: it has to find out.
    await leader.until('leader_lost', { withinMs: 25_000 });
    const from = leader.lines.length;
    proxy.mend();
    await leader.untilReadiness('ready');
    load.stop();
    expect(leader.lines.slice(from).filter((line) => line.event === 'block_processed')).toEqual([]);
    expect(await world.wrongAtTip()).toEqual([]);
    expect((await leader.get('/status')).body).toMatchObject({ role: 'standby', leaderEpoch: 2 });
  });

  test('whose term another one ended commits nothing more, though its lock is still its own', async ({
    open,
  }) => {
    const world = await open();
    const leader = await world.start({ LOG_LEVEL: 'debug' });
    expect(await world.wrongAtTip()).toEqual([]);
    const at = await world.cursor();
    const successor = await world.pool.connect();
    try {
      await successor.query('begin');
      await successor.query(BEGIN_ANOTHER_TERM);
      const from = leader.lines.length;
      world.devnet.mine();
      // The leader's own UPDATE waits for the row by now, or will: either way it comes too late.
      await sleep(500);
      await successor.query('commit');
      const { reason } = await leader.until('leader_lost', { from });
      expect(reason).toContain('no longer leads');
      const lost = leader.lines.findIndex((line) => line.event === 'leader_lost');
      const before = leader.lines.slice(from, lost);
      expect(before.filter((line) => line.event === 'block_processed')).toEqual([]);
      expect(before.some((line) => String(line.cursor).includes(String(at)))).toBe(false);
    } finally {
      successor.release(true);
    }
    expect(await world.wrongAtTip()).toEqual([]);
    expect(await epochOf(world)).toBe(3);
  });

  test('whose lock session is ended steps down at once while it works', async ({ open }) => {
    const world = await open();
    const first = await world.start({ LOG_LEVEL: 'debug' });
    await first.until('leader_acquired');
    const second = await world.start({ LOG_LEVEL: 'debug' });
    const load = world.load(10);
    const workers = [first, second];
    for (let round = 0; round < 5; round += 1) {
      await sleep(700);
      const from = workers.map((worker) => worker.lines.length);
      const { rowCount } = await world.pool.query(END_LOCK_HOLDER);
      expect(rowCount).toBe(1);
      // Whoever asks first leads next; it may be the same one again.
      const lost = await Promise.any(
        workers.map((worker, i) => worker.until('leader_lost', { from: from[i] ?? 0 })),
      );
      const won = await Promise.any(
        workers.map((worker, i) => worker.until('leader_acquired', { from: from[i] ?? 0 })),
      );
      expect(Number(won.epoch)).toBe(Number(lost.epoch) + 1);
    }
    load.stop();
    expect(await world.wrongAtTip()).toEqual([]);
    expect(await epochOf(world)).toBe(6);
  });
});

const BEGIN_ANOTHER_TERM = `
  update sync_state set leader_epoch = leader_epoch + 1, leader_token = gen_random_uuid()`;
const END_LOCK_HOLDER = `
  select pg_terminate_backend(pid) from pg_locks
   where locktype = 'advisory' and granted and mode = 'ExclusiveLock' and classid = x'6c656164'::int::oid
     and database = (select oid from pg_database where datname = current_database())`;
