import { expect, test } from 'vitest';
import { releaseGuard } from '../../src/guard/release.js';
import { enterpriseAddress } from '../support/addresses.js';
import { ADA } from '../support/follow.js';
import { openSplitWorld, type SplitWorld } from './split-world.js';

const ADDRESS = enterpriseAddress(1);
const MINUTES = 60_000;
/** More than are needed to believe anything. */
const CHECKS = 6;

const trouble = (world: SplitWorld): Promise<unknown[]> =>
  world.query("select 1 from audit_log where action = 'guard.held'");

/** Our chain grows, and the witness, if it can, says what it thinks of that, several times. */
async function grow(world: SplitWorld, blocks: number): Promise<void> {
  for (let i = 0; i < blocks; i += 1) world.ours.mine();
  await world.followed();
  await world.heard(CHECKS);
}

test(
  'what any two healthy nodes differ in holds nothing',
  async () => {
    const world = await openSplitWorld({ hasWitness: true, watchesDensity: true });
    const { ours, theirs } = world;
    const joined = async (): Promise<void> => {
      theirs.join(ours.chain);
      await world.heard(CHECKS);
    };
    await world.followed();
    await world.register(ADDRESS, 'ann');
    ours.payNow({ address: ADDRESS, lovelace: 10n * ADA });
    await joined();

    // Slot battles, of one block and of two, won by either side.
    ours.mine();
    theirs.mine();
    await world.followed();
    await world.heard(CHECKS);
    await grow(world, 1);
    await joined();
    for (let i = 0; i < 2; i += 1) theirs.mine();
    ours.mine();
    await world.heard(CHECKS);
    theirs.mine();
    ours.join(theirs.chain);
    await world.followed();
    await world.heard(CHECKS);

    // It stops on a block that nobody else has, and stands there while our chain goes on.
    theirs.mine();
    await grow(world, 2);
    await grow(world, 12);
    await joined();

    // It is behind, as after a restart; drops everybody; is open and dead; says what can't be read.
    await grow(world, 30);
    theirs.inject({ kind: 'oldTip', behind: 20 });
    await grow(world, 20);
    theirs.heal();
    theirs.inject({ kind: 'drop' });
    await grow(world, 10);
    theirs.inject({ kind: 'garbage', times: 5 });
    await grow(world, 10);
    theirs.inject({ kind: 'rpcError', times: 5, code: -32_000, message: 'no' });
    await grow(world, 10);
    await joined();

    expect(await trouble(world)).toEqual([]);
    expect((await world.guard()).heldAt).toBeNull();
    expect(await world.statuses()).toEqual({ 10: 'confirmed' });
    expect(world.told.flatMap((event) => (event.type === 'witness_heard' ? [] : [event]))).toEqual(
      [],
    );
  },
  3 * MINUTES,
);

test(
  'a witness that is gone or far behind is told, and holds nothing',
  async () => {
    const world = await openSplitWorld({ hasWitness: true, watchesDensity: false });
    const { theirs } = world;
    await world.followed();
    await grow(world, 100);
    const kinds = async () => {
      const { witnesses } = await world.guard();
      return witnesses.map(({ agrees, verdict }) => ({ agrees, verdict: verdict.split(' ')[0] }));
    };
    await expect.poll(kinds, { timeout: 20_000 }).toEqual([{ agrees: false, verdict: 'behind' }]);
    await theirs.close();
    await world.heard(CHECKS);
    await expect.poll(kinds, { timeout: 20_000 }).toEqual([{ agrees: false, verdict: 'silent:' }]);
    expect(await trouble(world)).toEqual([]);
  },
  3 * MINUTES,
);

test(
  'a person lets a split pass, which holds again only after it was over',
  async () => {
    const world = await openSplitWorld({ hasWitness: true, watchesDensity: false });
    const { ours, theirs } = world;
    const part = async (): Promise<void> => {
      for (let i = 0; i < 6; i += 1) {
        ours.mine();
        theirs.mine();
      }
      await world.followed();
    };
    await world.followed();
    await part();
    await world.held('witness');
    expect(await releaseGuard(world.pool, 0, 'operator:ann', 'ours won')).toMatchObject({
      changed: true,
    });
    await part();
    await world.heard(CHECKS);
    expect((await world.guard()).heldAt).toBeNull();
    expect((await world.guard()).reasons).toMatchObject([{ released: { by: 'operator:ann' } }]);

    theirs.join(ours.chain);
    await world.held();
    await part();
    await world.held('witness');
    expect((await world.guard()).heldAt).not.toBeNull();
    expect(
      await world.query(
        "select action, actor from audit_log where action like 'guard.%' order by id",
      ),
    ).toEqual([
      { action: 'guard.held', actor: 'chain' },
      { action: 'guard.released', actor: 'operator:ann' },
      { action: 'guard.released', actor: 'chain' },
      { action: 'guard.held', actor: 'chain' },
    ]);
  },
  3 * MINUTES,
);
