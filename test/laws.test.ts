import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeAddress } from '../src/devnet/address.js';
import { createChain, type DevnetChain } from '../src/devnet/chain.js';
import { createRandom, type Random } from '../src/devnet/random.js';
import { createSession } from '../src/devnet/session.js';
import { chainSource } from '../src/devnet/source.js';
import { checkDigest } from '../src/payments/digest/check-digest.js';
import type { Follower } from '../src/sync/follower.js';
import { createTestDatabase } from './support/database.js';
import { emptyTables, followerOn } from './support/follow.js';
import type { TestDatabase } from './support/test-databases.js';

/** What the chain makes of the books, however it got there: no times, no history. */
const FACTS = `
  select json_build_object(
    'cursor', (select json_build_array(last_slot, last_block_hash, last_block_height) from sync_state),
    'blocks', (select json_agg(json_build_array(height, hash, slot) order by height) from blocks),
    'payments', (select json_agg(json_build_array(tx_hash, output_index, address, user_id, amount_lovelace,
        assets, status, required_confirmations, block_hash, block_height, slot, tx_position, spent_by, spent_height)
        order by tx_hash, output_index) from incoming_payments where status <> 'rolled_back'),
    'wallet', (select json_agg(w order by tx_hash, output_index) from wallet_outputs w),
    'digest', (select json_agg(d order by height) from state_digests d),
    'balances', (select json_agg(b order by user_id, unit) from user_balances b
        where (available, held, pending) <> (0, 0, 0))
  )::text as dump`;

/** Every row as it was written, in order, without times. */
const ROWS = `
  select json_build_object(
    'payments', (select json_agg(to_jsonb(p) - 'detected_at' - 'confirmed_at' order by tx_hash, output_index)
        from incoming_payments p),
    'entries', (select json_agg(to_jsonb(e) - 'created_at' order by id) from balance_transactions e),
    'events', (select json_agg(json_build_array(id, type, event_key, data - 'detectedAt' - 'confirmedAt') order by id)
        from outbox)
  )::text as dump`;

const SEEDS = [11, 12, 13, 14, 15, 16, 17, 18];

describe('laws of the books', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  /** A fresh database with the same addresses registered, and a follower on it. */
  const fresh = async (world: World): Promise<Follower> => {
    await emptyTables(database.pool);
    await database.pool.query(
      `insert into payment_addresses (address, partition_id, user_id)
       select address, 0, 'user-' || ord % 3 from unnest($1::text[]) with ordinality as a (address, ord)`,
      [world.deposits],
    );
    return followerOn(database.pool, world.hotWallet);
  };
  /** The stored digest always is what the live tables make of it. */
  const dump = async (sql: string): Promise<unknown> => {
    const check = await checkDigest(database.pool, 0);
    expect(check).toMatchObject({ firstDifference: null, stored: check.recomputed });
    expect(check.blocks).toBeGreaterThan(0);
    const { rows } = await database.pool.query<{ dump: string }>(sql);
    return JSON.parse(rows[0]!.dump);
  };

  test.each(SEEDS)(
    'forward, then back, then on equals never having been there (seed %i)',
    async (seed) => {
      const world = createWorld(seed);
      const { chain, random } = world;
      for (let i = 0; i < 30; i += 1) chain.mine('random');
      const common = random.between(5, 29);
      const detour = await fresh(world);
      await detour.apply(framesFrom(chain, 0));
      chain.rollBack(30 - common);
      // Beyond the deepest confirmation, so that what was confirmed on the way is confirmed anyway.
      for (let i = 0; i < 36; i += 1) chain.mine('random');
      const back = [backward(chain, common), ...framesFrom(chain, common)];
      for (const frame of back) await detour.apply([frame]);
      const detoured = await dump(FACTS);
      const straight = await fresh(world);
      await straight.apply(framesFrom(chain, 0));
      expect(detoured).toEqual(await dump(FACTS));
    },
  );

  test.each(SEEDS)('restarts and repeated answers equal the clean run (seed %i)', async (seed) => {
    const world = createWorld(seed);
    const { chain, random } = world;
    for (let i = 0; i < 40; i += 1) chain.mine('random');
    const clean = await fresh(world);
    await clean.apply(framesFrom(chain, 0));
    const [facts, rows] = [await dump(FACTS), await dump(ROWS)];
    let follower = await fresh(world);
    for (let at = 0; at < 40; ) {
      // A node begins every session with a step back to where we are.
      const repeated = [backward(chain, at), backward(chain, at)];
      const many = random.between(1, 9);
      await follower.apply([...repeated, ...framesFrom(chain, at).slice(0, many)]);
      at += many;
      follower = await followerOn(database.pool, world.hotWallet);
    }
    expect(await dump(FACTS)).toEqual(facts);
    expect(await dump(ROWS)).toEqual(rows);
  });

  test.each(SEEDS)(
    'the batch gear writes what the tip gear writes, row for row (seed %i)',
    async (seed) => {
      const world = createWorld(seed);
      for (let i = 0; i < 60; i += 1) world.chain.mine('random');
      const frames = framesFrom(world.chain, 0);
      const batched = await fresh(world);
      await batched.apply(frames);
      const [facts, rows] = [await dump(FACTS), await dump(ROWS)];
      const single = await fresh(world);
      for (const frame of frames) await single.apply([frame]);
      expect(await dump(FACTS)).toEqual(facts);
      expect(await dump(ROWS)).toEqual(rows);
    },
  );
});

type World = {
  readonly chain: DevnetChain;
  readonly random: Random;
  readonly deposits: readonly string[];
  readonly hotWallet: string;
};

function createWorld(seed: number): World {
  const random = createRandom(`laws ${seed}`);
  const address = (): string => makeAddress('base', 42, random.bytes(28), random.bytes(28));
  const deposits = Array.from({ length: 8 }, address);
  const hotWallet = address();
  const content = {
    watched: [hotWallet, ...deposits],
    watchedShare: 0.5,
    transactions: { least: 0, most: 4 },
    failedShare: 0.15,
  };
  return { chain: createChain({ seed, networkMagic: 42, content }), random, deposits, hotWallet };
}

/** The node's answers for all blocks above the first `count` of the best chain. */
function framesFrom(chain: DevnetChain, count: number): string[] {
  const session = createSession(chainSource(chain), { version: 6 });
  const point = count === 0 ? 'origin' : chain.blocks()[count - 1]!.point;
  session.handle(
    JSON.stringify({ jsonrpc: '2.0', method: 'findIntersection', params: { points: [point] } }),
  );
  const ask = (): string => session.handle('{"jsonrpc":"2.0","method":"nextBlock"}')[0]!;
  ask();
  return chain.blocks().slice(count).map(ask);
}

function backward(chain: DevnetChain, count: number): string {
  const point = count === 0 ? 'origin' : chain.blocks()[count - 1]!.point;
  const result = { direction: 'backward', point, tip: chain.tip };
  return JSON.stringify({ jsonrpc: '2.0', method: 'nextBlock', result, id: null });
}
