import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { verifyNightly, verifyNow } from './verify-nightly.js';

describe('the nightly verification', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.pool.query(
      "insert into user_balances (user_id, unit, available) values ('ann', 'lovelace', 5), ('bob', 'lovelace', 0)",
    );
  });
  afterAll(() => database.drop());

  const setUp = (isLeader: boolean) => {
    const lines: string[] = [];
    const counts: number[] = [];
    const deps = {
      pool: database.pool,
      isLeader: () => isLeader,
      setBalanceMismatches: (count: number) => void counts.push(count),
      log: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }),
    };
    return { deps, counts, lines };
  };

  test('sets the metric and names the balance that has no entries for what it says', async () => {
    const { deps, counts, lines } = setUp(true);
    await verifyNow(deps);
    expect(counts).toEqual([1]);
    const told = lines.map((line) => JSON.parse(line) as { event: string; userId?: string });
    expect(told.map(({ event, userId }) => [event, userId])).toEqual([
      ['balance_mismatch', 'ann'],
      ['reserves_short', undefined],
      ['balances_verified', undefined],
    ]);
  });

  test('is left to the leader', async () => {
    const { deps, counts } = setUp(false);
    await verifyNow(deps);
    expect(counts).toEqual([]);
  });

  test('runs at the time that its expression names', async () => {
    const { deps, counts } = setUp(true);
    const stop = verifyNightly({ ...deps, cron: '* * * * * *' });
    await expect.poll(() => counts.length, { timeout: 5_000 }).toBeGreaterThan(0);
    await stop();
  });
});
