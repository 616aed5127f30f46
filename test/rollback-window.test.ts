import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readHeaderGap } from '../src/reconcile/compare/header-queries.js';
import { ChainRefused, type Follower } from '../src/sync/follower.js';
import { createTestDatabase } from './support/database.js';
import { emptyTables, followerOn } from './support/follow.js';
import type { TestDatabase } from './support/test-databases.js';

const K = 2160;
const ADDRESS = 'addr_test1vpfwv0ezc5g8a4mkku8hhy3y3vp92t7s3ul8g778g5yegsgalc6gc';

const hash = (height: number, fork = 0): string =>
  `${fork}${height}`.padStart(64, 'a').replace(/a/g, '0');
const pointOf = (height: number, fork = 0) => ({ slot: height * 20, id: hash(height, fork) });
const answer = (result: unknown): string =>
  JSON.stringify({ jsonrpc: '2.0', method: 'nextBlock', result });

/** Blocks without transactions, except for one payment in the block at height 10. */
function blocks(from: number, to: number, fork = 0, parent = hash(from - 1)): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => {
    const height = from + i;
    const value = { ada: { lovelace: 5_000_000 } };
    const payment = {
      id: 'b'.repeat(64),
      spends: 'inputs',
      inputs: [],
      outputs: [{ address: ADDRESS, value }],
    };
    return answer({
      direction: 'forward',
      tip: { ...pointOf(to, fork), height: to },
      block: {
        type: 'praos',
        era: 'conway',
        ...pointOf(height, fork),
        ancestor: i === 0 ? parent : hash(height - 1, fork),
        height,
        transactions: height === 10 ? [payment] : [],
      },
    });
  });
}
const back = (point: unknown): string => answer({ direction: 'backward', point, tip: 'origin' });

describe('the rollback window', () => {
  let database: TestDatabase;
  let follower: Follower;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  beforeEach(async () => {
    await emptyTables(database.pool);
    await database.pool.query(
      "insert into payment_addresses (address, partition_id, user_id) values ($1, 0, 'ann')",
      [ADDRESS],
    );
    follower = await followerOn(database.pool, null);
  });
  afterAll(() => database.drop());

  const one = async (sql: string): Promise<unknown> =>
    Object.values((await database.pool.query<Record<string, unknown>>(sql)).rows[0] ?? {})[0];
  const available = () => one('select available::int from user_balances');

  test('keeps every header within k, prunes beyond it, and leaves sparse checkpoints', async () => {
    await follower.apply(blocks(1, 4_500));
    const stored = Number(await one('select count(*) from blocks'));
    expect(stored).toBeGreaterThan(K);
    expect(stored).toBeLessThanOrEqual(K + 101);
    expect(
      await one('select array_agg(height::int order by height) from block_checkpoints'),
    ).toEqual([1000, 2000]);
  });

  test('what is pruned isn’t missing, nor what a rollback took away; what another hand deleted is', async () => {
    for (const height of [K + 99, K + 100, 4_500]) {
      const from = Number((await one('select last_block_height from sync_state')) ?? 0) + 1;
      await follower.apply(blocks(from, height));
      expect(await readHeaderGap(database.pool, 0)).toBeNull();
    }
    const tip = { ...pointOf(4_501, 1), height: 4_501 };
    await follower.apply([answer({ direction: 'backward', point: pointOf(2_400), tip })]);
    expect(await readHeaderGap(database.pool, 0)).toBeNull();
    await follower.apply(blocks(2_401, 4_501, 1, hash(2_400)));
    expect(await readHeaderGap(database.pool, 0)).toBeNull();
    await database.pool.query('delete from blocks where height < 2800');
    expect(await readHeaderGap(database.pool, 0)).toEqual({
      from: 4_501 - K,
      below: { hash: hash(2_800, 1), height: 2_800 },
    });
  });

  test('two rollbacks, each within k, are not let down to where headers were pruned', async () => {
    await follower.apply(blocks(1, 4_500));
    await follower.apply([back(pointOf(2_400))]);
    expect(await one('select last_block_height::int from sync_state')).toBe(2_400);
    await expect(follower.apply([back('origin')])).rejects.toBeInstanceOf(ChainRefused);
    await expect(follower.apply([back(pointOf(100))])).rejects.toBeInstanceOf(ChainRefused);
    expect(await one('select last_block_height::int from sync_state')).toBe(2_400);
    expect(await available()).toBe(5_000_000);
  });

  test('origin is refused after more than k blocks, also where nothing was pruned yet', async () => {
    await follower.apply(blocks(1, K + 40));
    await expect(follower.apply([back('origin')])).rejects.toBeInstanceOf(ChainRefused);
    expect(await available()).toBe(5_000_000);
  });

  test('within k, origin undoes everything, and the other chain is followed from there', async () => {
    await follower.apply(blocks(1, 50));
    expect(await available()).toBe(5_000_000);
    await follower.apply([back('origin')]);
    expect(await available()).toBe(0);
    expect(await one('select status from incoming_payments')).toBe('rolled_back');
    expect(
      await one(
        "select json_build_array(action, entity_id, actor, details->>'userId') from audit_log",
      ),
    ).toEqual(['payment.reversed', `${'b'.repeat(64)}#0`, 'chain', 'ann']);
    await follower.apply(blocks(1, 60, 7, 'genesis'));
    expect(await available()).toBe(5_000_000);
    expect(await one('select inclusion from incoming_payments')).toBe(2);
    expect(await one('select count(*)::int from blocks')).toBe(60);
  });
});
