import type { Pool } from 'pg';
import { expect, test } from 'vitest';
import { COPIED_TO_WALLET, HELD, ONE, SPENT } from '../../../test/support/misplaced-rows.js';
import { depsOf, followedBooks } from '../../../test/support/reconciling.js';
import { inTransaction } from '../../database/transaction.js';
import { compareRecorded } from './compare-recorded.js';
import { lastRecordedPoint } from './comparison-point.js';
import { readSuspects } from './discrepancy-queries.js';
import { askLedger, GENTLE, realPause } from './ledger-questions.js';
import { firstProgress } from './run-progress.js';
import { beginAt, insertRun } from './run-queries.js';
import { createWork } from './run-work.js';

const { net, copyBooks } = await followedBooks();

/** What comparing the recorded outputs alone makes of the books as they are. */
async function compared(pool: Pool) {
  const deps = depsOf(pool, net);
  const at = await lastRecordedPoint(pool, 0);
  const progress = firstProgress('test');
  const start = { partitionId: 0, scope: 'full', requestedBy: 'test', repair: false } as const;
  const runId = await insertRun(pool, start, progress);
  await inTransaction(pool, (tx) => beginAt(tx, runId, at, progress));
  const asking = { ...deps, pacing: GENTLE, pause: realPause, clock: () => performance.now() };
  const questions = askLedger(at.point, asking);
  const run = { runId, at, questions, confirmationsHeld: false };
  const work = createWork(deps, run, progress, () => undefined);
  await compareRecorded(work);
  await questions.release();
  const suspects = await readSuspects(pool, runId, 10);
  return {
    matched: work.progress().matched,
    lovelace: work.totals.recorded.get('lovelace') ?? 0n,
    suspects: suspects.map(({ reference, doubt, recorded }) => [reference, doubt, recorded?.kind]),
  };
}

test.each([
  ['held', HELD, 1n],
  ['spent', SPENT, 0n],
])(
  'of a %s output that both tables have one row matches as before, and the other is suspected',
  async (_what, where, times) => {
    const { pool } = await copyBooks();
    const sound = await compared(pool);
    expect(sound.matched).toBeGreaterThan(0);
    expect(sound.suspects).toEqual([]);
    const { rows } = await pool.query<{ reference: string; lovelace: string }>(
      `${COPIED_TO_WALLET('p.address', ONE(where))}
       returning tx_hash || '#' || output_index as reference, amount_lovelace as lovelace`,
    );
    const [{ reference, lovelace } = { reference: '', lovelace: '' }] = rows;
    expect(await compared(pool)).toEqual({
      matched: sound.matched,
      // Both rows say that it is held: that is what the books make of it until it is repaired.
      lovelace: sound.lovelace + times * BigInt(lovelace),
      suspects: [[reference, 'placement', 'wallet']],
    });
  },
);
