import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { devnet } from '../../../test/support/devnet.js';
import {
  askRebuild,
  booksOf,
  doRebuilds,
  emptyBooks,
  endOf,
  expectLedger,
  expectProven,
  rebuildDeps,
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
const BOB = [enterpriseAddress(3)];

/** Twenty-some blocks that pay Ann and Bob and spend some of it, all of it in the books. */
async function followedChain() {
  const net = await devnet({ blocks: 3 });
  const hotWallet = net.chain.faucet;
  await register(pool, 'ann', ANN);
  await register(pool, 'bob', BOB);
  net.chain.watch([...ANN, ...BOB]);
  const deps = rebuildDeps(net, { hotWallet });
  const worker = startWorker(database, net, { hotWallet, leading: [doRebuilds(deps)] });
  await untilWalletBackfilled(pool);
  for (let i = 0; i < 20; i += 1) net.mine();
  await untilFollowed(pool, net);
  await untilBackfilled(pool);
  await untilFollowed(pool, net);
  return { net, worker, deps, hotWallet };
}

describe('a rebuild from the origin', () => {
  test('finds nothing where nothing is wrong, and says that the digests are equal', async () => {
    const { net, hotWallet } = await followedChain();
    const before = await booksOf(pool);
    await expectLedger(pool, net, [...ANN, ...BOB, hotWallet]);
    const job = await endOf(pool, await askRebuild(pool, { from: 'origin' }));
    expect(job.problem).toBeNull();
    expect(job.result).toMatchObject({
      differences: {},
      healed: 0,
      open: 0,
      digest: { equal: true },
    });
    const dry = await endOf(pool, await askRebuild(pool, { from: 'origin', dryRun: true }));
    const nothing = { payments: 0, payouts: 0, lost: 0, balances: 0, isPartial: false };
    expect(dry.result).toMatchObject({ differences: {}, ledgerDifferences: nothing });
    expect(await booksOf(pool)).toEqual(before);
  });

  test.each<[string, string, Record<string, number>]>([
    [
      'dropped payments',
      `delete from incoming_payments where user_id = 'ann'`,
      { missing_in_db: 1 },
    ],
    ['all payments gone', 'delete from incoming_payments', { missing_in_db: 1 }],
    [
      'outputs of the wallet that are gone',
      'delete from wallet_outputs where block_height > (select block_height from wallet_backfills)',
      { missing_in_db: 1 },
    ],
    [
      'payments that never were',
      `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status,
         block_hash, block_height, slot, tx_position)
       select repeat('ab', 32), n, address, user_id, 5000000, 'pending', block_hash, block_height, slot, 0
         from incoming_payments p, generate_series(1, 3) n
        where (tx_hash, output_index) = (select tx_hash, output_index from incoming_payments limit 1)`,
      { extra_in_db: 3 },
    ],
    [
      'a payment that never was, recorded without a block',
      `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status,
         counted_from)
       select repeat('ab', 32), 1, address, user_id, 5000000, 'confirmed', block_height
         from incoming_payments limit 1`,
      { extra_in_db: 1 },
    ],
    [
      'outputs of the wallet that never were',
      `insert into wallet_outputs (tx_hash, output_index, partition_id, address, amount_lovelace,
         block_hash, block_height, slot)
       select repeat('cd', 32), 7, 0, address, 5000000, block_hash, block_height, slot
         from wallet_outputs where block_height is not null limit 1`,
      { extra_in_db: 1 },
    ],
    [
      'payments that stand among the wallet’s outputs too',
      `insert into wallet_outputs (tx_hash, output_index, partition_id, address, amount_lovelace,
         block_hash, block_height, slot)
       select p.tx_hash, p.output_index, 0, (select address from wallet_backfills), p.amount_lovelace,
              p.block_hash, p.block_height, p.slot from incoming_payments p limit 2`,
      { extra_in_db: 2 },
    ],
    [
      'other amounts',
      'update incoming_payments set amount_lovelace = amount_lovelace + 1',
      { amount_mismatch: 1 },
    ],
    [
      'another amount of the wallet’s',
      'update wallet_outputs set amount_lovelace = amount_lovelace + 1 where block_height = 10',
      { amount_mismatch: 1 },
    ],
    [
      'assets that never came',
      `update incoming_payments set assets = jsonb_build_object(repeat('ab', 28), '5')`,
      { amount_mismatch: 1 },
    ],
    [
      'another owner',
      `update incoming_payments set user_id = 'bob' where user_id = 'ann'`,
      { owner_mismatch: 1 },
    ],
    [
      'another address',
      `update incoming_payments set address = '${BOB[0] ?? ''}', user_id = 'bob' where user_id = 'ann'`,
      { owner_mismatch: 1 },
    ],
    [
      'other blocks',
      `update incoming_payments set block_hash = repeat('0', 64)`,
      { status_mismatch: 1 },
    ],
    [
      'heights that are too high',
      'update incoming_payments set block_height = block_height + 1 where spent_by is null',
      { status_mismatch: 1 },
    ],
    [
      'other slots of the wallet’s outputs',
      'update wallet_outputs set slot = slot + 1 where block_height is not null',
      { status_mismatch: 1 },
    ],
    [
      'spends that never were',
      `update incoming_payments set spent_by = repeat('ef', 32), spent_height = block_height
        where spent_by is null`,
      { unspent_mismatch: 1 },
    ],
    [
      'forgotten spends',
      'update incoming_payments set spent_by = null, spent_height = null where spent_by is not null',
      { spent_mismatch: 1 },
    ],
    [
      'spends by others',
      `update wallet_outputs set spent_by = repeat('ef', 32) where spent_by is not null`,
      { spent_mismatch: 1 },
    ],
    [
      'payments that are said to be rolled back',
      `update incoming_payments set status = 'rolled_back', block_hash = null, block_height = null,
         slot = null, tx_position = null, confirmed_at = null`,
      { status_mismatch: 1 },
    ],
  ])('heals %s', async (_, corruption, expected) => {
    const { net, hotWallet } = await followedChain();
    const before = await booksOf(pool);
    const { rows: told } = await pool.query('select event_key from outbox order by event_key');
    const { rowCount } = await pool.query(corruption);
    expect(rowCount).toBeGreaterThan(0);

    const dry = await endOf(pool, await askRebuild(pool, { from: 'origin', dryRun: true }));
    expect(dry.problem).toBeNull();
    const [[type, least] = ['', 0]] = Object.entries(expected);
    expect(Object.keys(dry.result?.differences ?? {})).toEqual([type]);
    expect(dry.result).toMatchObject({ healed: 0, dryRun: true });

    const job = await endOf(pool, await askRebuild(pool, { from: 'origin' }));
    expect(job.problem).toBeNull();
    expect(job.result).toMatchObject({ differences: dry.result?.differences, open: 0 });
    expect(Number(job.result?.healed)).toBeGreaterThanOrEqual(least);
    await expectProven(pool);
    await expectLedger(pool, net, [...ANN, ...BOB, hotWallet]);
    expect(withoutInventions(await booksOf(pool))).toEqual(before);
    // What was told of payments that exist isn't told again.
    const { rows: toldAfter } = await pool.query('select event_key from outbox order by event_key');
    expect(toldAfter).toEqual(told);

    const again = await endOf(pool, await askRebuild(pool, { from: 'origin' }));
    expect(again.result).toMatchObject({ differences: {}, digest: { equal: true } });
  });
});

/** A payment that never was stays as a row that is rolled back. */
const withoutInventions = (books: readonly string[]): readonly string[] =>
  books.filter((line) => !line.includes('ab'.repeat(32)));
