import { beforeEach, expect, test } from 'vitest';
import { handMadeBooks } from '../../test/support/hand-made-books.js';
import { tellerInTests } from '../../test/support/teller.js';
import { inTransaction } from '../database/transaction.js';
import { FIRST_DIGEST } from '../payments/digest/facts.js';
import { rewriteDigests } from '../payments/digest/recompute.js';

const { under, teller, json } = tellerInTests();

beforeEach(async () => {
  await under.database.pool.query('truncate state_digests');
  await under.database.pool.query(`
    insert into sync_state (partition_id, total_partitions, network, started, last_slot, last_block_hash,
                            last_block_height)
    values (0, 1, 'preprod', true, 2000, repeat('a', 64), 110)`);
  const books = handMadeBooks(under.database.pool);
  await books.payment({ blockHeight: 7 });
  await books.payment({ blockHeight: 90 });
  await inTransaction(under.database.pool, (tx) => rewriteDigests(tx, 0, 0));
});

test('is told for the last block, and for an earlier one', async () => {
  const { lines } = await json('digest');
  expect(lines).toMatchObject([{ partitionId: 0, height: 110, lastFactsAt: 90 }]);
  const [{ digest: early } = { digest: '' }] = (await json('digest', '--at', '89')).lines as {
    digest: string;
  }[];
  expect(early).toMatch(/^[0-9a-f]{64}$/);
  expect(lines).not.toMatchObject([{ digest: early }]);
  expect(await json('digest', '--at', '7')).toMatchObject({
    lines: [{ digest: early, height: 7 }],
  });
  expect(await json('digest', '--at', '6')).toMatchObject({ lines: [{ digest: FIRST_DIGEST }] });
  expect((await teller(['digest'])).out).toMatch(/height +110\n/);
});

test('of a block that isn’t followed yet can’t be asked for', async () => {
  const { exitCode, err } = await teller(['digest', '--at', '111']);
  expect(exitCode).toBe(2);
  expect(err).toContain('--at: given 111, but these books end at height 110');
});

test('equals that of other books up to the block where they part, and at no height above', async () => {
  const heights = [0, 7, 89, 90, 91, 110];
  const digests = async () => {
    const asked: unknown[] = [];
    for (const height of heights) {
      const { lines } = await json('digest', '--at', String(height));
      asked.push(...lines.map((line) => (line as { digest: string }).digest));
    }
    return asked;
  };
  const ours = await digests();
  await under.database.pool.query(
    'update incoming_payments set amount_lovelace = amount_lovelace + 1 where block_height = 90',
  );
  await inTransaction(under.database.pool, (tx) => rewriteDigests(tx, 0, 0));
  const theirs = await digests();
  const equal = heights.filter((_, i) => ours[i] === theirs[i]);
  expect(equal).toEqual([0, 7, 89]);
});

test('is held against the tables, and the first block that differs is named', async () => {
  expect(await teller(['digest', '--check'])).toMatchObject({ exitCode: 0 });
  await under.database.pool.query(
    'update incoming_payments set amount_lovelace = amount_lovelace + 1 where block_height = 90',
  );
  expect(await json('digest', '--check')).toMatchObject({
    exitCode: 3,
    lines: [{ firstDifference: { height: 90 } }],
  });
  expect((await teller(['digest', '--check'])).out).toMatch(/first difference at +90\n/);
  expect(await json('digest', '--check', '--at', '89')).toMatchObject({ exitCode: 0 });
});

test('what another hand folded in above the cursor is found too', async () => {
  await under.database.pool.query(
    "insert into state_digests values (0, 9999, 1, repeat('1', 64), repeat('2', 64))",
  );
  expect(await json('digest', '--check')).toMatchObject({
    exitCode: 3,
    lines: [{ firstDifference: { height: 9999 }, differing: [{ upTo: 9999 }] }],
  });
  const { out } = await teller(['digest', '--check']);
  expect(out).toMatch(/first difference at +9999\n/);
  expect(out).toContain('above height 110 no block was followed');
  expect(await json('digest', '--check', '--at', '110')).toMatchObject({ exitCode: 0 });
});
