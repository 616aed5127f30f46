import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { handMadeBooks } from '../../test/support/hand-made-books.js';
import { tellerInTests } from '../../test/support/teller.js';
import { inTransaction } from '../database/transaction.js';
import { entriesOfConfirmation, entriesOfDetection } from '../payments/ledger.js';
import { setOfName } from '../reconcile/backup/backup-name.js';
import { sealAppended } from '../reconcile/seals/sealing.js';

const { under, teller, json } = tellerInTests();
const directory = mkdtempSync(join(tmpdir(), 'teller-notes-'));
afterAll(() => rmSync(directory, { recursive: true }));

test('its help names a backup as backups are named', async () => {
  const { out } = await teller(['balance', 'verify', '--help']);
  const name = /\/([^/\s]+\.zip)/.exec(out)?.[1] ?? '';
  expect(setOfName(name, 'preprod')).toBe('critical');
});

const change = (text: string) => under.database.pool.query(text);
const noteIn = (content: string): string => {
  const file = join(directory, 'note.json');
  writeFileSync(file, content);
  return file;
};
const seal = () =>
  sealAppended(
    {
      pool: under.database.pool,
      signal: new AbortController().signal,
      write: (work) => inTransaction(under.database.pool, (tx) => work(tx, new Date(), null)),
    },
    'ledger',
    () => undefined,
  );

beforeEach(async () => {
  await change('truncate seals, audit_log');
  const books = handMadeBooks(under.database.pool);
  const payment = await books.payment({ status: 'confirmed' });
  await books.enter([...entriesOfDetection(payment), ...entriesOfConfirmation(payment)]);
  await seal();
});

test('books that agree are told in few lines', async () => {
  const { exitCode, out } = await teller(['balance', 'verify']);
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^1 balance equals the sum of its 3 ledger entries\n/);
  expect(out).toContain('rows under seal: 3 of the ledger, 0 of the audit log\n');
  expect(out).toMatch(/ada +5\.000000 +0\.000000 +5\.000000 +0\.000000 +0\.000000\n$/);
});

test('a database of another network is refused', async () => {
  await change(
    "insert into sync_state (partition_id, total_partitions, network) values (0, 1, 'mainnet')",
  );
  const { exitCode, out, err } = await teller(['balance', 'verify']);
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  expect(err).toContain('NETWORK: given preprod, but this database follows mainnet');
});

test('a database of any network is verified where none is named', async () => {
  await change(
    "insert into sync_state (partition_id, total_partitions, network) values (0, 1, 'mainnet')",
  );
  for (const NETWORK of [undefined, '']) {
    const environment = { DATABASE_URL: under.database.url, NETWORK };
    const { out, err } = await teller(['balance', 'verify'], { environment });
    expect(out + err).toMatch(/^1 balance equals the sum of its 3 ledger entries\n/);
  }
});

test('what differs is told with both values and what to do', async () => {
  await change('update incoming_payments set amount_lovelace = 6000000');
  await change('update balance_transactions set reason = reason || $$!$$');
  const { exitCode, out } = await teller(['balance', 'verify']);
  expect(exitCode).toBe(3);
  expect(out).toMatch(/#0 +ann +lovelace +available +5000000 +6000000\n/);
  expect(out).toMatch(/ledger +1 +\d+-\d+ +3 +3\n/);
  expect(out).toContain('2 mismatches. ');
  expect(out).toContain('teller reconcile --repair');
  expect(out).toContain('never changes a sealed row');
});

test('rows that nobody can bring back are accepted by a person, once, and count as they are', async () => {
  await change("update balance_transactions set reason = reason || '!'");
  const { out } = await teller(['balance', 'verify']);
  expect(out).toContain('`teller balance accept-seal ledger/1 --reason TEXT`');
  expect(out).not.toContain('--repair');
  const accept = (...words: string[]) => teller(['balance', 'accept-seal', ...words]);
  const accepted = await accept('ledger/1', '--reason', 'ticket 77');
  expect(accepted).toMatchObject({ exitCode: 0, err: '' });
  expect(accepted.out).toMatch(/^ledger\/1: 3 rows with ids .* count as they are from now on\n$/);
  expect((await teller(['balance', 'verify'])).exitCode).toBe(0);
  const { rows } = await change(
    "select entity_id, actor, details->>'reason' as reason from audit_log where action = 'seal.accepted'",
  );
  const actor = `operator:${userInfo().username}`;
  expect(rows).toEqual([{ entity_id: 'ledger/1', actor, reason: 'ticket 77' }]);

  const again = await accept('ledger/1', '--reason', 'twice');
  expect(again).toMatchObject({ exitCode: 1, out: '' });
  expect(again.err).toContain('accepted as they are already');
  expect((await accept('ledger/9', '--reason', 'none')).err).toContain('there is no such seal');
  expect(await accept('payments/1', '--reason', 'x')).toMatchObject({ exitCode: 2 });
  expect(await accept('ledger/1', '--reason', ' ')).toMatchObject({ exitCode: 2 });
  expect(await accept('ledger/1')).toMatchObject({ exitCode: 2 });
});

const giveByHand = (user: string, reason: string) =>
  change(`
    with e as (
      insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
      values ('${user}', 'lovelace', 'available', 'credit', 7000000, '${reason}'))
    insert into user_balances values ('${user}', 'lovelace', 7000000, 0, 0)`);

test('what people entered by hand is counted and is no mismatch', async () => {
  await giveByHand('zoe', 'goodwill');
  const { exitCode, out } = await teller(['balance', 'verify']);
  expect(exitCode).toBe(0);
  expect(out).toContain('of these 1 entry by hand, which no payment or payout answers for:\n');
  expect(out).toMatch(/ada +1 +7\.000000\n/);
  expect(await json('balance', 'verify')).toMatchObject({
    lines: [{ manualEntries: { count: 1, units: [{ sum: '7000000' }] } }],
  });
});

test('an entry that says to be a payment’s and names none is told with what takes it back', async () => {
  await giveByHand('mallory', 'payment_confirmed');
  const { exitCode, out } = await teller(['balance', 'verify']);
  expect(exitCode).toBe(3);
  expect(out).toContain('1 × an entry that names neither a payment nor a payout\n');
  expect(out).toMatch(/\d+ +payment_confirmed +mallory +lovelace +available +credit +7000000\n/);
  expect(out).toContain('append the opposite of such an entry');
  expect(out).not.toContain('appends the entries that are lacking');
});

test.each([
  ['upper(tx_hash)', 'transaction'],
  ["'garbage'", 'transaction'],
])('an entry whose transaction was set to %s is told with what to do', async (value, what) => {
  await change(`update balance_transactions set tx_hash = ${value}`);
  const { exitCode, out } = await teller(['balance', 'verify']);
  expect(exitCode).toBe(3);
  expect(out).toContain('3 × of a payment or payout that does not exist\n');
  expect(out).toMatch(new RegExp(`Entry \\d+ was edited: \\w+ is no ${what} id\\. Nothing heals`));
  await change('update balance_transactions set tx_hash = repeat($$9$$, 64)');
  expect((await teller(['balance', 'verify'])).out).not.toContain('was edited');
});

test('rows that should long be sealed are told of', async () => {
  await change('delete from seals');
  const { exitCode, out } = await teller(['balance', 'verify']);
  expect(exitCode).toBe(0);
  expect(out).toContain(
    'warning: no row of the ledger is under a seal, though one was written at 2026-01-01T',
  );
  expect(out).toContain('`--against FILE` tells\n');
});

test('what it found is noted for the metrics, and while a restore fills books in it refuses', async () => {
  await change('truncate verifications');
  await change('update incoming_payments set amount_lovelace = 6000000');
  await teller(['balance', 'verify']);
  const { rows } = await change('select mismatches::int from verifications');
  expect(rows).toEqual([{ mismatches: 1 }]);
  await change(
    `insert into chain_jobs (kind, params, requested_by) values ('rebuild', '{"after": "restore"}', 'test')`,
  );
  const { exitCode, err } = await teller(['balance', 'verify']);
  await change('delete from chain_jobs');
  expect(exitCode).toBe(1);
  expect(err).toMatch(
    /^teller: the books are being made again by rebuild job \d+, after a restore/,
  );
});

test('a long list ends, and says so', async () => {
  await change(
    `insert into user_balances select 'user ' || n, 'lovelace', n from generate_series(1, 30) as n`,
  );
  expect((await teller(['balance', 'verify'])).out).toContain('and 10 more: --json shows');
});

test('what it printed before tells of an end that was cut off, and of one that was written anew', async () => {
  const { out } = await teller(['balance', 'verify', '--json']);
  const against = noteIn(out);
  expect(await json('balance', 'verify', '--against', against)).toMatchObject({ exitCode: 0 });
  await change('delete from seals');
  expect(await json('balance', 'verify', '--against', against)).toMatchObject({
    exitCode: 3,
    lines: [{ seals: { notAsNoted: [{ chain: 'ledger', seal: 1, stored: null }] } }],
  });
  await change("update balance_transactions set reason = 'other'");
  await seal();
  expect((await teller(['balance', 'verify', '--against', against])).out).toContain(
    '1 × a seal that is not what was noted of it\n',
  );
});

test('a note may be written by hand', async () => {
  const against = noteIn(JSON.stringify({ ledger: { seal: 1, hash: 'a'.repeat(64) } }));
  expect(await json('balance', 'verify', '--against', against)).toMatchObject({
    exitCode: 3,
    lines: [{ seals: { notAsNoted: [{ noted: 'a'.repeat(64) }] } }],
  });
});

test('reserves that lack something are told, and end with 3 where that is asked for', async () => {
  const complete = await teller(['balance', 'verify', '--reserves']);
  expect(complete).toMatchObject({ exitCode: 0 });
  await change("update incoming_payments set spent_by = repeat('7', 64), spent_height = 50");
  const { exitCode, out } = await teller(['balance', 'verify']);
  expect(exitCode).toBe(0);
  expect(out).toMatch(/ada +5\.000000 +0\.000000 +0\.000000 +0\.000000 +-5\.000000\n/);
  expect(out).toContain('warning: the wallets hold less than users are owed in 1 unit:');
  expect(await json('balance', 'verify', '--reserves')).toMatchObject({
    exitCode: 3,
    lines: [{ totalMismatches: 0, shortfall: { units: 1, lovelace: '5000000' } }],
  });
  const help = (await teller(['balance', 'verify', '--help'])).out.replace(/\s+/g, ' ');
  expect(help).toContain('exit 3 also where the wallets hold less of a unit than users are owed');
});

test.each([
  ['that is no note', '{"ledger": 1}'],
  ['that is no JSON', 'hello'],
])('a file %s is refused', async (_, content) => {
  const { exitCode, err } = await teller(['balance', 'verify', '--against', noteIn(content)]);
  expect(exitCode).toBe(2);
  expect(err).toContain('--against: given');
});

test('a file that isn’t there is refused, and so is a broken backup', async () => {
  const missing = join(directory, 'missing');
  expect(await teller(['balance', 'verify', '--against', missing])).toMatchObject({ exitCode: 2 });
  const broken = noteIn('PK and nothing else');
  const { exitCode, err } = await teller(['balance', 'verify', '--against', broken]);
  expect(exitCode).toBe(1);
  expect(err).toContain(broken);
});

/** Somebody changes a table, and whoever reads all of it waits. */
async function whileHeld(work: () => Promise<unknown>): Promise<void> {
  const holder = await under.database.pool.connect();
  try {
    await holder.query('begin');
    await holder.query('lock table balance_transactions');
    await work();
    await holder.query('rollback');
  } finally {
    holder.release();
  }
}

const WAITING = `
  select 1 from pg_stat_activity
   where datname = current_database() and application_name like 'chain-teller verify%' and wait_event_type = 'Lock'`;
const untilWaiting = () =>
  vi.waitFor(async () => expect((await change(WAITING)).rows).not.toEqual([]), { timeout: 5_000 });

test('what takes seconds says how far it is', async () => {
  let verifying: ReturnType<typeof teller> | undefined;
  await whileHeld(async () => {
    verifying = teller(['balance', 'verify']);
    // A line is told every three of them.
    await sleep(3_500);
  });
  expect(await verifying).toMatchObject({ exitCode: 0 });
  expect((await verifying)?.err).toMatch(/^\d+ parts of the books, \d+\/s, \d+ %, \d+ s left\n$/);
});

test('Ctrl-C ends it, and what the database still reads for it', async () => {
  await whileHeld(async () => {
    const verifying = teller(['balance', 'verify']);
    await untilWaiting();
    process.listeners('SIGINT').at(-1)?.('SIGINT');
    expect(await verifying).toMatchObject({ exitCode: 1, err: 'teller: interrupted\n', out: '' });
    await vi.waitFor(async () => expect((await change(WAITING)).rows).toEqual([]));
  });
});
