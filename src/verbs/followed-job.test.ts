import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import { askRebuild, emptyBooks, leadershipOf } from '../../test/support/rebuilding.js';
import { tellerInTests } from '../../test/support/teller.js';
import { paidBooks } from '../../test/support/verbs-books.js';
import { runTeller } from './program.js';

const { under } = tellerInTests();
const ANN = enterpriseAddress(1);
const PATIENCE = { timeout: 20_000 };

beforeEach(() => emptyBooks(under.database.pool));

/** Somebody types it, and sees what it says while it says it. */
function typed(...words: string[]) {
  const on = { out: '', err: '' };
  const terminal = {
    environment: under.environment,
    out: (text: string): void => {
      on.out += text;
    },
    err: (text: string): void => {
      on.err += text;
    },
    isInteractive: false,
  };
  const ended = runTeller(words, terminal, () => Promise.reject(new Error('nothing runs here')));
  const says = (what: string) => vi.waitFor(() => expect(on.err).toContain(what), PATIENCE);
  return { on, ended, says };
}

const jobs = async (state: string): Promise<string[]> => {
  const { rows } = await under.database.pool.query<{ id: string }>(
    'select id::text from chain_jobs where state = $1 order by chain_jobs.id',
    [state],
  );
  return rows.map(({ id }) => id);
};
const untilJobs = (count: number, state: string) =>
  vi.waitFor(async () => expect(await jobs(state)).toHaveLength(count), PATIENCE);
const failAll = () =>
  under.database.pool.query("update chain_jobs set state = 'failed', problem = 'not today'");

/** Books, and a worker that leads and takes no jobs. */
function followedBooks() {
  const { task } = leadershipOf();
  return paidBooks(under, { address: ANN, lovelace: [5_000_000n], leading: [task] });
}

test('who types the same rebuild again follows the one that runs, to its end', async () => {
  const { pool, worker } = await paidBooks(under, { address: ANN, lovelace: [5_000_000n] });
  await worker.stop();
  // The rebuild writes what it read there, and waits.
  const holder = await pool.connect();
  onTestFinished(() => holder.release(true));
  await holder.query('begin; lock table rebuild_outputs in exclusive mode');
  const words = ['rebuild', '--from', 'origin', '--dry-run'];
  const first = typed(...words, '--json');
  await untilJobs(1, 'running');
  const again = typed(...words);
  const inJson = typed(...words, '--json');
  await Promise.all([again.says('following'), inJson.says('following')]);
  await holder.query('rollback');
  expect(await Promise.all([first.ended, again.ended, inJson.ended])).toEqual([0, 0, 0]);
  const [id = '', ...others] = await jobs('done');
  expect(others).toEqual([]);
  expect(again.on.err).toMatch(
    new RegExp(
      `^following rebuild ${id} \\(--from origin --dry-run\\), which operator:\\S+ asked for at \\d{4}-\\S+Z: ` +
        'what changed since it began may not be in it, ask again once it has ended\n' +
        `rebuild ${id}: .*(begin at|blocks|reading)`,
    ),
  );
  expect(again.on.out).toContain('nothing differs: the books are what the chain says');
  expect(JSON.parse(first.on.out)).toMatchObject({ id, followed: false });
  expect(JSON.parse(inJson.on.out)).toMatchObject({ id, followed: true, state: 'done' });
});

test('a followed rebuild that fails fails for all who follow it', async () => {
  const { pool } = await followedBooks();
  const id = await askRebuild(pool, { from: '1d' });
  const asked = typed('rebuild', '--from', '1d');
  await asked.says(`following rebuild ${id} (--from 1d), which cli:test asked for at `);
  await failAll();
  expect(await asked.ended).toBe(1);
  expect(asked.on.err).toContain(`Z\nrebuild ${id}: queued\n`);
  expect(asked.on.err).toContain(`rebuild ${id} failed: not today`);
  expect(asked.on.err).not.toContain('may not be in it');
});

test('who asks for something else is told what comes before it', async () => {
  const { pool } = await followedBooks();
  const dry = await askRebuild(pool, { from: 'origin', dryRun: true });
  const repair = typed('reconcile', '--repair');
  await untilJobs(2, 'queued');
  const applied = typed('rebuild', '--from', 'origin');
  await untilJobs(3, 'queued');
  const [, second, third] = await jobs('queued');
  const behindDry = `is queued behind rebuild ${dry} (--from origin --dry-run), which cli:test asked for at `;
  await repair.says(`repair ${second} ${behindDry}`);
  await applied.says(`rebuild ${third} ${behindDry}`);
  await applied.says(`rebuild ${third} is queued behind repair ${second}, which operator:`);
  await failAll();
  expect(await Promise.all([repair.ended, applied.ended])).toEqual([1, 1]);
});

test('who types the same repair again follows the one that is queued', async () => {
  await followedBooks();
  const first = typed('reconcile', '--repair');
  await untilJobs(1, 'queued');
  const again = typed('reconcile', '--repair');
  const some = typed('reconcile', '--repair', '--address', ANN);
  await untilJobs(2, 'queued');
  const [all, other] = await jobs('queued');
  await again.says(`following repair ${all}, which operator:`);
  await again.says(`Z\nrepair ${all}: queued\n`);
  await some.says(`repair ${other} is queued behind repair ${all}, which operator:`);
  await failAll();
  expect(await Promise.all([first, again, some].map(({ ended }) => ended))).toEqual([1, 1, 1]);
  expect(first.on.err).not.toContain('following');
});

test('who follows a repair has its outcome, and says so in JSON', async () => {
  const { worker } = await followedBooks();
  const first = typed('reconcile', '--repair', '--json');
  await untilJobs(1, 'queued');
  const again = typed('reconcile', '--repair', '--json');
  await again.says('following');
  // Then one of the two leads and does it.
  await worker.stop();
  expect(await Promise.all([first.ended, again.ended])).toEqual([0, 0]);
  expect(JSON.parse(first.on.out)).toMatchObject({ followed: false, run: { repair: true } });
  expect(JSON.parse(again.on.out)).toMatchObject({ followed: true, run: { repair: true } });
  expect(await jobs('done')).toHaveLength(1);
});
