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
  test(
    'is held although the witness vouched for the chain before it',
    async () => {
      const world = await agreed();
      // It takes a while to say what it thinks of the new chain; all that is known is of the old one.
      world.theirs.inject({ kind: 'slow', delayMs: 1_000 });
      world.ours.fork(DEPTH);
      await world.followed();
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
