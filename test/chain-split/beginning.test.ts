import { describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../support/addresses.js';
import { ADA } from '../support/follow.js';
import { openSplitWorld, type SplitWorld } from './split-world.js';

const ADDRESS = enterpriseAddress(1);
const MINUTES = 60_000;

const audited = (world: SplitWorld) =>
  world.query(
    "select action, details -> 'reason' ->> 'kind' as kind from audit_log where action like 'guard.%' order by id",
  );
const alarms = (world: SplitWorld) =>
  world.told.filter(({ type }) => type !== 'witness_heard').map(({ type }) => type);

describe('a leader that begins', () => {
  test(
    'in the middle of a split confirms nothing of it, however late its witness is heard',
    async () => {
      const world = await openSplitWorld({
        hasWitness: true,
        watchesDensity: false,
        watched: [ADDRESS],
        before: ({ ours, theirs }) => {
          ours.payNow({ address: ADDRESS, lovelace: 5n * ADA });
          for (let i = 0; i < 30; i += 1) {
            ours.mine();
            theirs.mine();
          }
          theirs.inject({ kind: 'refuseKey', how: 'error' });
        },
      });
      await world.followed();
      await world.held('unheard');
      await world.ask(5);
      expect(await world.round()).toBe('chain_held');
      for (let i = 0; i < 3; i += 1) {
        world.ours.mine();
        await world.followed();
        await world.heard(2);
      }
      expect(await world.statuses()).toEqual({ 5: 'pending' });
      expect(await audited(world)).toEqual([]);
      expect(alarms(world)).toEqual([]);

      world.theirs.heal();
      await world.held('witness');
      world.ours.mine();
      await world.followed();
      expect(await world.statuses()).toEqual({ 5: 'pending' });
      expect(await audited(world)).toEqual([{ action: 'guard.held', kind: 'witness' }]);
    },
    MINUTES,
  );

  test(
    'beside a witness that is on its chain is held by nothing, and nobody is told that it waited',
    async () => {
      const world = await openSplitWorld({ hasWitness: true, watchesDensity: false });
      await world.followed();
      await world.held();
      expect((await world.guard()).heldAt).toBeNull();
      expect(await audited(world)).toEqual([]);
      expect(alarms(world)).toEqual([]);
    },
    MINUTES,
  );

  test(
    'waits for a witness that says nothing for no longer than half a minute',
    async () => {
      let late = 0;
      const world = await openSplitWorld({
        hasWitness: true,
        watchesDensity: false,
        before: ({ theirs }) => theirs.inject({ kind: 'refuseKey', how: 'error' }),
        now: () => new Date(Date.now() + late),
      });
      await world.followed();
      await world.heard(6);
      await world.held('unheard');
      late = 30_000;
      await world.held();
      expect((await world.guard()).heldAt).toBeNull();
    },
    MINUTES,
  );

  test(
    'without a witness forgets those that were set before',
    async () => {
      const left = { witness: 'wss://gone.example', agrees: true, verdict: 'agrees', heardAt: '' };
      const world = await openSplitWorld({
        hasWitness: false,
        watchesDensity: false,
        witnessesBefore: [left],
      });
      await world.followed();
      await expect.poll(async () => (await world.guard()).witnesses).toEqual([]);
    },
    MINUTES,
  );
});
