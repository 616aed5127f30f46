import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { withVerifyingPool } from './verifying-pool.js';

describe('connections for verifying', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  const SESSIONS = `
    select count(*)::int as all, count(*) filter (where state = 'active')::int as busy
      from pg_stat_activity where application_name like 'chain-teller verify%'
       and datname = current_database()`;
  const sessions = async () =>
    (await database.pool.query<{ all: number; busy: number }>(SESSIONS)).rows[0];
  const untilIdle = () =>
    vi.waitFor(async () => expect(await sessions()).toEqual({ all: 0, busy: 0 }), {
      timeout: 5_000,
    });

  test('are three at most, and gone afterwards', async () => {
    const end = new AbortController();
    const most = await withVerifyingPool(database.url, end.signal, async (pool) => {
      await Promise.all(Array.from({ length: 9 }, () => pool.query('select 1')));
      return (await sessions())?.all;
    });
    expect(most).toBe(3);
    await untilIdle();
  });

  test('end at once with the term, and the server stops reading', async () => {
    const end = new AbortController();
    const lost = new Error('the term is over');
    const verifying = withVerifyingPool(database.url, end.signal, (pool) =>
      Promise.all(Array.from({ length: 5 }, () => pool.query('select pg_sleep(60)'))),
    );
    const outcome = verifying.catch((error: unknown) => error);
    await vi.waitFor(async () => expect((await sessions())?.busy).toBe(3), { timeout: 5_000 });
    end.abort(lost);
    expect(await outcome).toBe(lost);
    await untilIdle();
  });

  test('are not even opened once the term is over', async () => {
    const work = vi.fn(() => Promise.resolve());
    await expect(
      withVerifyingPool(database.url, AbortSignal.abort(new Error('over')), work),
    ).rejects.toThrow('over');
    expect(work).not.toHaveBeenCalled();
  });
});
