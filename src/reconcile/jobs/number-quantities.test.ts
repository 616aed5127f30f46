import { expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { devnet } from '../../../test/support/devnet.js';
import { ADA } from '../../../test/support/follow.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { askRebuild, endOf, startWorker, untilFollowed } from '../../../test/support/rebuilding.js';
import { ANN, reconcileFully, register } from '../../../test/support/reconciling.js';
import { requestJob } from './job-queries.js';

const UNIT = 'cafe'.repeat(14);

test.each(['repair', 'rebuild'] as const)(
  'a quantity that another hand wrote as a number is told of, and a %s writes it as it was',
  { timeout: 60_000 },
  async (kind) => {
    const database = await createTestDatabase();
    const { pool } = database;
    const net = await devnet({ seed: 9, blocks: 3, random: false });
    await register(pool, 'ann', ANN, true);
    const wishes = { hotWallet: net.chain.faucet, leading: [provingJobs(net)] };
    const worker = startWorker(database, net, wishes);
    net.payNow({ address: ANN[0] ?? '', lovelace: 5n * ADA, assets: new Map([[UNIT, 7n]]) });
    await untilFollowed(pool, net);
    const assets = async () =>
      (await pool.query<{ assets: object }>('select assets from incoming_payments')).rows;
    expect(await assets()).toEqual([{ assets: { [UNIT]: '7' } }]);
    await pool.query('update incoming_payments set assets = $1', [{ [UNIT]: 7 }]);
    expect((await reconcileFully(pool, net)).findings).toMatchObject([
      { type: 'amount_mismatch', unexplained: null },
    ]);

    const asked = { partitionId: 0, kind: 'repair', params: {}, requestedBy: 'test' } as const;
    const id =
      kind === 'repair'
        ? await requestJob(pool, asked)
        : await askRebuild(pool, { from: 'origin' });
    expect(await endOf(pool, id)).toMatchObject({ result: { open: 0, left: [] } });
    expect(await assets()).toEqual([{ assets: { [UNIT]: '7' } }]);
    expect((await reconcileFully(pool, net)).findings).toEqual([]);
    await worker.stop();
    await database.drop();
  },
);
