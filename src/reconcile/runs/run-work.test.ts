import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import type { Point } from '../../chain/point.js';
import { inTransaction } from '../../database/transaction.js';
import { firstProgress, type RunProgress } from './run-progress.js';
import { beginAt, insertRun } from './run-queries.js';
import { createWork, RunTaken } from './run-work.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const nobodyAsks = (): Promise<never> => Promise.reject(new Error('nobody asks'));
const AT = { point: { slot: 1 as Point['slot'], id: 'a'.repeat(64) }, height: 1 };

/** A run whose totals know so many units. */
async function workWith(units: number) {
  const progress = firstProgress('test');
  const start = { partitionId: 0, scope: 'full', requestedBy: 'test', repair: false } as const;
  const runId = await insertRun(pool, start, progress);
  await inTransaction(pool, (tx) => beginAt(tx, runId, AT, progress));
  const reported: number[] = [];
  const work = createWork(
    {
      pool,
      partitionId: 0,
      hotWallet: null,
      chain: { ledgerAt: nobodyAsks, read: nobodyReads },
      signal: new AbortController().signal,
    },
    {
      runId,
      at: AT,
      questions: {
        atAddresses: nobodyAsks,
        among: nobodyAsks,
        release: nobodyAsks,
        giveUp: nobodyAsks,
      },
      confirmationsHeld: false,
    },
    progress,
    (done) => reported.push(done),
  );
  for (let unit = 0; unit < units; unit += 1) work.totals.recorded.set(`${unit}`, 1n);
  const stored = async (): Promise<RunProgress | undefined> => {
    const { rows } = await pool.query<{ progress: RunProgress }>(
      'select progress from reconciliation_runs where id = $1',
      [runId],
    );
    return rows[0]?.progress;
  };
  return { runId, work, reported, stored };
}

function nobodyReads(): never {
  throw new Error('nobody reads');
}

test('progress through books of few units is written at each page', async () => {
  const { work, stored } = await workWith(2);
  await work.advance({ matched: 8 }, 8);
  expect(await stored()).toMatchObject({ matched: 8, recorded: { 0: '1', 1: '1' } });
});

test('progress through books of many units is written once so much was compared that it is worth it', async () => {
  const { work, reported, stored } = await workWith(100);
  await work.advance({ matched: 300 }, 300);
  expect(await stored()).toMatchObject({ matched: 0, recorded: {} });
  expect(work.progress().matched).toBe(300);
  work.totals.recorded.set('0', 7n);
  await work.advance({ matched: 400, addresses: 5 }, 100, 5);
  expect(await stored()).toMatchObject({ matched: 400, addresses: 5, recorded: { 0: '7' } });
  expect(reported).toEqual([300, 5]);
});

test('what is committed takes along all progress until then', async () => {
  const { work, stored } = await workWith(100);
  await work.advance({ matched: 300 }, 300);
  await work.commit({ phase: 'addresses' });
  expect(await stored()).toMatchObject({ phase: 'addresses', matched: 300, recorded: { 0: '1' } });
});

test('nothing is written for a run that another one goes on with', async () => {
  const { runId, work } = await workWith(1);
  await pool.query(
    `update reconciliation_runs set progress = progress || '{"runner": "other"}' where id = $1`,
    [runId],
  );
  await expect(work.advance({ matched: 4 }, 4)).rejects.toThrow(RunTaken);
  await expect(work.commit({ matched: 4 })).rejects.toThrow(RunTaken);
});
