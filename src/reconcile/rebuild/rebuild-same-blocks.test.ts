import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { ADA } from '../../../test/support/follow.js';
import { viewOf } from '../../../test/support/following.js';
import {
  afterStatements,
  booksOf,
  emptyBooks,
  expectProven,
  followedChain,
  Killed,
  rebuildInLives,
  register,
  untilBackfilled,
  untilFollowed,
} from '../../../test/support/rebuilding.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() => emptyBooks(pool));

const ANN_OWNS = { userId: 'ann', addresses: [enterpriseAddress(1), enterpriseAddress(2)] };
const BOB = enterpriseAddress(3);
const SOMEBODY = enterpriseAddress(9);
const BLOCKS_AGAIN = 5;
const IN_EITHER_LIFE = [
  ['that works on', false],
  ['that is killed right then', true],
] as const;

/** A chain, and a node that never leaves it; the other one, which the books follow, may go back and come again. */
async function twoNodes() {
  const followed = await followedChain(database, ANN_OWNS);
  const { net, deps, lead } = followed;

  /** The same blocks again; something happens once the books have the first of them. */
  const blocksAgain = async (meanwhile: () => Promise<unknown>): Promise<void> => {
    const again = net.chain.blocks().slice(-BLOCKS_AGAIN);
    net.chain.rollBack(BLOCKS_AGAIN);
    net.chainChanged();
    await untilFollowed(pool, net);
    for (const [place, { id }] of again.entries()) {
      net.chain.switchTo(id);
      net.chainChanged();
      await untilFollowed(pool, net);
      if (place === 0) await meanwhile();
    }
  };
  /** Once all blocks were read and matched, and before anything is compared. */
  const rebuildWith = async (from: string, isKilled: boolean, onceRead: () => Promise<unknown>) => {
    const elsewhere = await net.split();
    let isRead = false;
    const during = afterStatements(lead.pool, /^analyze rebuild_spends/, async () => {
      if (isRead) return;
      isRead = true;
      await onceRead();
      if (isKilled) throw new Killed('killed');
    });
    const { lives, job } = await rebuildInLives(
      { ...deps, chain: viewOf(elsewhere) },
      { ...lead, pool: during },
      { from },
      () => Number.POSITIVE_INFINITY,
    );
    expect(lives).toBe(isKilled ? 2 : 1);
    return job;
  };
  return { ...followed, blocksAgain, rebuildWith };
}

describe('where the books alone go back and get the same blocks again, a rebuild', () => {
  test.each(IN_EITHER_LIFE)(
    '%s finds what an address was paid that was registered meanwhile',
    async (_, isKilled) => {
      const { net, blocksAgain, rebuildWith } = await twoNodes();
      net.payNow({ address: BOB, lovelace: 50n * ADA });
      for (let i = 0; i < 3; i += 1) net.mine();
      await untilFollowed(pool, net);
      let before: readonly string[] = [];
      const job = await rebuildWith('origin', isKilled, async () => {
        await blocksAgain(() => register(pool, 'bob', [BOB]));
        before = await booksOf(pool);
        const gone = await pool.query('delete from incoming_payments where address = $1', [BOB]);
        expect(gone.rowCount).toBe(1);
      });
      expect(job.result).toMatchObject({ differences: { missing_in_db: 1 }, healed: 1, open: 0 });
      expect(await booksOf(pool)).toEqual(before);
      await expectProven(pool);
    },
  );

  test.each(IN_EITHER_LIFE)(
    '%s finds the spend of what a ledger first told of meanwhile',
    async (_, isKilled) => {
      const { net, blocksAgain, rebuildWith } = await twoNodes();
      const { transaction } = net.payNow({ address: BOB, lovelace: 50n * ADA });
      const begin = net.mine();
      for (let i = 0; i < 3; i += 1) net.mine();
      net.spend([`${transaction.id}#0`], SOMEBODY);
      for (let i = 0; i < 2; i += 1) net.mine();
      await untilFollowed(pool, net);
      await register(pool, 'bob', [BOB], true);
      net.mine();
      await untilFollowed(pool, net);
      await untilBackfilled(pool);
      const payments = () =>
        pool.query('select spent_by from incoming_payments where address = $1', [BOB]);
      expect((await payments()).rows).toEqual([]);
      const job = await rebuildWith(`${begin.slot}.${begin.id}`, isKilled, async () => {
        await blocksAgain(() => untilBackfilled(pool));
        expect((await payments()).rows).toEqual([{ spent_by: expect.any(String) as string }]);
      });
      expect(job.result).toMatchObject({ differences: {}, open: 0, digest: { equal: true } });
      await expectProven(pool);
    },
  );
});
