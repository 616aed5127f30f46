import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import { tellerInTests } from '../../test/support/teller.js';
import { waitForLeadership } from '../sync/leader.js';
import { LEADER_LOCK_CLASS } from '../sync/leader-session.js';

const { under, teller, json } = tellerInTests();

describe('addresses', () => {
  test('are added, found again, and kept for their owner', async () => {
    const add = [
      'address',
      'add',
      enterpriseAddress(1),
      '--user',
      'ann',
      '--ref-type',
      'order',
      '--ref-id',
      '7',
    ];
    expect(await json(...add)).toEqual({
      exitCode: 0,
      lines: [{ address: enterpriseAddress(1), outcome: 'created' }],
    });
    expect(await teller(add)).toMatchObject({
      exitCode: 0,
      out: `${enterpriseAddress(1)}: was watched already\n`,
    });
    expect(await json(...add, '--backfill')).toMatchObject({ lines: [{ outcome: 'exists' }] });
    expect(await json('address', 'show', enterpriseAddress(1))).toMatchObject({
      lines: [{ backfill: true, backfilledHeight: null }],
    });
    const bob = await teller(['address', 'add', enterpriseAddress(1), '--user', 'bob']);
    expect(bob).toMatchObject({ exitCode: 1, out: '' });
    expect(bob.err).toContain('another user');
    expect(await json('address', 'show', enterpriseAddress(1))).toMatchObject({
      lines: [{ userId: 'ann', referenceType: 'order', referenceId: '7' }],
    });
    expect((await teller(['address', 'show', enterpriseAddress(2)])).exitCode).toBe(1);
    const listed = await json('address', 'list', '--user', 'ann');
    expect(listed.lines).toMatchObject([
      { items: [{ address: enterpriseAddress(1) }], nextCursor: null },
    ]);
  });

  test('of another network than that of the database are refused', async () => {
    await under.database.pool.query(
      "insert into sync_state (partition_id, total_partitions, network) values (0, 1, 'preview')",
    );
    const { exitCode, err } = await teller([
      'address',
      'add',
      enterpriseAddress(1),
      '--user',
      'ann',
    ]);
    expect(exitCode).toBe(2);
    expect(err).toContain('this database follows preview');
  });

  test('cannot draw on the terminal', async () => {
    await teller(['address', 'add', enterpriseAddress(1), '--user', '\u001b[2Jann']);
    const { out } = await teller(['address', 'list']);
    expect(out).toContain('\\u{1b}[2Jann');
    expect(out).not.toContain('\u001b');
  });
});

describe('an empty database', () => {
  test('follows no network yet', async () => {
    expect(await json('status')).toMatchObject({ lines: [{ network: null, cursor: null }] });
    expect((await teller(['status'])).out).toMatch(/network +-\n/);
  });

  test('is told in a sentence, and with --json as it is', async () => {
    expect((await teller(['payment', 'list'])).out).toBe('there are no such payments\n');
    expect((await teller(['address', 'list'])).out).toBe('no such address is watched\n');
    expect((await teller(['balance', 'show', 'ann'])).out).toBe('ann has no balance yet\n');
    expect(await json('payment', 'list')).toMatchObject({ lines: [{ items: [] }] });
    expect(await json('address', 'list')).toMatchObject({ lines: [{ items: [] }] });
    expect(await json('balance', 'show', 'ann')).toMatchObject({ lines: [{ balances: [] }] });
  });

  test('has no balances to verify', async () => {
    expect(await teller(['balance', 'verify'])).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining(
        '0 balances equal the sums of their 0 ledger entries\n' +
          'rows under seal: 0 of the ledger, 0 of the audit log\n',
      ) as string,
    });
  });
});

describe('reading', () => {
  beforeEach(async () => {
    await teller(['address', 'add', enterpriseAddress(1), '--user', 'ann']);
    await under.database.pool.query(`
      insert into sync_state (partition_id, total_partitions, network, started, last_slot,
                              last_block_hash, last_block_height, tip_height, leader_epoch)
      values (0, 1, 'preprod', true, 2000, repeat('a', 64), 110, 112, 4)`);
    await under.database.pool.query(
      `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace,
         status, block_hash, block_height, slot, required_confirmations)
       values (repeat('c', 64), 1, $1, 'ann', 18446744073709551615, 'pending', repeat('a', 64), 105, 1900, 15)`,
      [enterpriseAddress(1)],
    );
    await under.database.pool.query(
      "insert into user_balances values ('ann', 'lovelace', 0, 0, 5)",
    );
  });

  test('payments are listed and shown', async () => {
    const { out } = await teller([
      'payment',
      'list',
      '--user',
      'ann',
      '--address',
      enterpriseAddress(1),
    ]);
    expect(out).toContain(`${'c'.repeat(64)}#1`);
    expect(out).toContain('18446744073709.551615');
    expect(out).toContain('6/15');
    const shown = await json('payment', 'show', `${'C'.repeat(64)}#1`);
    expect(shown).toMatchObject({
      exitCode: 0,
      lines: [{ amountLovelace: '18446744073709551615' }],
    });
    expect((await teller(['payment', 'show', `${'d'.repeat(64)}#1`])).exitCode).toBe(1);
  });

  test('a balance that is not the sum of its entries ends with 3', async () => {
    expect(await json('balance', 'verify')).toMatchObject({
      exitCode: 3,
      lines: [{ balances: 1, mismatchCount: 1, mismatches: [{ userId: 'ann' }] }],
    });
    expect((await teller(['balance', 'verify'])).out).toContain(
      '1 of 1 balance differs from its ledger',
    );
    await under.database.pool.query('delete from user_balances');
    // The payment has no entry either, and was never folded into the digest.
    expect(await json('balance', 'verify')).toMatchObject({
      exitCode: 3,
      lines: [{ mismatchCount: 0, ledger: { count: 1 }, totalMismatches: 2 }],
    });
    await under.database.pool.query('delete from incoming_payments');
    expect((await teller(['balance', 'verify'])).exitCode).toBe(0);
  });

  test('a single balance that is the sum of its single entry is told as one', async () => {
    await under.database.pool.query(
      `insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
       values ('ann', 'lovelace', 'pending', 'credit', 5, 'test')`,
    );
    expect((await teller(['balance', 'verify'])).out).toContain(
      '1 balance equals the sum of its 1 ledger entry\n',
    );
  });

  test('balances and status are shown', async () => {
    expect((await teller(['balance', 'show', 'ann'])).out).toContain('0.000005');
    expect(await json('balance', 'show', 'ann')).toMatchObject({
      lines: [{ balances: [{ unit: 'lovelace', pending: '5' }] }],
    });
    expect(await json('status')).toMatchObject({
      lines: [
        {
          network: 'preprod',
          leaderEpoch: 4,
          cursor: { height: 110 },
          lag: 2,
          watchedAddresses: 1,
          payments: { pending: 1 },
        },
      ],
    });
    expect((await teller(['status'])).out).toMatch(/^leader +nobody$[\s\S]*blocks behind +2/m);
  });

  test('whoever leads is named, and so is a session that does not say who it is', async () => {
    const never = new AbortController().signal;
    const lock = await waitForLeadership(under.database.url, 0, never, { verb: 'rebuild' });
    const { lines } = await json('status');
    expect(lines).toMatchObject([{ leader: { verb: 'rebuild', pid: process.pid } }]);
    expect((await teller(['status'])).out).toMatch(
      new RegExp(`^leader +teller rebuild, process ${process.pid} on \\S+$`, 'm'),
    );
    await lock.release();
    const client = await under.database.pool.connect();
    onTestFinished(() => client.release(true));
    await client.query('select pg_advisory_lock($1, 0)', [LEADER_LOCK_CLASS]);
    expect((await teller(['status'])).out).toMatch(/^leader +somebody whose session/m);
  });
});
