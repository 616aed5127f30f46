import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { ADA } from '../../../test/support/follow.js';
import {
  afterStatements,
  blockByBlock,
  booksOf,
  emptyBooks,
  expectLedger,
  expectProven,
  followedChain,
  rebuildInLives,
  register,
  untilBackfilled,
  untilFollowed,
} from '../../../test/support/rebuilding.js';
import { type RebuildProgress, readProgress } from './rebuild-progress.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() => emptyBooks(pool));

const ANN = [enterpriseAddress(1), enterpriseAddress(2)];
const ANN_OWNS = { userId: 'ann', addresses: ANN };
const BOB = enterpriseAddress(3);
const CAROL = enterpriseAddress(4);

/** Statements over all that was read, or over the whole ledger. */
const TAKES_LONG = /^\s*analyze|balance_transactions/;

const CLEAN = { differences: {}, open: 0, digest: { equal: true } };

describe('a rebuild that is killed', () => {
  test('at every save goes on where it was, and heals the same', async () => {
    const { net, hotWallet, deps, lead } = await followedChain(database, ANN_OWNS);
    const before = await booksOf(pool);
    await pool.query('delete from incoming_payments');
    await pool.query('update wallet_outputs set slot = slot + 1 where block_height is not null');
    const chain = blockByBlock(deps.chain);
    // Four saves: comparing, applying, once more as it is done, and the end.
    const { lives, job } = await rebuildInLives(
      { ...deps, chain },
      lead,
      { from: 'origin' },
      (life) => (life % 2 === 0 ? 0 : Math.min(4, (life + 1) / 2)),
    );
    expect(lives).toBeGreaterThan(10);
    expect(job.result).toMatchObject({ open: 0 });
    expect(await booksOf(pool)).toEqual(before);
    await expectProven(pool);
    await expectLedger(pool, net, [...ANN, hotWallet]);
    const left = await pool.query(
      'select 1 from rebuild_outputs union all select 1 from rebuild_spends',
    );
    expect(left.rows).toEqual([]);
  });
});

describe('while a rebuild reads', () => {
  test('a fork takes back what it had read', async () => {
    const { net, hotWallet, deps, inOneLife } = await followedChain(database, ANN_OWNS);
    const height = Number(net.chain.blocks().at(-1)?.height);
    let forked = false;
    const chain = blockByBlock(deps.chain, async (at) => {
      if (at !== height || forked) return;
      forked = true;
      net.fork(6, { comeBack: 'none' });
      await untilFollowed(pool, net);
    });
    const { job } = await inOneLife({ chain });
    expect(forked).toBe(true);
    expect(job.result).toMatchObject(CLEAN);
    await expectLedger(pool, net, [...ANN, hotWallet]);
  });

  test('the books go on, and what comes meanwhile is part of it', async () => {
    const { net, hotWallet, deps, inOneLife } = await followedChain(database, ANN_OWNS);
    await pool.query('delete from incoming_payments where block_height > 10');
    let mined = 0;
    const chain = blockByBlock(deps.chain, async () => {
      if (mined >= 15) return;
      mined += 1;
      net.payNow({ address: ANN[0] ?? '', lovelace: 9n * ADA });
      await untilFollowed(pool, net);
    });
    const { job } = await inOneLife({ chain });
    expect(job.result).toMatchObject({ open: 0 });
    expect(Object.keys(job.result?.differences ?? {})).toEqual(['missing_in_db']);
    await expectLedger(pool, net, [...ANN, hotWallet]);
    await expectProven(pool);
    expect((await inOneLife()).job.result).toMatchObject(CLEAN);
  });

  test('addresses are registered, with what they held before and with what comes', async () => {
    const { net, hotWallet, deps, inOneLife } = await followedChain(database, ANN_OWNS);
    net.payNow({ address: BOB, lovelace: 50n * ADA }, { address: CAROL, lovelace: 60n * ADA });
    await untilFollowed(pool, net);
    let at = 0;
    const chain = blockByBlock(deps.chain, async () => {
      at += 1;
      if (at === 5) {
        await register(pool, 'bob', [BOB], true);
        await register(pool, 'carol', [CAROL]);
        net.mine();
        await untilBackfilled(pool);
      }
      if (at === 10) {
        net.payNow({ address: BOB, lovelace: 7n * ADA }, { address: CAROL, lovelace: 8n * ADA });
        await untilFollowed(pool, net);
      }
    });
    const { job } = await inOneLife({ chain });
    expect(job.result).toMatchObject(CLEAN);
    await expectLedger(pool, net, [...ANN, BOB, CAROL, hotWallet]);
    const { rows } = await pool.query<{ status: string; lovelace: string; counted: boolean }>(
      `select status, amount_lovelace::text as lovelace, counted_from is not null as counted
         from incoming_payments where address in ($1, $2) order by amount_lovelace`,
      [BOB, CAROL],
    );
    expect(rows).toEqual([
      { status: 'pending', lovelace: '7000000', counted: false },
      { status: 'pending', lovelace: '8000000', counted: false },
      { status: 'pending', lovelace: '50000000', counted: true },
      { status: 'ignored', lovelace: '60000000', counted: true },
    ]);
    // Gone and found once more: without a block, as they were.
    const before = await booksOf(pool);
    await pool.query('delete from incoming_payments where counted_from is not null');
    expect((await inOneLife()).job.result).toMatchObject({
      differences: { missing_in_db: 2 },
      open: 0,
    });
    expect((await booksOf(pool)).length).toBe(before.length);
    await expectProven(pool);
    await expectLedger(pool, net, [...ANN, BOB, CAROL, hotWallet]);
  });
});

describe('what a rebuild tells of itself once it has read all blocks', () => {
  test.each([true, false])(
    'is what it does, and what came meanwhile (dry run: %s)',
    async (dryRun) => {
      const { net, deps, lead } = await followedChain(database, ANN_OWNS);
      const slow = afterStatements(lead.pool, TAKES_LONG, async () => {
        net.payNow({ address: ANN[0] ?? '', lovelace: 9n * ADA });
        await untilFollowed(pool, net);
      });
      const saved: (RebuildProgress | null)[] = [];
      let seenLast: RebuildProgress | null = null;
      await rebuildInLives(
        deps,
        { ...lead, pool: slow },
        { from: 'origin', dryRun },
        () => Number.POSITIVE_INFINITY,
        (progress, seen) => {
          saved.push(readProgress(progress));
          seenLast = readProgress(seen);
        },
      );
      const stages = saved.map((one) => one?.stage);
      expect(stages.slice(0, stages.indexOf('comparing')).includes('applying')).toBe(false);
      expect(saved.find((one) => one?.stage === 'comparing')).toMatchObject({
        last: { comparisons: 1, newBlocks: 0 },
      });
      // Others see it while it is done, and how many blocks have come since it was compared.
      const { newBlocks } = saved.at(-1)?.last ?? { newBlocks: 0 };
      expect(newBlocks).toBeGreaterThan(0);
      expect(saved.at(-1)).toMatchObject({ stage: 'applying', secondsLeft: null });
      if (!dryRun) expect(seenLast).toEqual(saved.at(-1));
    },
  );

  test('says after a fork that it reads again, and how often it compared', async () => {
    const { net, deps, lead } = await followedChain(database, ANN_OWNS);
    const saved: (RebuildProgress | null)[] = [];
    let forked = false;
    const slow = afterStatements(lead.pool, /balance_transactions/, async () => {
      if (forked || saved.at(-1)?.stage !== 'comparing') return;
      forked = true;
      net.fork(3, { comeBack: 'none' });
      await untilFollowed(pool, net);
    });
    await rebuildInLives(
      deps,
      { ...lead, pool: slow },
      { from: 'origin' },
      () => Number.POSITIVE_INFINITY,
      (progress) => void saved.push(readProgress(progress)),
    );
    const again = saved.filter((one) => one?.stage === 'reading' && one.last?.comparisons === 1);
    expect(again[0]?.done).toBeLessThan(again[0]?.total ?? 0);
    expect(again[0]?.secondsLeft).toBeNull();
    expect(saved.at(-1)).toMatchObject({ stage: 'applying', last: { comparisons: 2 } });
  });
});

describe('on a chain whose blocks come during every step that takes long', () => {
  test.each([true, false])('a rebuild ends all the same (dry run: %s)', async (dryRun) => {
    const { net, deps, lead } = await followedChain(database, ANN_OWNS);
    await pool.query('delete from incoming_payments where block_height > 10');
    let mined = 0;
    const slow = afterStatements(lead.pool, TAKES_LONG, async () => {
      mined += 1;
      net.payNow({ address: ANN[0] ?? '', lovelace: 9n * ADA });
      await untilFollowed(pool, net);
    });
    const { job } = await rebuildInLives(
      deps,
      { ...lead, pool: slow },
      { from: 'origin', dryRun },
      () => Number.POSITIVE_INFINITY,
    );
    expect(mined).toBeGreaterThan(1);
    expect(Object.keys(job.result?.differences ?? {})).toEqual(['missing_in_db']);
    expect(Number(job.result?.healed) > 0).toBe(!dryRun);
  });
});
