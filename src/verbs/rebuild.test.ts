import { beforeEach, expect, test, vi } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import {
  askRebuild,
  emptyBooks,
  endOf,
  leadershipOf,
  register,
  startWorker,
  untilFollowed,
} from '../../test/support/rebuilding.js';
import { tellerInTests } from '../../test/support/teller.js';
import { paidBooks } from '../../test/support/verbs-books.js';

const { under, teller, json } = tellerInTests();
const ANN = enterpriseAddress(1);
const BOB = enterpriseAddress(2);

beforeEach(() => emptyBooks(under.database.pool));

/** Books of a chain that nobody follows any more. */
async function leftBooks() {
  const lovelace = [5_000_000n, 6_000_000n];
  const { net, pool, worker } = await paidBooks(under, { address: ANN, lovelace });
  await worker.stop();
  return { net, pool };
}

test('leads itself where nobody does: tells what differs, and then heals it', async () => {
  const { pool } = await leftBooks();
  await pool.query('delete from incoming_payments');

  const dry = await teller(['rebuild', '--from', 'origin', '--dry-run']);
  expect(dry).toMatchObject({ exitCode: 3 });
  expect(dry.out).toMatch(/^5 blocks read in /);
  expect(dry.out).toMatch(/missing_in_db +2 +[0-9a-f]{64}#0 +addr_test1/);
  expect((await pool.query('select 1 from incoming_payments')).rows).toEqual([]);

  const healed = await teller(['rebuild', '--from', 'origin']);
  expect(healed).toMatchObject({ exitCode: 0 });
  expect(healed.out).toContain('2 healed, 0 left open');
  expect((await pool.query('select 1 from incoming_payments')).rows).toHaveLength(2);

  const clean = await json('rebuild', '--from', 'origin', '--dry-run');
  expect(clean.exitCode).toBe(0);
  expect(clean.lines).toMatchObject([
    { state: 'done', dryRun: true, result: { differences: {}, digest: { equal: true } } },
  ]);
});

test.each<[string, string, RegExp]>([
  [
    'ignored by hand',
    "update incoming_payments set status = 'ignored', confirmed_at = null",
    /^ledger: 2 payments differ from their entries; a rebuild corrects what is proven/m,
  ],
  [
    'confirmed by hand',
    "update incoming_payments set status = 'confirmed', confirmed_at = now() where amount_lovelace > 5000000",
    /^ledger: 1 payment differs from its entries; a rebuild corrects what is proven/m,
  ],
  [
    'changed in its balance',
    'update user_balances set available = available + 1000000',
    /^ledger: 1 balance isn't the sum of its entries; a rebuild corrects what is proven/m,
  ],
])('tells of what was %s, though no output differs, and heals it', async (_, change, says) => {
  const { pool } = await leftBooks();
  const books = async () => (await pool.query<{ what: string }>(STATUSES)).rows;
  const before = await books();
  await pool.query(change);
  const changed = await books();
  expect(changed).not.toEqual(before);

  const dry = await teller(['rebuild', '--from', 'origin', '--dry-run']);
  expect(dry.out).toMatch(says);
  expect(dry.out).not.toContain('nothing differs');
  expect(dry.exitCode).toBe(3);
  expect(await books()).toEqual(changed);

  const healed = await teller(['rebuild', '--from', 'origin']);
  expect(healed.out).toMatch(/^ledger: .*(set|entries)/m);
  expect(healed.out).not.toContain('nothing differs');
  expect(healed.exitCode).toBe(0);
  expect(await books()).toEqual(before);

  const clean = await teller(['rebuild', '--from', 'origin', '--dry-run']);
  expect(clean.out).toContain('nothing differs: the books are what the chain says');
  expect(clean.exitCode).toBe(0);
});

const STATUSES = `
  select tx_hash || '#' || output_index as what, status, null::text as available from incoming_payments
  union all
  select user_id || ' ' || unit, null, available::text from user_balances
  order by 1`;

test('ends with 3 where an address is gone that was registered, though no output differs', async () => {
  const { pool } = await leftBooks();
  await register(pool, 'bob', [BOB]);
  await pool.query(`delete from payment_addresses where user_id = 'bob'`);
  for (const words of [['--dry-run'], []]) {
    const { exitCode, out } = await teller(['rebuild', '--from', 'origin', ...words]);
    expect(exitCode).toBe(3);
    expect(out).toContain('no output differs');
    expect(out).toContain(`beside the chain: address ${BOB} isn't in the books`);
  }
});

test('asks whoever leads, and leaves the job to them on Ctrl-C', async () => {
  const { net, pool } = await leftBooks();
  const { task } = leadershipOf();
  // It leads and takes no jobs: the verb can only wait.
  startWorker(under.database, net, { leading: [task] });
  net.mine();
  await untilFollowed(pool, net);
  const asked = teller(['rebuild', '--from', '1d']);
  const id = await vi.waitFor(async () => {
    const { rows } = await pool.query<{ id: string }>('select id::text from chain_jobs');
    expect(rows).toHaveLength(1);
    return rows[0]?.id ?? '';
  });
  process.listeners('SIGINT').at(-1)?.('SIGINT');
  const { exitCode, err } = await asked;
  expect(exitCode).toBe(1);
  expect(err).toContain('teller: interrupted\n');
  expect(err).toContain(`rebuild ${id} goes on where it was with whoever leads`);
  expect(err).toContain(`end it with \`teller rebuild cancel ${id}\``);
  expect(await json('rebuild', 'status')).toMatchObject({
    exitCode: 0,
    lines: [{ items: [{ id, state: 'queued', from: '1d', dryRun: false }] }],
  });
  expect((await teller(['rebuild', 'status'])).out).toMatch(/ID +STATE +FROM[\s\S]*queued +1d +no/);

  expect((await teller(['rebuild', 'cancel', id])).out).toContain(`rebuild ${id} is cancelled`);
  const again = await teller(['rebuild', 'cancel', id]);
  expect(again).toMatchObject({ exitCode: 1 });
  expect(again.err).toContain('has ended already: cancelled');
  expect((await teller(['rebuild', 'cancel', '999'])).err).toContain('is unknown');
});

test('is refused on a database of another network, and no job is left', async () => {
  const { pool } = await leftBooks();
  await pool.query("update sync_state set network = 'mainnet'");
  const { exitCode, out, err } = await teller(['rebuild', '--from', 'origin']);
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  expect(err).toContain('but this database follows mainnet');
  expect((await pool.query('select 1 from chain_jobs')).rows).toEqual([]);
});

test('fails with a reason where it can’t be done', async () => {
  const { pool } = await leftBooks();
  const unknown = `7.${'ab'.repeat(32)}`;
  const id = await askRebuild(pool, { from: unknown });
  const asked = teller(['rebuild', '--from', 'origin', '--dry-run']);
  expect(await endOf(pool, id)).toMatchObject({
    state: 'failed',
    problem: expect.stringMatching(/^--from: given 7\.abab.* is no block of the chain/) as string,
  });
  expect((await asked).exitCode).toBe(0);
});

test('is refused, before a job is made of it, from a block that is on no chain', async () => {
  const { net, pool } = await leftBooks();
  const jobs = async () => (await pool.query('select 1 from chain_jobs')).rowCount;
  const unknown = await teller(['rebuild', '--from', `7.${'ab'.repeat(32)}`]);
  expect(unknown.exitCode).toBe(2);
  expect(unknown.err).toMatch(/^teller: --from: given 7\.abab.* is no block of the chain/);
  const tip = net.chain.blocks().at(-1);
  const slot = Number(tip?.slot);
  const other = await teller(['rebuild', '--from', `${slot + 1}.${tip?.id}`]);
  expect(other.exitCode).toBe(2);
  expect(other.err).toContain(`that block is of slot ${slot}: ${slot}.${tip?.id}`);
  expect(await jobs()).toBe(0);
});

test.each([
  [['rebuild'], /--from: wanted `origin`, SLOT.BLOCKHASH, or days ago/],
  [['rebuild', '--from', 'yesterday'], /yesterday[\s\S]*Wanted `origin`/],
  [['rebuild', 'cancel', 'x'], /ID: given x, wanted a number/],
])('is refused: %j', async (words, message) => {
  const { exitCode, err } = await teller(words);
  expect(exitCode).toBe(2);
  expect(err).toMatch(message);
});

test('is refused where no block was ever followed, whoever would lead', async () => {
  const { pool } = under.database;
  const { exitCode, out, err } = await teller(['rebuild', '--from', 'origin']);
  expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
  expect(err).toContain(
    'this database has not followed a block yet, so there is nothing to rebuild',
  );
  expect((await pool.query('select 1 from chain_jobs')).rows).toEqual([]);
  expect((await pool.query('select 1 from sync_state')).rows).toEqual([]);
});
