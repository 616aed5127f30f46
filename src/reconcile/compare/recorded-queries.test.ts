import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { type OutputReference, outputReference } from '../../chain/block.js';
import { readStoredValue } from '../../payments/stored-value.js';
import { headersAt } from '../../sync/queries.js';
import type { ChainOutput } from '../model/finding.js';
import { watchedAmong } from '../runs/address-queries.js';
import { judgeRecorded } from './judge-outputs.js';
import { isSame, type ListedOutput, listedAfter, recordedAmong } from './recorded-queries.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

test('what was spent above the height of the comparison is unspent there', async () => {
  const txHash = 'a'.repeat(64);
  await pool.query(
    `insert into wallet_outputs (tx_hash, output_index, partition_id, address, amount_lovelace, block_hash,
                                 block_height, slot, spent_by, spent_height)
     values ($1, 0, 0, 'hot wallet', 5, repeat('c', 64), 5, 100, repeat('b', 64), 9)`,
    [txHash],
  );
  const spentAt = async (height: number) => {
    const [row] = await recordedAmong(pool, 0, height, [outputReference(txHash, 0)]);
    return row?.spent;
  };
  expect(await spentAt(8)).toBeNull();
  expect(await spentAt(9)).toEqual({ txHash: 'b'.repeat(64), height: 9 });
});

test('who asks for nothing doesn’t keep the database busy', async () => {
  const ended = new pg.Pool();
  await ended.end();
  expect(await recordedAmong(ended, 0, 9, [])).toEqual([]);
  expect(await headersAt(ended, 0, [])).toEqual([]);
  expect(await watchedAmong(ended, 0, 'hot wallet', [])).toEqual(new Map());
});

describe('at first sight', () => {
  const PAID = '0'.repeat(64);
  const AT = 9;
  const listAfter = async (change: string, hotWallet: string | null) => {
    await pool.query(
      'truncate sync_state, payment_addresses, incoming_payments, wallet_outputs cascade',
    );
    await pool.query(
      `insert into sync_state (partition_id, total_partitions, network, started) values (0, 1, 'preprod', true)`,
    );
    await pool.query(
      `insert into blocks (partition_id, height, slot, hash) values (0, 5, 100, repeat('c', 64))`,
    );
    await pool.query(
      `insert into payment_addresses (address, partition_id, user_id, watched_from, backfill)
       values ('at ann', 0, 'ann', 0, true)`,
    );
    await pool.query(
      `insert into incoming_payments (tx_hash, output_index, partition_id, address, user_id, amount_lovelace, status,
                                      block_hash, block_height, slot, confirmed_at)
       values ($1, 0, 0, 'at ann', 'ann', 5, 'confirmed', repeat('c', 64), 5, 100, now())`,
      [PAID],
    );
    await pool.query(change);
    return listedAfter(pool, { partitionId: 0, hotWallet }, AT, { txHash: '', index: -1 }, 10);
  };
  const lookAt = async (change: string, hotWallet: string | null = 'hot wallet') => {
    const listed = await listAfter(change, hotWallet);
    const judged = await judge(listed, hotWallet);
    return listed.map(({ look, reference }) => {
      if (look !== 'odd') expect(judged.filter((one) => one.reference === reference)).toEqual([]);
      return look;
    });
  };
  /** What judging finds wrong with their payments where the ledger holds just what they say at first sight. */
  const judge = async (listed: readonly ListedOutput[], hotWallet: string | null) => {
    const rows = (
      await recordedAmong(
        pool,
        0,
        AT,
        listed.map(({ reference }) => reference),
      )
    ).filter(({ kind }) => kind === 'payment');
    const heights = rows.flatMap(({ placement }) => placement?.height ?? []);
    const headers = await headersAt(pool, 0, heights);
    const addresses = rows.map(({ address }) => address);
    const { findings, suspects } = judgeRecorded(
      rows,
      new Map(listed.flatMap((one) => (one.look === 'held' ? [unspent(one)] : []))),
      new Map(headers.map((header) => [header.height, header])),
      {
        height: AT,
        hotWallet,
        watched: await watchedAmong(pool, 0, hotWallet, addresses),
        confirmationsHeld: false,
      },
    );
    return [...findings, ...suspects];
  };
  const unspent = (listed: ListedOutput): [OutputReference, ChainOutput] => {
    const { reference, address, amountLovelace, assets } = listed;
    const value = readStoredValue(amountLovelace, JSON.parse(assets ?? '{}'));
    const whole = { reference, address, ...value, hasScript: false, placement: null };
    return [reference, { ...whole, spent: 'unspent' }];
  };
  const UPDATE = 'update incoming_payments set';

  test.each([
    ['select 1', 'held'],
    [`delete from blocks`, 'held'],
    [`update payment_addresses set backfill = false`, 'held'],
    [`${UPDATE} block_hash = null, block_height = null, slot = null, counted_from = 3`, 'held'],
    [`${UPDATE} status = 'ignored'`, 'held'],
    [`${UPDATE} assets = '{"${'ab'.repeat(28)}": "1"}'`, 'held'],
    [`${UPDATE} spent_by = repeat('b', 64), spent_height = 9`, 'spent'],
    [`${UPDATE} spent_by = repeat('b', 64), spent_height = 9, amount_lovelace = 6`, 'spent'],
    [`${UPDATE} spent_by = repeat('b', 64), spent_height = 9, assets = '{"ab": [1.5]}'`, 'spent'],
    [
      `insert into blocks (partition_id, height, slot, hash, boundary) values (0, 5, 100, repeat('d', 64), true)`,
      'held',
    ],
  ])('%s: nothing more has to be known', async (change, look) => {
    expect(await lookAt(change)).toEqual([look]);
  });

  test.each([
    [`${UPDATE} status = 'pending'`],
    [`${UPDATE} status = 'rolled_back'`],
    [`${UPDATE} spent_by = repeat('b', 64), spent_height = 10`],
    [`${UPDATE} spent_by = repeat('b', 64)`],
    [`${UPDATE} spent_height = 9`],
    [`${UPDATE} block_height = 9007199254740993`],
    [`${UPDATE} block_hash = repeat('d', 64)`],
    [`${UPDATE} slot = 101`],
    [`${UPDATE} slot = null`],
    [`${UPDATE} block_hash = null`],
    [`${UPDATE} block_hash = null, block_height = null, slot = null`],
    [
      `${UPDATE} block_hash = null, block_height = null, slot = null, counted_from = -9007199254740993`,
    ],
    [`${UPDATE} block_height = -9007199254740993`],
    [
      `update payment_addresses set backfill = false;
       ${UPDATE} block_hash = null, block_height = null, slot = null, counted_from = 3`,
    ],
    [`update payment_addresses set user_id = 'bob'`],
    [`update payment_addresses set partition_id = 1`],
    [
      `insert into payment_addresses (address, partition_id, user_id) values ('hot wallet', 0, 'ann');
       ${UPDATE} address = 'hot wallet'`,
    ],
  ])('%s: it has to be looked at', async (change) => {
    expect(await lookAt(change)).toEqual(['odd']);
  });

  describe('the ledger holds the same', () => {
    const UNIT = 'ab'.repeat(28);
    const onChain = (lovelace: string, assets = {}, address = 'at ann') => ({
      lovelace,
      assets,
      address,
    });

    test.each([
      ['select 1', onChain('5'), true],
      ['select 1', onChain('6'), false],
      ['select 1', onChain('5', {}, 'at bob'), false],
      ['select 1', onChain('5', { [UNIT]: '1' }), false],
      [`${UPDATE} assets = '{"${UNIT}": "1"}'`, onChain('5', { [UNIT]: '1' }), true],
      [`${UPDATE} assets = '{"${UNIT}": "1"}'`, onChain('5', { [UNIT]: '2' }), false],
      [`${UPDATE} assets = '{"${UNIT}": "1"}'`, onChain('6', { [UNIT]: '1' }), false],
      [`${UPDATE} assets = '{"${UNIT}": "1"}'`, onChain('5'), false],
      [`${UPDATE} assets = '{"${UNIT}": "1", "aa": [1]}'`, onChain('5', { [UNIT]: '1' }), false],
    ])('%s, %j: %s', async (change, { lovelace, assets, address }, same) => {
      const output = { address, value: readStoredValue(lovelace, assets) };
      const [listed] = await listAfter(change, null);
      expect(listed !== undefined && isSame(listed, output)).toBe(same);
    });
  });

  test('where there is no hot wallet payments are looked at all the same', async () => {
    expect(await lookAt('select 1', null)).toEqual(['held']);
  });

  test('outputs of the wallet have to be looked at', async () => {
    const change = `
      insert into wallet_outputs (tx_hash, output_index, partition_id, address, amount_lovelace, block_hash,
                                  block_height, slot)
      values (repeat('0', 64), 0, 0, 'hot wallet', 5, repeat('c', 64), 5, 100)`;
    expect((await lookAt(change)).sort()).toEqual(['held', 'odd']);
  });
});
