import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { expect, onTestFinished, vi } from 'vitest';
import { parseNetwork } from '../../src/chain/network.js';
import type { Devnet } from '../../src/devnet/server.js';
import { checkDigest } from '../../src/payments/digest/check-digest.js';
import { registerAddresses } from '../../src/payments/registration.js';
import { followJob } from '../../src/reconcile/jobs/follow-job.js';
import {
  endJob,
  type Job,
  type JobFields,
  readJob,
  requestJob,
  saveProgress,
  takeJob,
} from '../../src/reconcile/jobs/job-queries.js';
import { runJobs } from '../../src/reconcile/jobs/job-runner.js';
import { rebuildJob } from '../../src/reconcile/jobs/rebuild-work.js';
import type { ProofEvent } from '../../src/reconcile/model/proof-events.js';
import { askSlotAt } from '../../src/reconcile/rebuild/ask-slot.js';
import { rebuild } from '../../src/reconcile/rebuild/rebuild.js';
import type { RebuildDeps } from '../../src/reconcile/rebuild/rebuild-parts.js';
import type { ChainView } from '../../src/sync/chain-view.js';
import type { Leadership, LeadingTask } from '../../src/sync/leadership.js';
import { devnet } from './devnet.js';
import { emptyTables, POLICY } from './follow.js';
import { endpointsTo, NETWORK, openWorker, viewOf, type WorkerWishes } from './following.js';
import type { TestDatabase } from './test-databases.js';

/** The real worker, until the test ends or it is stopped. */
export function startWorker(database: TestDatabase, net: Devnet, wishes: WorkerWishes = {}) {
  const worker = openWorker(database, net, wishes);
  onTestFinished(worker.stop);
  return worker;
}

export const rebuildDeps = (
  net: Devnet,
  wishes: Pick<WorkerWishes, 'hotWallet' | 'policy'> & Partial<RebuildDeps> = {},
): RebuildDeps => ({
  chain: viewOf(net),
  policy: POLICY,
  observe: () => undefined,
  now: () => new Date(),
  slotAt: askSlotAt(endpointsTo(net)),
  ...wishes,
  hotWallet: wishes.hotWallet ?? null,
});

/** What a leader does, with jobs looked for more often than an operator would mind. */
export const doRebuilds = (
  deps: RebuildDeps,
  observe: (event: ProofEvent) => void = () => undefined,
): LeadingTask =>
  runJobs({
    work: {
      rebuild: rebuildJob(deps),
      repair: () => Promise.reject(new Error('nobody asks for it here')),
    },
    observe,
    pause: async (ms, signal) => {
      await sleep(Math.min(ms, 20), undefined, { signal });
    },
  });

export const askRebuild = (
  pool: pg.Pool,
  params: { from: string; dryRun?: boolean },
): Promise<string> =>
  requestJob(pool, {
    partitionId: 0,
    kind: 'rebuild',
    params: { dryRun: false, ...params },
    requestedBy: 'cli:test',
  });

export const endOf = (pool: pg.Pool, id: string): Promise<Job> =>
  followJob(pool, id, () => undefined, AbortSignal.timeout(60_000));

export async function register(
  pool: pg.Pool,
  userId: string,
  addresses: readonly string[],
  backfill = false,
): Promise<void> {
  const network = parseNetwork(NETWORK);
  if (network === undefined) throw new Error('no network');
  const results = await registerAddresses(
    pool,
    addresses.map((address) => ({ address, userId, backfill })),
    { network, partitionId: 0, hotWalletAddress: null, actor: 'cli' },
  );
  expect(results.map(({ outcome }) => outcome)).not.toContain('invalid');
}

const eventually = (check: () => unknown): Promise<unknown> =>
  vi.waitFor(check, { timeout: 20_000, interval: 20 });

export const untilFollowed = (pool: pg.Pool, net: Devnet): Promise<unknown> =>
  eventually(async () => {
    const { rows } = await pool.query<{ hash: string }>(
      'select last_block_hash as hash from sync_state',
    );
    expect(rows[0]?.hash).toBe(net.chain.blocks().at(-1)?.id);
  });

export const untilBackfilled = (pool: pg.Pool): Promise<unknown> =>
  eventually(async () => {
    const { rows } = await pool.query<{ waiting: number }>(
      'select count(*)::int as waiting from payment_addresses where backfilled_height is null',
    );
    expect(rows[0]?.waiting).toBe(0);
  });

export const untilWalletBackfilled = (pool: pg.Pool): Promise<unknown> =>
  eventually(async () => {
    const { rows } = await pool.query('select 1 from wallet_backfills');
    expect(rows).toHaveLength(1);
  });

/** As a new database is, also where jobs were left open. */
export async function emptyBooks(pool: pg.Pool): Promise<void> {
  await emptyTables(pool);
  await pool.query('truncate chain_jobs, state_digests cascade');
}

/** All that a rebuild may have to do with, as text: equal texts are equal books. */
export async function booksOf(pool: pg.Pool): Promise<readonly string[]> {
  const { rows } = await pool.query<{ line: string }>(`
    select 'payment ' || to_jsonb(p)::text as line from (
      select tx_hash, output_index, address, user_id, amount_lovelace, assets, status, inclusion,
             required_confirmations, block_hash, block_height, slot, tx_position, counted_from, spent_by,
             spent_height, detected_at is not null as detected, confirmed_at is not null as confirmed
        from incoming_payments) p
    union all select 'wallet ' || to_jsonb(w)::text from wallet_outputs w
    union all select 'balance ' || to_jsonb(b)::text from user_balances b
    union all select 'digest ' || to_jsonb(d)::text from state_digests d
    order by 1`);
  return rows.map(({ line }) => line);
}

/** Unspent recorded outputs that count, by reference, against the devnet's own ledger. */
export async function expectLedger(
  pool: pg.Pool,
  net: Devnet,
  addresses: readonly string[],
): Promise<void> {
  const { rows } = await pool.query<{ reference: string; amount: string }>(
    `select tx_hash || '#' || output_index as reference, amount_lovelace::text as amount
       from incoming_payments where spent_by is null and status <> 'rolled_back'
     union all
     select tx_hash || '#' || output_index, amount_lovelace::text from wallet_outputs where spent_by is null`,
  );
  const truth = net.chain.unspentAt(net.chain.blocks().at(-1)?.id ?? 'origin', addresses);
  expect(new Map(rows.map(({ reference, amount }) => [reference, amount]))).toEqual(
    new Map([...truth].map(([reference, { lovelace }]) => [reference, lovelace.toString()])),
  );
}

/** What must hold whatever happened: balances are their ledger, the digest is that of the tables. */
export async function expectProven(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query(`
    select b.user_id, b.unit from user_balances b
      left join (select user_id, unit, sum(case type when 'credit' then amount else -amount end)
                          filter (where bucket = 'available') as available
                   from balance_transactions group by 1, 2) s using (user_id, unit)
     where b.available <> coalesce(s.available, 0)`);
  expect(rows).toEqual([]);
  const check = await checkDigest(pool, 0);
  expect(check.firstDifference).toBeNull();
}

/** Chain views whose readings come block by block, with something done before each. */
export const blockByBlock = (
  chain: ChainView,
  before: (height: number) => Promise<unknown> | undefined = () => undefined,
): ChainView => ({
  ledgerAt: (point, signal) => chain.ledgerAt(point, signal),
  async *read(offered, signal) {
    for await (const reading of chain.read(offered, signal)) {
      if (reading.type === 'backward') yield reading;
      else {
        for (const block of reading.blocks) {
          await before(block.block.height);
          yield { ...reading, blocks: [block] };
        }
      }
    }
    throw new Error('a chain goes on for ever');
  },
});

/** A pool that does something after statements of a kind; each takes until that is done. */
export const afterStatements = (
  real: pg.Pool,
  kind: RegExp,
  act: () => Promise<unknown>,
): pg.Pool =>
  new Proxy(real, {
    get: (target, name) => {
      if (name !== 'query') return Reflect.get(target, name) as unknown;
      return async (text: string, values?: unknown[]) => {
        const result = await target.query(text, values);
        if (kind.test(text)) await act();
        return result;
      };
    },
  });

/** Somebody killed the process: whoever takes the job next knows what was saved. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** What is about to be saved, and what others see until then. */
type Told = (progress: JobFields, seen: JobFields) => void;

/**
 * Works on a rebuild in lives of so many saves each, until it is done. @returns how many lives it took
 */
export async function rebuildInLives(
  deps: RebuildDeps,
  leadership: Leadership,
  params: { readonly from: string; readonly dryRun?: boolean },
  savesOf: (life: number) => number,
  told?: Told,
): Promise<{ readonly lives: number; readonly job: Job }> {
  const { pool } = leadership;
  const id = await askRebuild(pool, params);
  for (let life = 1; ; life += 1) {
    const runner = randomUUID();
    const taken = await leadership.write((tx) => takeJob(tx, 0, runner));
    if (taken === null) throw new Error('there must be a job');
    let left = savesOf(life);
    try {
      await rebuild(deps, {
        ...taken,
        leadership,
        signal: leadership.signal,
        save: async (tx, progress) => {
          expect(await saveProgress(tx, id, runner, progress)).toBe(true);
          told?.(progress, (await readJob(pool, id))?.progress ?? {});
          left -= 1;
          if (left < 0) throw new Killed('killed');
        },
        complete: async (tx, result) => {
          expect(await endJob(tx, id, runner, { state: 'done', result })).toBe(true);
          left -= 1;
          if (left < 0) throw new Killed('killed');
        },
      });
      return { lives: life, job: await endOf(pool, id) };
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
  }
}

/** A leading task that hands its leadership out and does nothing. */
export function leadershipOf(): { task: LeadingTask; leadership: Promise<Leadership> } {
  let hand: (leadership: Leadership) => void = () => undefined;
  const leadership = new Promise<Leadership>((resolve) => {
    hand = resolve;
  });
  const task: LeadingTask = (given) => {
    hand(given);
    return new Promise((resolve) => given.signal.addEventListener('abort', () => resolve()));
  };
  return { task, leadership };
}

/** A chain in the books, and the leadership of whoever follows it. */
export async function followedChain(
  database: TestDatabase,
  owner: { readonly userId: string; readonly addresses: readonly string[] },
  blocks = 20,
) {
  const { pool } = database;
  const net = await devnet({ blocks: 3 });
  const hotWallet = net.chain.faucet;
  await register(pool, owner.userId, owner.addresses);
  net.chain.watch(owner.addresses);
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
