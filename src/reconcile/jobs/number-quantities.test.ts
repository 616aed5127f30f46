import { expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { devnet } from '../../../test/support/devnet.js';
import { ADA } from '../../../test/support/follow.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { askRebuild, endOf, startWorker, untilFollowed } from '../../../test/support/rebuilding.js';
import { ANN, reconcileFully, register } from '../../../test/support/reconciling.js';
import { requestJob } from './job-queries.js';

const UNIT = 'cafe'.repeat(14);

test.each([
  ['repair', 'an unspent output', 1],
  ['rebuild', 'an unspent output', 1],
  ['rebuild', 'a spent output', 0],
] as const)(
  'a %s writes a quantity of %s as it was that another hand wrote as a number',
  { timeout: 60_000 },
  async (kind, of, told) => {
    const database = await createTestDatabase();
    const { pool } = database;
    const net = await devnet({ seed: 9, blocks: 3, random: false });
    await register(pool, 'ann', ANN, true);
    const wishes = { hotWallet: net.chain.faucet, leading: [provingJobs(net)] };
    const worker = startWorker(database, net, wishes);
    const assets = new Map([[UNIT, 7n]]);
    const { transaction } = net.payNow({ address: ANN[0] ?? '', lovelace: 5n * ADA, assets });
    if (of === 'a spent output') {
      net.spend([`${transaction.id}#0`]);
      net.mine();
    }
    await untilFollowed(pool, net);
    const stored = async () =>
      (await pool.query<{ assets: object }>('select assets from incoming_payments')).rows;
    expect(await stored()).toEqual([{ assets: { [UNIT]: '7' } }]);
    await pool.query('update incoming_payments set assets = $1', [{ [UNIT]: 7 }]);
    const { findings } = await reconcileFully(pool, net);
    const one = { type: 'amount_mismatch', unexplained: null };
    expect(findings).toMatchObject(Array.from({ length: told }, () => one));

    const asked = { partitionId: 0, kind: 'repair', params: {}, requestedBy: 'test' } as const;
    const id =
      kind === 'repair'
        ? await requestJob(pool, asked)
        : await askRebuild(pool, { from: 'origin' });
    expect(await endOf(pool, id)).toMatchObject({ result: { open: 0, left: [] } });
    expect(await stored()).toEqual([{ assets: { [UNIT]: '7' } }]);
    expect((await reconcileFully(pool, net)).findings).toEqual([]);
    await worker.stop();
    await database.drop();
  },
);
