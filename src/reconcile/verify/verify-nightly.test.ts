import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { verifyNow } from './verify-nightly.js';

describe('the nightly verification', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.pool.query(
      "insert into user_balances (user_id, unit, available) values ('ann', 'lovelace', 5), ('bob', 'lovelace', 0)",
    );
  });
  afterAll(() => database.drop());

  const setUp = () => {
    const lines: string[] = [];
    const counts: number[] = [];
    const deps = {
      pool: database.pool,
      setBalanceMismatches: (count: number) => void counts.push(count),
      log: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }),
    };
    return { deps, counts, lines };
  };

  test('sets the metric and names the balance that has no entries for what it says', async () => {
    const { deps, counts, lines } = setUp();
    await verifyNow(deps);
    expect(counts).toEqual([1]);
    const told = lines.map((line) => JSON.parse(line) as { event: string; userId?: string });
    expect(told.map(({ event, userId }) => [event, userId])).toEqual([
      ['balance_mismatch', 'ann'],
      ['reserves_short', undefined],
      ['balances_verified', undefined],
    ]);
  });

  test('tells of each mismatch once a day', async () => {
    await verifyNow(setUp().deps);
    await verifyNow(setUp().deps);
    const { rows } = await database.pool.query<{ data: { userId: string } }>(
      "select data from outbox where type = 'balance.mismatch'",
    );
    expect(rows.map(({ data }) => data.userId)).toEqual(['ann']);
  });

  test('fails where the books can’t be read, so that it is tried again', async () => {
    const gone = await createTestDatabase();
    await gone.drop();
    await expect(verifyNow({ ...setUp().deps, pool: gone.pool })).rejects.toThrow();
  });
});
