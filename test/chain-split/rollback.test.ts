import { describe, expect, test } from 'vitest';
import { openSplitWorld, ROLLBACK_DEPTH, type SplitWorld } from './split-world.js';

const MINUTES = 60_000;
const DEPTH = ROLLBACK_DEPTH + 15;
/** More than are needed to believe anything. */
const CHECKS = 6;

const released = (world: SplitWorld): Promise<unknown[]> =>
  world.query("select 1 from audit_log where action = 'guard.released'");

/** Both nodes have the same 60 blocks and more, and the witness has vouched for them. */
async function agreed(): Promise<SplitWorld> {
  const world = await openSplitWorld({
    hasWitness: true,
    watchesDensity: false,
    devnet: { blocks: 60 },
  });
  await world.followed();
  await world.heard(CHECKS);
  await world.held();
  return world;
}

describe('a deep rollback', () => {
  test.each([0, 10, 20])(
    'is held although the witness vouched for the chain before it, %i ms after it did',
    async (phase) => {
      const world = await agreed();
      const before = world.checks();
      await expect.poll(() => world.checks(), { interval: 1 }).toBeGreaterThan(before);
      await new Promise((resolve) => setTimeout(resolve, phase));
      world.ours.fork(DEPTH);
      await world.followed();
      await world.held('rollback', 'witness');
      for (let i = 0; i < 10; i += 1) {
        world.ours.mine();
        await world.followed();
        await world.heard(2);
      }
      await world.held('rollback', 'witness');
      expect(await released(world)).toEqual([]);
    },
    MINUTES,
  );

  test(
    'is over when the witness follows the new chain too',
    async () => {
      const world = await agreed();
      world.ours.fork(DEPTH);
      await world.followed();
      world.theirs.join(world.ours.chain);
      await world.held();
      expect((await world.guard()).heldAt).toBeNull();
    },
    MINUTES,
  );
});
