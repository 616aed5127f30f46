import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect } from 'vitest';
import { migrate } from '../../src/database/migrate.js';
import { startEmbeddedPostgres } from '../support/embedded-postgres.js';
import { test } from './world.js';

describe('a PostgreSQL that is stopped hard and started again in mid-sync', () => {
  test('costs nothing but time: workers wait, say so, and go on where the last commit was', {
    timeout: 60_000,
  }, async ({ open, onTestFinished }) => {
    const server = await startEmbeddedPostgres({ durable: true });
    onTestFinished(() => server.close());
    await migrate(server.url);
    const pool = new pg.Pool({ connectionString: server.url });
    pool.on('error', () => undefined);
    onTestFinished(() => pool.end());
    const world = await open({ database: { url: server.url, pool } });
    const first = await world.start({ LOG_LEVEL: 'debug' });
    await first.until('leader_acquired');
    const second = await world.start({ LOG_LEVEL: 'debug' });
    const load = world.load(15);
    for (let round = 0; round < 3; round += 1) {
      await sleep(1_000);
      const from = [first.lines.length, second.lines.length];
      await server.stopHard();
      expect((await first.get('/health/ready')).body).toMatchObject({ reason: 'database' });
      expect((await second.get('/health/ready')).body).toMatchObject({ reason: 'database' });
      expect((await first.get('/health/live')).status).toBe(200);
      expect((await first.get('/status')).body).toMatchObject({ database: 'failed' });
      await sleep(500 * round);
      await server.start();
      const startedAt = performance.now();
      const { arrivedAt } = await Promise.any(
        [first, second].map((worker, i) =>
          worker.until('block_processed', {
            from: from[i] ?? 0,
            where: (line) => line.arrivedAt > startedAt,
          }),
        ),
      );
      console.log(
        `working again after PostgreSQL's return: ${Math.round(arrivedAt - startedAt)} ms`,
      );
    }
    load.stop();
    expect(await world.wrongAtTip()).toEqual([]);
    expect((await first.get('/health/ready')).status).toBe(200);
    expect((await second.get('/health/ready')).status).toBe(200);
  });
});
