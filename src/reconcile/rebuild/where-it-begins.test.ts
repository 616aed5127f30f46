import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { devnet } from '../../../test/support/devnet.js';
import { ADA } from '../../../test/support/follow.js';
import {
  askRebuild,
  booksOf,
  doRebuilds,
  emptyBooks,
  endOf,
  expectLedger,
  followedChain,
  leadershipOf,
  rebuildDeps,
  rebuildInLives,
  register,
  startWorker,
  untilBackfilled,
  untilFollowed,
} from '../../../test/support/rebuilding.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() => emptyBooks(pool));

const ANN_OWNS = { userId: 'ann', addresses: [enterpriseAddress(1), enterpriseAddress(2)] };
const BOB = enterpriseAddress(3);

const CLEAN = { differences: {}, open: 0, digest: { equal: true } };

describe('where a rebuild begins', () => {
  test('is a block: what is below isn’t touched, what is above is healed', async () => {
    const { net, inOneLife } = await followedChain(database, ANN_OWNS);
    const block = net.chain.blocks()[12]!;
    const from = `${block.slot}.${block.id}`;
    const before = await booksOf(pool);
    const wrong = `set amount_lovelace = amount_lovelace + 1`;
    await pool.query(`update incoming_payments ${wrong} where block_height <= 12`);
    const below = await booksOf(pool);
    await pool.query(`update incoming_payments ${wrong} where block_height > 12`);
    const { job } = await inOneLife({}, { from });
    expect(Object.keys(job.result?.differences ?? {})).toEqual(['amount_mismatch']);
    expect(job.result).toMatchObject({ open: 0, from: { height: 12, hash: block.id } });
    const after = await booksOf(pool);
    const payments = (books: readonly string[]) =>
      books.filter((line) => line.startsWith('payment'));
    expect(payments(after)).toEqual(payments(below));
    expect(payments(after)).not.toEqual(payments(before));
  });

  test('is a block: spends above of what was made below are seen', async () => {
    const { net, inOneLife } = await followedChain(database, ANN_OWNS);
    const before = await booksOf(pool);
    const block = net.chain.blocks()[8]!;
    const { rowCount } = await pool.query(
      `update wallet_outputs set spent_by = null, spent_height = null
        where coalesce(block_height, 0) <= 8 and spent_height > 8`,
    );
    expect(rowCount).toBeGreaterThan(0);
    const { job } = await inOneLife({}, { from: `${block.slot}.${block.id}` });
    expect(job.result).toMatchObject({ differences: { spent_mismatch: rowCount }, open: 0 });
    expect(await booksOf(pool)).toEqual(before);
  });

  test('is the block nearest to the time so many days ago', async () => {
    const { net, inOneLife } = await followedChain(database, ANN_OWNS);
    const blocks = net.chain.blocks();
    const at = (place: number) => blocks[place]!;
    const cases = [
      [at(10).slot, at(10)],
      [at(11).slot - 1, at(11).slot - at(10).slot === 1 ? at(10) : at(11)],
      [at(10).slot + 1, at(11).slot - at(10).slot === 1 ? at(11) : at(10)],
    ] as const;
    for (const [slot, block] of cases) {
      const slotAt = () => Promise.resolve(slot as never);
      const { job } = await inOneLife({ slotAt }, { from: '7d' });
      expect(job.result).toMatchObject({
        ...CLEAN,
        from: { hash: block.id, height: block.height },
      });
    }
  });

  test('is the origin where a time lies before the first block, or the last block where it is to come', async () => {
    const { net, inOneLife } = await followedChain(database, ANN_OWNS);
    const early = await inOneLife({ slotAt: () => Promise.resolve(0 as never) }, { from: '9000d' });
    expect(early.job.result).toMatchObject({ ...CLEAN, from: { height: -1 } });
    const tip = net.chain.blocks().at(-1)!;
    const late = await inOneLife(
      { slotAt: () => Promise.resolve((tip.slot + 5) as never) },
      { from: '0d' },
    );
    expect(late.job.result).toMatchObject({ ...CLEAN, from: { hash: tip.id }, blocks: 0 });
  });

  test.each([
    [`5.${'ab'.repeat(32)}`, /is no block of the chain that the node follows/],
    ['yesterday', /wanted `origin`, SLOT.BLOCKHASH, or days ago/],
  ])('must be on the chain: %s is refused, and nothing is tried again', async (from, problem) => {
    const net = await devnet({ blocks: 3 });
    startWorker(database, net, { leading: [doRebuilds(rebuildDeps(net))] });
    await untilFollowed(pool, net);
    const job = await endOf(pool, await askRebuild(pool, { from }));
    expect(job.state).toBe('failed');
    expect(job.problem).toMatch(problem);
  });

  test('must be named with its own slot, which is told', async () => {
    const net = await devnet({ blocks: 3 });
    startWorker(database, net, { leading: [doRebuilds(rebuildDeps(net))] });
    await untilFollowed(pool, net);
    const { slot, id } = net.chain.blocks()[1]!;
    const job = await endOf(pool, await askRebuild(pool, { from: `${slot + 1}.${id}` }));
    expect(job).toMatchObject({
      state: 'failed',
      problem: `--from: given ${slot + 1}.${id}, but that block is of slot ${slot}: ${slot}.${id}`,
    });
  });

  test('may lie below where the database began: addresses count from when they count', async () => {
    const net = await devnet({ blocks: 15 });
    const hotWallet = net.chain.faucet;
    net.payNow({ address: BOB, lovelace: 50n * ADA });
    net.payNow({ address: BOB, lovelace: 51n * ADA });
    await register(pool, 'bob', [BOB], true);
    const { task, leadership } = leadershipOf();
    startWorker(database, net, { startPoint: 'tip', hotWallet, leading: [task] });
    await untilFollowed(pool, net);
    await untilBackfilled(pool);
    net.payNow({ address: BOB, lovelace: 52n * ADA });
    await untilFollowed(pool, net);
    await expectLedger(pool, net, [BOB, hotWallet]);
    const before = await booksOf(pool);
    const deps = rebuildDeps(net, { hotWallet });
    const lives = () => Number.POSITIVE_INFINITY;
    for (const from of ['origin', '1d']) {
      const { job } = await rebuildInLives(deps, await leadership, { from }, lives);
      expect(job.result).toMatchObject(CLEAN);
    }
    await pool.query('delete from incoming_payments');
    const healed = await rebuildInLives(deps, await leadership, { from: 'origin' }, lives);
    expect(healed.job.result).toMatchObject({ differences: { missing_in_db: 3 }, open: 0 });
    expect((await booksOf(pool)).length).toBe(before.length);
    await expectLedger(pool, net, [BOB, hotWallet]);
  });
});

describe('a dry run', () => {
  test('changes nothing', async () => {
    const { deps, lead } = await followedChain(database, ANN_OWNS);
    await pool.query('delete from incoming_payments');
    const before = await booksOf(pool);
    const { rows: audit } = await pool.query('select * from audit_log');
    const { job } = await rebuildInLives(deps, lead, { from: 'origin', dryRun: true }, () => 1e9);
    expect(job.result).toMatchObject({ dryRun: true, healed: 0 });
    expect(Number(job.result?.open)).toBeGreaterThan(0);
    expect(await booksOf(pool)).toEqual(before);
    expect((await pool.query('select * from audit_log')).rows).toEqual(audit);
  });
});
