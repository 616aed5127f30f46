import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, vi } from 'vitest';
import { hasRedis, startRedis, type TestRedis } from '../support/redis-server.js';
import type { Promised } from './payout-truth.js';
import { ask, type PayoutWorld, promise, SOON, test } from './payout-world.js';
import type { WorkerProcess } from './worker-process.js';

const PAYOUTS = 200;
const CLIENTS = 6;
const USERS = 4;
const KILLS = 8;
/** So that asking lasts about as long as killing does. */
const ASK_AGAIN_MS_MAX = 1_800;

/** Workers that are killed and replaced; a client finds one that lives, or asks again later. */
type Crew = { readonly any: () => WorkerProcess; readonly killOne: () => Promise<void> };

async function hire(world: PayoutWorld, environment: Record<string, string>): Promise<Crew> {
  const workers = [await world.start(environment), await world.start(environment)];
  return {
    any: () => {
      const worker = workers[Math.floor(Math.random() * workers.length)];
      if (worker === undefined) throw new Error('there are always two');
      return worker;
    },
    killOne: async () => {
      const place = Math.floor(Math.random() * workers.length);
      workers[place]?.signal('SIGKILL');
      await workers[place]?.exited;
      workers[place] = await world.start(environment);
    },
  };
}

/** Until it is accepted, and then now and then again: it is the same payout each time. */
async function insist(crew: Crew, promised: Promised, ids: Map<string, string>): Promise<void> {
  const { destination } = promised;
  for (let answered = 0; answered < 2; ) {
    const answer = await ask(crew.any(), promised).catch(() => null);
    if (answer === null) {
      await sleep(50);
      continue;
    }
    const { status, payout } = answer;
    // Who died in the middle may have accepted it: then the first answer is of the second asking.
    if (status !== 200 && status !== 201) throw new Error(JSON.stringify(answer));
    if (answered > 0) expect(status).toBe(200);
    expect(payout).toMatchObject({
      id: ids.get(destination) ?? payout.id,
      destinationAddress: destination,
      amountLovelace: promised.lovelace.toString(),
    });
    ids.set(destination, payout.id);
    answered += 1;
  }
}

async function payWhileKilled(world: PayoutWorld, environment: Record<string, string>) {
  const crew = await hire(world, environment);
  const all = Array.from({ length: PAYOUTS }, (_, i) =>
    promise(i, i % 3 === 0 ? null : `user-${i % USERS}`),
  );
  await vi.waitFor(async () => expect(await world.deposited()).toBe(USERS), SOON);
  const waiting = [...all];
  const ids = new Map<string, string>();
  const clients = Array.from({ length: CLIENTS }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await insist(crew, next, ids);
      await sleep(Math.random() * ASK_AGAIN_MS_MAX);
    }
  });
  const killing = (async () => {
    for (let kills = 0; kills < KILLS; kills += 1) {
      await sleep(200 + Math.random() * 1_500);
      await crew.killOne();
    }
  })();
  await Promise.all([...clients, killing]);
  expect(new Set(ids.values()).size).toBe(PAYOUTS);
  const begun = performance.now();
  await vi.waitFor(async () => expect(await world.statuses()).toEqual({ confirmed: PAYOUTS }), {
    timeout: 75_000,
    interval: 250,
  });
  console.log(
    `${KILLS} kills; all confirmed ${Math.round(performance.now() - begun)} ms after the last`,
  );
  // Answers are the same for good.
  for (const one of all.slice(0, 20)) await insist(crew, one, ids);
  await world.expectAllRight(all);
}

const redisIsHere = await hasRedis();
const SETTINGS = { PAYOUT_BATCH_MAX: '12' };

describe.concurrent('200 payouts while workers are killed again and again', {
  timeout: 160_000,
}, () => {
  test('on PostgreSQL alone are each paid once', async ({ open }) => {
    const world = await open({ users: USERS, devnet: { blockTimeMs: 250 } });
    await payWhileKilled(world, SETTINGS);
  });

  test.skipIf(!redisIsHere)(
    'on a Redis that is flushed and stopped are each paid once',
    async ({ open, onTestFinished }) => {
      const redis = await startRedis();
      onTestFinished(() => redis.close());
      const world = await open({ users: USERS, devnet: { blockTimeMs: 250 } });
      const trouble = troubleOf(redis);
      await payWhileKilled(world, { ...SETTINGS, REDIS_URL: redis.url }).finally(trouble.end);
    },
  );
});

/** Flushed, flushed, gone for a while, and again. */
function troubleOf(redis: TestRedis): { readonly end: () => Promise<void> } {
  const over = new AbortController();
  const pause = (ms: number) =>
    sleep(ms, undefined, { signal: over.signal }).catch(() => undefined);
  const going = (async () => {
    while (!over.signal.aborted) {
      await pause(700);
      await redis.flush();
      await pause(900);
      await redis.flush();
      await redis.stop();
      await pause(1_200);
      await redis.start();
    }
  })();
  return {
    end: async () => {
      over.abort();
      await going;
    },
  };
}
