import { describe, expect } from 'vitest';
import { referenceOf } from '../../src/devnet/transaction.js';
import { walkThrough } from './runbook-walk.js';
import { expectSound, leaderAtTip, MINUTES, untilMetric } from './runbook-world.js';
import { addressAt, test, type World } from './world.js';

const ADA = 1_000_000n;
const LACKING = 50n * ADA;

/** Somebody who has the key of a deposit address takes what is there. */
async function steal(world: World): Promise<void> {
  const { transaction } = world.devnet.payNow(
    { address: addressAt(1), lovelace: LACKING },
    { address: addressAt(2), lovelace: 70n * ADA },
  );
  world.devnet.mine();
  world.devnet.spend([referenceOf(transaction.id, 0)]);
  world.devnet.mine();
  expect(await world.wrongAtTip()).toEqual([]);
}

describe('ReservesShort', MINUTES, () => {
  test('leads from a deposit that somebody took to wallets that hold what users are owed', async ({
    open,
  }) => {
    const world = await open({ devnet: { blocks: 20, random: false } });
    const worker = await leaderAtTip(world);
    await steal(world);

    await walkThrough('ReservesShort', world, async (walk) => {
      const says = ['RESERVES', 'TREASURY'];
      const short = await walk.teller('balance verify --reserves', { exits: 3, says });
      expect(short.out).toMatch(
        /^ada +120\.000000 +0\.000000 +70\.000000 +0\.000000 +-50\.000000$/m,
      );
      await untilMetric(worker, 'reserves_short_units', (value) => value === 1);
      await untilMetric(worker, 'reserves_shortfall_ada', (value) => value === 50);
      await walk.teller('reconcile', { exits: 0 });
      const since = await walk.select('select finished_at, requested_by, short_units');
      expect(since).toMatchObject([{ short_units: 1, short_lovelace: LACKING.toString() }]);
      const spends = await walk.select('select spent_by, spent_height, count(*)');
      expect(spends).toMatchObject([{ count: '1', sum: LACKING.toString() }]);
      const listed = await walk.teller('payout list --json', { exits: 0 });
      expect(JSON.parse(listed.out)).toMatchObject({ items: [] });
      const verified = await walk.teller('balance verify --json', { exits: 0 });
      expect(JSON.parse(verified.out)).toMatchObject({ manualEntries: { count: 0 } });

      await walk.teller('payout pause', { exits: 0 });
      world.devnet.payNow({ address: addressAt(0), lovelace: LACKING });
      expect(await world.wrongAtTip()).toEqual([]);
      await walk.teller('balance verify --reserves', { exits: 0 });
      await untilMetric(worker, 'reserves_short_units', (value) => value === 0);
      await untilMetric(worker, 'reserves_shortfall_ada', (value) => value === 0);
      await walk.teller('payout resume', { exits: 0 });
    });
    await expectSound(world);
  });
});
