import { describe, expect, test, vi } from 'vitest';
import { enterpriseAddress } from '../support/addresses.js';
import { ADA } from '../support/follow.js';
import { openSplitWorld, SOON, SPLIT_DEPTH, type SplitWorld } from './split-world.js';

const ADDRESS = enterpriseAddress(1);
const OTHERS = enterpriseAddress(2);
const HOUR = 3_600;
const MINUTES = 60_000;

const deposit = (ada: number) => ({ address: ADDRESS, lovelace: BigInt(ada) * ADA });

/** Both chains grow by a block, and the books follow ours. */
async function both(world: SplitWorld, blocks: number): Promise<void> {
  for (let i = 0; i < blocks; i += 1) {
    world.ours.mine();
    world.theirs.mine();
    await world.followed();
  }
}

/** One chain, known to both, with a deposit that is confirmed and a payout that is not yet. */
async function before(world: SplitWorld): Promise<string> {
  const { ours, theirs } = world;
  await world.followed();
  await world.register(ADDRESS, 'ann');
  ours.payNow(deposit(10));
  for (let i = 0; i < 3; i += 1) ours.pay({ address: world.wallet, lovelace: 100n * ADA });
  for (let i = 0; i < 7; i += 1) ours.mine();
  await world.followed();
  const early = await world.ask(5);
  expect(await world.round()).toBeNull();
  ours.mine();
  await world.followed();
  theirs.join(ours.chain);
  expect(await world.look.status(early)).toBe('in_block');
  expect(await world.statuses()).toEqual({ 10: 'confirmed' });
  return early;
}

describe('a chain that runs as two for 14 hours', () => {
  test(
    'confirms and pays nothing on the losing side, and settles by itself when the other one wins',
    async () => {
      const world = await openSplitWorld({ hasWitness: true, watchesDensity: false });
      const { ours, theirs } = world;
      const early = await before(world);

      // The last payout and a deposit get into the first blocks of a chain that will lose.
      const late = await world.ask(6);
      expect(await world.round()).toBeNull();
      ours.payNow(deposit(20));
      theirs.payNow(deposit(40));
      await world.followed();
      expect(await world.look.status(late)).toBe('in_block');
      await both(world, SPLIT_DEPTH - 2);
      expect((await world.guard()).heldAt).toBeNull();
      await both(world, 1);
      await world.held('witness');
      const queued = await world.ask(7);
      expect(await world.round()).toBe('chain_held');

      // 14 hours, and most pools are on the other side.
      for (let hour = 0; hour < 14; hour += 1) {
        ours.drift({ slots: HOUR, share: 0.7 });
        await world.followed();
      }
      expect(await world.statuses()).toEqual({ 10: 'confirmed', 20: 'pending' });
      expect(await world.look.status(early)).toBe('in_block');
      expect(await world.look.status(late)).toBe('in_block');
      expect(await world.look.status(queued)).toBe('queued');
      expect(await world.round()).toBe('chain_held');
      expect(await world.balance('ann')).toEqual({ available: '10000000', pending: '20000000' });

      const lost = ours.join(theirs.chain);
      ours.chain.forgetOrphans();
      expect(lost).toBeGreaterThan(600);
      await world.followed();
      // The witness follows the same chain now: confirming and paying go on.
      await world.held();
      ours.mine();
      await world.followed();
      theirs.join(ours.chain);
      expect(await world.statuses()).toEqual({
        10: 'confirmed',
        20: 'rolled_back',
        40: 'confirmed',
      });
      expect(await world.balance('ann')).toEqual({ available: '50000000', pending: '0' });
      expect(await world.look.status(early)).toBe('confirmed');

      // What was in a block of the loser, and what waited, is paid on the winner, once.
      await vi.waitFor(async () => {
        await world.round();
        for (let i = 0; i < 20; i += 1) ours.mine();
        await world.followed();
        expect(await world.look.status(late)).toBe('confirmed');
        expect(await world.look.status(queued)).toBe('confirmed');
      }, SOON);
      for (const id of [early, late, queued]) expect(await world.look.paid(id)).toBe(1);
      expect(await world.look.broken()).toEqual([]);

      const audited = await world.query(
        "select action, actor, details -> 'reason' ->> 'kind' as kind from audit_log where action like 'guard.%' order by id",
      );
      expect(audited).toEqual(
        expect.arrayContaining([
          { action: 'guard.held', actor: 'chain', kind: 'witness' },
          { action: 'guard.held', actor: 'chain', kind: 'rollback' },
          { action: 'guard.released', actor: 'chain', kind: 'witness' },
          { action: 'guard.released', actor: 'chain', kind: 'rollback' },
        ]),
      );
      expect(world.told.map(({ type }) => type)).toEqual(
        expect.arrayContaining(['chain_guard_held', 'chain_guard_released']),
      );
    },
    5 * MINUTES,
  );

  test(
    'is noticed without any witness: by thin hours, and by the rollback that ends it',
    async () => {
      const world = await openSplitWorld({ hasWitness: false, watchesDensity: true });
      const { ours, theirs } = world;
      await world.followed();
      await world.register(ADDRESS, 'ann');
      // A healthy day's beginning, so that there is a window to look at.
      ours.drift({ slots: 2 * HOUR, share: 0 });
      await world.followed();
      theirs.join(ours.chain);
      expect((await world.guard()).heldAt).toBeNull();

      ours.drift({ slots: HOUR, share: 0.7 });
      await world.followed();
      await world.held('density');
      ours.payNow(deposit(20));
      ours.drift({ slots: HOUR, share: 0.7 });
      await world.followed();
      expect(await world.statuses()).toEqual({ 20: 'pending' });

      theirs.payNow(deposit(40));
      theirs.payNow({ address: OTHERS, lovelace: ADA });
      ours.join(theirs.chain);
      ours.chain.forgetOrphans();
      await world.followed();
      const rollbacks = await world.query(
        "select 1 from audit_log where action = 'guard.held' and details -> 'reason' ->> 'kind' = 'rollback'",
      );
      expect(rollbacks).toHaveLength(1);
      // The winner leads by far, so that the rollback itself holds no longer; the thin hours do.
      await world.held('density');
      ours.drift({ slots: HOUR / 2, share: 0 });
      await world.followed();
      expect(await world.statuses()).toEqual({ 20: 'rolled_back', 40: 'pending' });

      // A whole healthy hour later nothing speaks against the chain any more.
      ours.drift({ slots: 3 * HOUR, share: 0 });
      await world.followed();
      await world.held();
      ours.mine();
      await world.followed();
      expect(await world.statuses()).toEqual({ 20: 'rolled_back', 40: 'confirmed' });
      expect(await world.balance('ann')).toEqual({ available: '40000000', pending: '0' });
    },
    5 * MINUTES,
  );
});
