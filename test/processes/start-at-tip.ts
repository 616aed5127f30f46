import { expect, vi } from 'vitest';
import type { WorkerProcess } from './worker-process.js';
import type { World } from './world.js';

/** A leader that stands at the tip, with everything registered before it began asked for. */
export async function startAtTip(
  world: World,
  environment: Readonly<Record<string, string>> = {},
): Promise<WorkerProcess> {
  const leader = await world.start(environment);
  await leader.until('leader_acquired');
  expect(await world.wrongAtTip(40_000)).toEqual([]);
  await vi.waitFor(
    async () => {
      const { rows } = await world.pool.query(
        'select 1 from payment_addresses where backfilled_height is null',
      );
      expect(rows).toEqual([]);
    },
    { timeout: 40_000, interval: 50 },
  );
  return leader;
}
