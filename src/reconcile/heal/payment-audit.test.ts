import { expect, test } from 'vitest';
import { openWorker } from '../../../test/support/following.js';
import { provingJobs } from '../../../test/support/proving-jobs.js';
import { ANN, followedBooks } from '../../../test/support/reconciling.js';
import { followJob } from '../jobs/follow-job.js';
import { requestJob } from '../jobs/job-queries.js';

const { net, copyBooks } = await followedBooks();

type Row = { status: string };
type Details = { cause: string; before: Row | null; after: Row };
type Audited = { action: string; entity: string; actor: string; details: Partial<Details> };

/** Books, and a leader that is asked to set them right and followed to the end. */
async function books() {
  const database = await copyBooks();
  const { pool } = database;
  const heal = async (kind: 'repair' | 'rebuild', params: Record<string, unknown>) => {
    const id = await requestJob(pool, { partitionId: 0, kind, params, requestedBy: 'cli:eve' });
    const leading = [provingJobs(net)];
    const worker = openWorker(database, net, { hotWallet: net.chain.faucet, leading });
    const job = await followJob(pool, id, () => undefined, AbortSignal.timeout(20_000));
    await worker.stop();
    return job;
  };
  const last = await pool.query<{ id: string }>('select max(id)::text as id from audit_log');
  const audited = async () => {
    const { rows } = await pool.query<Audited>(
      `select action, entity_id as entity, actor, details from audit_log
        where id > $1 and entity_type = 'payment' order by id`,
      [last.rows[0]?.id],
    );
    return rows;
  };
  return { pool, heal, audited };
}

const LAST_OF = (status: string): string => `
  (select tx_hash, output_index from incoming_payments
    where status = '${status}' and address = '${ANN[0] ?? ''}' and spent_by is null
      and block_height is not null
    order by block_height desc limit 1)`;
const edit = (was: string, change: string): string => `
  update incoming_payments set ${change} where (tx_hash, output_index) = ${LAST_OF(was)}
  returning tx_hash || '#' || output_index as reference`;

const EDITS = [
  { was: 'pending', is: 'confirmed', change: "status = 'confirmed', confirmed_at = now()" },
  { was: 'confirmed', is: 'pending', change: "status = 'pending', confirmed_at = null" },
  { was: 'confirmed', is: 'ignored', change: "status = 'ignored', confirmed_at = null" },
];
const WAYS = [
  { way: 'a rebuild', kind: 'rebuild', params: { from: 'origin', dryRun: false } },
  { way: 'a repair of its address', kind: 'repair', params: { addresses: [ANN[0]] } },
  { way: 'a repair of all', kind: 'repair', params: { addresses: null } },
] as const;
const CASES = EDITS.flatMap((one) => WAYS.map((way) => ({ ...one, ...way })));

test.each(CASES)(
  'a $was payment that is $is by hand is set right by $way with one audit entry, and by no second one',
  async ({ was, is, change, kind, params }) => {
    const { pool, heal, audited } = await books();
    const { rows } = await pool.query<{ reference: string }>(edit(was, change));
    const reference = rows[0]?.reference;
    const first = await heal(kind, params);
    expect(first.result).toMatchObject({ left: [], ledger: { entries: 0 } });
    const told = await audited();
    expect(told).toMatchObject([{ entity: reference, actor: 'cli:eve' }]);
    const { before, after, cause } = told[0]?.details ?? {};
    // Of a finding's entry, too: the row as it was, and what became of it.
    const confirmedAt = (status: string): unknown =>
      status === 'confirmed' ? expect.stringMatching(/^\d{4}-/) : null;
    expect([before, after]).toMatchObject([
      { status: is, inclusion: 1, confirmedAt: confirmedAt(is) },
      { status: was, inclusion: 1, confirmedAt: confirmedAt(was) },
    ]);
    expect(cause).toContain(kind === 'rebuild' ? `rebuild job ${first.id}` : 'reconciliation run');
    await heal(kind, params);
    expect(await audited()).toEqual(told);
  },
  30_000,
);

test('a payment that is put back as rolled back has one audit entry, with nothing before it', async () => {
  const { pool, heal, audited } = await books();
  const deleted = await pool.query<{ reference: string; inclusion: number }>(`
    delete from incoming_payments where status = 'rolled_back'
    returning tx_hash || '#' || output_index as reference, inclusion`);
  expect(deleted.rowCount).toBeGreaterThan(0);
  const { result } = await heal('rebuild', { from: 'origin', dryRun: false });
  expect(result).toMatchObject({ left: [], ledger: { lost: deleted.rowCount, entries: 0 } });
  const told = await audited();
  expect(told.map(({ entity }) => entity).sort()).toEqual(
    deleted.rows.map(({ reference }) => reference).sort(),
  );
  for (const { action, details } of told) {
    expect(action).toBe('payment.corrected');
    expect(details).toMatchObject({ before: null, after: { status: 'rolled_back' } });
  }
  await heal('rebuild', { from: 'origin', dryRun: false });
  expect(await audited()).toEqual(told);
}, 30_000);
