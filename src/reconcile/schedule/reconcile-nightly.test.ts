import type { Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { NETWORK, viewOf } from '../../../test/support/following.js';
import { followedBooks } from '../../../test/support/reconciling.js';
import type { ChainView, LedgerView } from '../../sync/chain-view.js';
import { TermOver } from '../../sync/follower.js';
import { createLeadership, type Leadership, type LeadingTask } from '../../sync/leadership.js';
import { beginTerm } from '../../sync/queries.js';
import type { ProofEvent } from '../model/proof-events.js';
import { reconcileNightly } from './reconcile-nightly.js';
import { readSchedule } from './schedule-queries.js';
import { schedules } from './schedules.js';

const { net, copyBooks } = await followedBooks();

const viewThat = (differs: (view: LedgerView) => Partial<LedgerView>): ChainView => ({
  ...viewOf(net),
  ledgerAt: async (...args) => {
    const view = await viewOf(net).ledgerAt(...args);
    return { ...view, ...differs(view) };
  },
});

async function books() {
  const database = await copyBooks();
  const remember = `insert into schedules (name, last_due, last_outcome, attempt)
                    values ('reconcile', now() - interval '2 days', 'noted', 0)`;
  await database.pool.query(remember);
  return database;
}

const runOf = (chain: ChainView, observe: (event: ProofEvent) => void) =>
  reconcileNightly({
    chain,
    hotWallet: net.chain.faucet,
    observe,
    now: () => new Date(),
    pacing: { pauseMs: 0, pauseShare: 0 },
  });

/** What a leader does at RECONCILE_CRON, where a comparison is due. */
const nightly = (chain: ChainView, observe: (event: ProofEvent) => void = () => undefined) =>
  schedules({ now: Date.now, observe }, [
    {
      name: 'reconcile',
      cron: '0 3 * * *',
      run: runOf(chain, observe),
    },
  ]);

/** A promise that somebody else keeps. */
function promised() {
  let keep: () => void = () => undefined;
  const kept = new Promise<void>((resolve) => {
    keep = resolve;
  });
  return { kept, keep };
}

/** Leads from now on, until the test ends; whoever led before doesn't, and isn't told. */
async function lead(pool: Pool, tasks: readonly LeadingTask[]): Promise<Leadership> {
  const term = await beginTerm(pool, 0, 1, NETWORK);
  if ('refused' in term) throw new Error(term.refused);
  const end = new AbortController();
  const leadership = createLeadership(pool, term, () => undefined, end.signal);
  const done = Promise.all(tasks.map((task) => task(leadership)));
  onTestFinished(async () => {
    end.abort(new Error('the test ended'));
    await done;
  });
  return leadership;
}

test('a comparison whose leader froze is gone on with at once by the next, and the first writes nothing more', async () => {
  const { pool } = await books();
  const reached = promised();
  const woken = promised();
  const frozen = viewThat((view) => ({
    atAddresses: async (addresses) => {
      reached.keep();
      await woken.kept;
      return view.atAddresses(addresses);
    },
  }));
  const refused = promised();
  const ofFirst: ProofEvent[] = [];
  const first = nightly(frozen, (event) => {
    ofFirst.push(event);
    refused.keep();
  });
  await lead(pool, first);
  await reached.kept;

  let compared = 0;
  const counting = viewThat((view) => ({
    among: (references) => {
      compared += 1;
      return view.among(references);
    },
  }));
  const finished = promised();
  const ofSecond: ProofEvent[] = [];
  const second = nightly(counting, (event) => {
    ofSecond.push(event);
    if (event.type === 'reconciliation_finished') finished.keep();
  });
  await lead(pool, second);
  await finished.kept;
  expect(ofSecond.map(({ type }) => type)).toEqual([
    'reconciliation_resumed',
    'reconciliation_finished',
  ]);
  // The outputs, which the first had compared, weren't asked for again.
  expect(compared).toBe(0);
  const runs = () =>
    pool.query<object>('select id::int, state, matched::int from reconciliation_runs');
  const { rows } = await runs();
  expect(rows).toMatchObject([{ id: 1, state: 'finished' }]);

  woken.keep();
  await refused.kept;
  expect(ofFirst).toMatchObject([
    { type: 'schedule_failed', reason: expect.stringContaining('somebody else') as string },
  ]);
  expect((await runs()).rows).toEqual(rows);
  await expect
    .poll(async () => (await readSchedule(pool, 'reconcile'))?.outcome, { timeout: 10_000 })
    .toBe('done');
});

test.each([
  ['has begun', true],
  ['is about to begin', false],
])(
  'who leads no more neither takes over nor begins a comparison that the next leader %s',
  async (_when, hasBegun) => {
    const { pool } = await books();
    const before = await lead(pool, []);
    const stale = runOf(viewOf(net), () => undefined);
    const reached = promised();
    const woken = promised();
    const slow = viewThat((view) => ({
      atAddresses: async (addresses) => {
        reached.keep();
        await woken.kept;
        return view.atAddresses(addresses);
      },
    }));
    const told: ProofEvent[] = [];
    const finished = promised();
    const tasks = nightly(slow, (event) => {
      told.push(event);
      finished.keep();
    });
    if (!hasBegun) {
      await lead(pool, []);
      await expect(stale(before)).rejects.toThrow(TermOver);
      expect((await pool.query('select 1 from reconciliation_runs')).rows).toEqual([]);
    }
    await lead(pool, tasks);
    await reached.kept;
    await expect(stale(before)).rejects.toThrow(TermOver);
    woken.keep();
    await finished.kept;
    expect(told.map(({ type }) => type)).toEqual(['reconciliation_finished']);
    const { rows } = await pool.query('select id::int, state from reconciliation_runs');
    expect(rows).toEqual([{ id: 1, state: 'finished' }]);
  },
);

test('a comparison that a person asked for is not taken from them', async () => {
  const { pool } = await books();
  await pool.query(
    `insert into reconciliation_runs
       (partition_id, scope, state, requested_by, slot, block_hash, block_height, progress)
     select partition_id, 'full', 'running', 'operator:zoe', last_slot, last_block_hash,
            last_block_height, '{"runner": "zoes", "phase": "outputs"}' from sync_state`,
  );
  const finished = promised();
  const tasks = nightly(viewOf(net), (event) => {
    if (event.type === 'reconciliation_finished') finished.keep();
  });
  await lead(pool, tasks);
  await finished.kept;
  const { rows } = await pool.query(
    `select requested_by as who, state, progress ->> 'runner' = 'zoes' as hers
       from reconciliation_runs order by id`,
  );
  expect(rows).toEqual([
    { who: 'operator:zoe', state: 'running', hers: true },
    { who: 'schedule', state: 'finished', hers: false },
  ]);
});
