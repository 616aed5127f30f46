import type { Pool } from 'pg';
import { describe, expect, test } from 'vitest';
import { ADA } from '../../../test/support/follow.js';
import { viewOf } from '../../../test/support/following.js';
import { ANN, CAROL, DAVE, followedBooks, startWorker } from '../../../test/support/reconciling.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { createLeadership } from '../../sync/leadership.js';
import { beginTerm } from '../../sync/queries.js';
import {
  type Compared,
  type ContinuousDeps,
  compareContinuously,
  compareRound,
  NOTHING_COMPARED,
} from './continuous.js';
import { readCoverage } from './coverage-queries.js';

const { net, copyBooks } = await followedBooks();
const [FIRST = '', SECOND = ''] = ANN;
const EVERYONE = [FIRST, SECOND, CAROL, DAVE].sort();
const NEVER = Number.MAX_SAFE_INTEGER;

async function followed(database: TestDatabase): Promise<void> {
  const worker = startWorker(database, net);
  await worker.untilAtTip();
  await worker.stop();
}

/** Beside what a test pays, the chain has payments of its own to Ann. */
async function touchedAbove(pool: Pool, height: number): Promise<string[]> {
  const { rows } = await pool.query<{ address: string }>(
    `select distinct address from incoming_payments
      where block_height > $1 or spent_height > $1 order by address`,
    [height],
  );
  return rows.map(({ address }) => address);
}

async function lead(pool: Pool, signal = new AbortController().signal) {
  const term = await beginTerm(pool, 0, 1, 'custom:42');
  if ('refused' in term) throw new Error(term.refused);
  return createLeadership(pool, term, () => undefined, signal);
}

/** Rounds of one leader by a clock of its own, each a minute after the one before; no sample unless one is asked for. */
async function rounds(pool: Pool, wishes: Partial<ContinuousDeps> = {}) {
  const leadership = await lead(pool);
  let at = Date.now();
  let state: Compared = NOTHING_COMPARED;
  const deps: ContinuousDeps = {
    chain: viewOf(net),
    hotWallet: null,
    observe: () => undefined,
    now: () => new Date(at),
    random: () => 0,
    sampleMs: NEVER,
    pacing: { pauseMs: 0, pauseShare: 0 },
    ...wishes,
  };
  /** @returns what was compared */
  const next = async (): Promise<string[]> => {
    at += 60_000;
    state = await compareRound(deps, leadership, state);
    const { rows } = await pool.query<{ address: string }>(
      'select address from address_checks where checked_at = $1 order by address',
      [new Date(at)],
    );
    return rows.map(({ address }) => address);
  };
  return { next, now: () => new Date(at) };
}

describe('what changed', () => {
  test('is compared once, and again when it changes again', async () => {
    const database = await copyBooks();
    const { next } = await rounds(database.pool);
    expect(await next()).toEqual(EVERYONE);
    expect(await next()).toEqual([]);
    const before = net.chain.blocks().at(-1)?.height ?? 0;
    net.payNow({ address: CAROL, lovelace: 3n * ADA });
    await followed(database);
    const changed = await touchedAbove(database.pool, before);
    expect(changed).toContain(CAROL);
    expect(changed).not.toContain(DAVE);
    expect(await next()).toEqual(changed);
    expect(await next()).toEqual([]);
  });

  test('is compared in turn where it is more than one batch, and none is left out', async () => {
    const { pool } = await copyBooks();
    const { next } = await rounds(pool, { batchMax: 1 });
    const compared: string[] = [];
    for (let round = 0; round < EVERYONE.length; round += 1) {
      const some = await next();
      expect(some).toHaveLength(1);
      compared.push(...some);
    }
    expect(compared.sort()).toEqual(EVERYONE);
    expect(await next()).toEqual([]);
  });

  test('is also what was rolled back and never came again', async () => {
    const database = await copyBooks();
    const { next } = await rounds(database.pool);
    // What it held before lies further back than is looked at again.
    for (let block = 0; block < 60; block += 1) net.mine();
    await followed(database);
    expect(await next()).toEqual(EVERYONE);
    net.payNow({ address: DAVE, lovelace: 3n * ADA });
    await followed(database);
    expect(await next()).toContain(DAVE);
    const before = net.chain.blocks().at(-2)?.height ?? 0;
    net.fork(1, { comeBack: 'none' });
    await followed(database);
    const { rows } = await database.pool.query(
      "select 1 from incoming_payments where address = $1 and status = 'rolled_back'",
      [DAVE],
    );
    expect(rows).toHaveLength(1);
    expect(await touchedAbove(database.pool, before)).not.toContain(DAVE);
    // By the clock of these rounds that was in the past.
    await database.pool.query("update address_checks set checked_at = now() - interval '1 hour'");
    const compared = await next();
    expect(compared).toContain(DAVE);
    expect(compared).not.toContain(CAROL);
    expect(await next()).toEqual([]);
  });
});

describe('of what did not change', () => {
  test('as many are drawn as fit, where a sample is due', async () => {
    const { pool } = await copyBooks();
    const before = await rounds(pool);
    expect(await before.next()).toEqual(EVERYONE);
    const { next } = await rounds(pool, { batchMax: 1, sampleMs: 150_000, random: () => 0.99 });
    expect(await next()).toEqual([DAVE]);
    expect(await next()).toEqual([]);
    expect(await next()).toEqual([]);
    expect(await next()).toEqual([DAVE]);
  });
});

describe('the hot wallet', () => {
  const { faucet } = net.chain;

  test('is compared as often as a sample is, and counts among what is covered', async () => {
    const { pool } = await copyBooks();
    const { next, now } = await rounds(pool, { hotWallet: faucet, batchMax: 4, sampleMs: 150_000 });
    expect(await readCoverage(pool, 0, now())).toMatchObject({ watched: 5, reconciledRatio: 0 });
    expect(await next()).toEqual([...EVERYONE, faucet].sort());
    expect(await readCoverage(pool, 0, now())).toMatchObject({ watched: 5, reconciledRatio: 1 });
    expect(await next()).not.toContain(faucet);
    expect(await next()).not.toContain(faucet);
    expect(await next()).toContain(faucet);
  });

  test('is told of once where it differs', async () => {
    const { pool } = await copyBooks();
    await pool.query(
      'update wallet_outputs set amount_lovelace = amount_lovelace + 1 where spent_by is null',
    );
    const found = async () =>
      (
        await pool.query<{ type: string; address: string }>(
          'select distinct type, address from reconciliation_discrepancies',
        )
      ).rows;
    const { next } = await rounds(pool, { hotWallet: faucet, sampleMs: 0 });
    expect(await next()).toContain(faucet);
    expect(await found()).toEqual([{ type: 'amount_mismatch', address: faucet }]);
    expect(await next()).not.toContain(faucet);
  });

  test('that was not asked for its past waits for that', async () => {
    const { pool } = await copyBooks();
    await pool.query('delete from wallet_backfills');
    const { next } = await rounds(pool, { hotWallet: faucet, sampleMs: 0 });
    expect(await next()).toEqual(EVERYONE);
  });
});

test('a node that was busy is left alone for twenty times as long', async () => {
  const { pool } = await copyBooks();
  const end = new AbortController();
  let at = Date.now();
  const rests: number[] = [];
  const view = viewOf(net);
  await compareContinuously({
    chain: {
      ...view,
      ledgerAt: (...asked) => {
        at += 4_000;
        return view.ledgerAt(...asked);
      },
    },
    hotWallet: null,
    observe: () => undefined,
    now: () => new Date(at),
    random: () => 0,
    pacing: { pauseMs: 0, pauseShare: 0 },
    sampleMs: NEVER,
    pause: (ms) => {
      rests.push(ms);
      at += ms;
      if (rests.length === 3) end.abort(new Error('seen'));
      return Promise.resolve();
    },
  })(await lead(pool, end.signal));
  expect(rests).toEqual([60_000, 80_000, 60_000]);
});
