import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { createTestDatabase } from '../../../test/support/database.js';
import {
  blockByBlock,
  emptyBooks,
  expectLedger,
  expectProven,
  followedChain,
  Killed,
  rebuildInLives,
  untilFollowed,
} from '../../../test/support/rebuilding.js';
import type { Height, Slot } from '../../chain/point.js';
import { PlaceUnknown } from '../../sync/chain-view.js';
import type { Cursor } from '../../sync/events.js';
import { knownPlaces } from './known-places.js';
import { RebuildImpossible } from './rebuild-parts.js';
import { startLost } from './start-lost.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() => emptyBooks(pool));

const ANN_OWNS = { userId: 'ann', addresses: [enterpriseAddress(1), enterpriseAddress(2)] };

describe('a rebuild that is killed while a fork comes', () => {
  test('keeps nothing of the blocks that it had read, though the books are on the fork already', async () => {
    const { net, hotWallet, deps, lead } = await followedChain(database, ANN_OWNS);
    const tip = Number(net.chain.blocks().at(-1)?.height);
    let isForked = false;
    const chain = blockByBlock(deps.chain, async (height) => {
      if (height < tip - 1 || isForked) return;
      isForked = true;
      net.fork(10, { comeBack: 'none' });
      await untilFollowed(pool, net);
      throw new Killed('killed');
    });
    const params = { from: 'origin' };
    const ever = () => Number.POSITIVE_INFINITY;
    const { lives, job } = await rebuildInLives({ ...deps, chain }, lead, params, ever);
    expect(lives).toBe(2);
    expect(job.result).toMatchObject({ differences: {}, open: 0, digest: { equal: true } });
    await expectLedger(pool, net, [...ANN_OWNS.addresses, hotWallet]);
    await expectProven(pool);
  });
});

describe('a rebuild whose block to begin at is taken away by a fork', () => {
  const IMPOSSIBLE =
    /rolled back.*below \d+\.[0-9a-f]{64}, .*: ask for a rebuild from further back/;

  async function beginsAbove(forked: 'while it reads' | 'while nobody works on it') {
    const { net, deps, lead } = await followedChain(database, ANN_OWNS);
    const [, , , begin] = [...net.chain.blocks()].reverse();
    if (begin === undefined) throw new Error('a chain has blocks');
    let isForked = false;
    const chain = blockByBlock(deps.chain, async () => {
      if (isForked) return;
      isForked = true;
      net.fork(10, { comeBack: 'none' });
      if (forked === 'while it reads') return;
      await untilFollowed(pool, net);
      throw new Killed('killed');
    });
    const params = { from: `${begin.slot}.${begin.id}` };
    return rebuildInLives({ ...deps, chain }, lead, params, () => Number.POSITIVE_INFINITY);
  }

  test.each(['while it reads', 'while nobody works on it'] as const)(
    'ends at once, %s, and says what to do',
    async (forked) => {
      const error: unknown = await beginsAbove(forked).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RebuildImpossible);
      expect(error).toMatchObject({ message: expect.stringMatching(IMPOSSIBLE) as string });
    },
  );

  test.each([0, 1_000])(
    'is tried again where the books have that block, or are not there yet: %d slots on',
    async (slots) => {
      const { net } = await followedChain(database, ANN_OWNS);
      const [tip] = [...net.chain.blocks()].reverse();
      if (tip === undefined) throw new Error('a chain has blocks');
      const id = slots === 0 ? tip.id : 'f'.repeat(64);
      const from = { point: { slot: (tip.slot + slots) as Slot, id }, height: null };
      const behind = new PlaceUnknown('the node knows none of the places to read from');
      expect(await startLost(pool, 0, from, behind)).toBe(behind);
    },
  );

  test('is tried again where another hand deleted the header that would tell', async () => {
    const { net } = await followedChain(database, ANN_OWNS);
    const [, , , block, below] = [...net.chain.blocks()].reverse();
    if (block === undefined || below === undefined) throw new Error('a chain has blocks');
    const behind = new PlaceUnknown('the node knows none of the places to read from');
    const lostAt = (id: string) =>
      startLost(pool, 0, { point: { slot: block.slot, id }, height: null }, behind);
    await pool.query('delete from blocks where hash = $1', [block.id]);
    expect(await lostAt(block.id)).toBe(behind);
    // As long as one isn't there that says which block came after which, any may have been it.
    expect(await lostAt('f'.repeat(64))).toBe(behind);
    await pool.query('delete from blocks where hash = $1', [below.id]);
    expect(await lostAt(block.id)).toBe(behind);
  });

  test('ends at once where the books passed it by, whatever headers are missing elsewhere', async () => {
    const { net } = await followedChain(database, ANN_OWNS);
    const [, , , block] = [...net.chain.blocks()].reverse();
    if (block === undefined) throw new Error('a chain has blocks');
    await pool.query('delete from blocks where height = 3');
    const behind = new PlaceUnknown('the node knows none of the places to read from');
    for (const slot of [block.slot, block.slot - 1]) {
      const from = { point: { slot: slot as Slot, id: 'f'.repeat(64) }, height: null };
      expect(await startLost(pool, 0, from, behind)).toBeInstanceOf(RebuildImpossible);
    }
  });
});

describe('a rebuild goes on', () => {
  const hashOf = (height: number): string => height.toString(16).padStart(64, '0');
  const placeAt = (height: number, hash = hashOf(height)): Cursor => ({
    point: { slot: (height * 20) as Slot, id: hash },
    height: height as Height,
  });
  const heightsOffered = async (from: Cursor, at: Cursor): Promise<(number | null)[]> =>
    (await knownPlaces(pool, 0, { from, at })).map(({ height }) => height);

  beforeEach(async () => {
    await pool.query(
      "insert into sync_state (partition_id, total_partitions, network) values (0, 1, 'preprod')",
    );
    await pool.query(
      `insert into blocks (partition_id, height, hash, slot)
       select 0, height, lpad(to_hex(height), 64, '0'), height * 20 from generate_series(2000, 5000) as height`,
    );
    await pool.query(
      `insert into block_checkpoints (partition_id, height, hash, slot)
       select 0, height, lpad(to_hex(height), 64, '0'), height * 20 from generate_series(0, 5000, 1000) as height`,
    );
  });

  test('from any block of the books that was below where it was', async () => {
    const offered = await heightsOffered(placeAt(100), placeAt(4500));
    expect(offered.slice(0, 4)).toEqual([4500, 4499, 4498, 4497]);
    expect(offered).toContain(4000);
    expect(offered.at(-1)).toBe(100);
  });

  test('from no block of another fork: only from those so deep that there is but one', async () => {
    const orphan = placeAt(4500, 'f'.repeat(64));
    expect(await heightsOffered(placeAt(100), orphan)).toEqual([4500, 2340, 2000, 1000, 100]);
  });

  test('from where it began, where that is all that it read', async () => {
    const orphan = placeAt(4500, 'f'.repeat(64));
    expect(await heightsOffered(placeAt(4400), orphan)).toEqual([4500, 4400]);
    expect(await heightsOffered(orphan, orphan)).toEqual([4500]);
  });
});
