import type { Pool } from 'pg';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { devnet } from '../../../test/support/devnet.js';
import { ADA } from '../../../test/support/follow.js';
import {
  askRebuild,
  blockByBlock,
  booksOf,
  doRebuilds,
  emptyBooks,
  endOf,
  expectLedger,
  expectProven,
  leadershipOf,
  rebuildDeps,
  rebuildInLives,
  register,
  startWorker,
  untilBackfilled,
  untilFollowed,
  untilWalletBackfilled,
} from '../../../test/support/rebuilding.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() => emptyBooks(pool));

const ANN = [enterpriseAddress(1), enterpriseAddress(2)];
const BOB = enterpriseAddress(3);
const CAROL = enterpriseAddress(4);

/** A chain in the books, and the leadership of whoever follows it. */
async function followedChain(blocks = 20) {
  const net = await devnet({ blocks: 3 });
  const hotWallet = net.chain.faucet;
  await register(pool, 'ann', ANN);
  net.chain.watch(ANN);
  const { task, leadership } = leadershipOf();
  const worker = startWorker(database, net, { hotWallet, leading: [task] });
  await untilWalletBackfilled(pool);
  for (let i = 0; i < blocks; i += 1) net.mine();
  await untilFollowed(pool, net);
  await untilBackfilled(pool);
  const deps = rebuildDeps(net, { hotWallet });
  const lead = await leadership;
  const inOneLife = (more: Partial<typeof deps> = {}, params = { from: 'origin' }) =>
    rebuildInLives({ ...deps, ...more }, lead, params, () => Number.POSITIVE_INFINITY);
  return { net, hotWallet, deps, lead, worker, inOneLife };
}

/** Statements over all that was read, or over the whole ledger. */
const TAKES_LONG = /^\s*analyze|balance_transactions/;

/** A pool whose slow statements take until a block has come. */
const withBlocksDuring = (real: Pool, block: () => Promise<unknown>): Pool =>
  new Proxy(real, {
    get: (target, name) => {
      if (name !== 'query') return Reflect.get(target, name) as unknown;
      return async (text: string, values?: unknown[]) => {
        const result = await target.query(text, values);
        if (TAKES_LONG.test(text)) await block();
        return result;
      };
    },
  });

const CLEAN = { differences: {}, open: 0, digest: { equal: true } };

describe('a rebuild that is killed', () => {
  test('at every save goes on where it was, and heals the same', async () => {
    const { net, hotWallet, deps, lead } = await followedChain();
    const before = await booksOf(pool);
    await pool.query('delete from incoming_payments');
    await pool.query('update wallet_outputs set slot = slot + 1 where block_height is not null');
    const chain = blockByBlock(deps.chain);
    // Three saves: comparing, applying and the end.
    const { lives, job } = await rebuildInLives(
      { ...deps, chain },
      lead,
      { from: 'origin' },
      (life) => (life % 2 === 0 ? 0 : Math.min(3, (life + 1) / 2)),
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
    const { net, hotWallet, deps, inOneLife } = await followedChain();
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
    const { net, hotWallet, deps, inOneLife } = await followedChain();
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
    const { net, hotWallet, deps, inOneLife } = await followedChain();
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

describe('on a chain whose blocks come during every step that takes long', () => {
  test.each([true, false])('a rebuild ends all the same (dry run: %s)', async (dryRun) => {
    const { net, deps, lead } = await followedChain();
    await pool.query('delete from incoming_payments where block_height > 10');
    let mined = 0;
    const slow = withBlocksDuring(lead.pool, async () => {
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

describe('where a rebuild begins', () => {
  test('is a block: what is below isn’t touched, what is above is healed', async () => {
    const { net, inOneLife } = await followedChain();
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
    const { net, inOneLife } = await followedChain();
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
    const { net, inOneLife } = await followedChain();
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
    const { net, inOneLife } = await followedChain();
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
    const { deps, lead } = await followedChain();
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
