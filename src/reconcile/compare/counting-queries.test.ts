import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { DERIVED, scopeValues } from '../rebuild/candidate-queries.js';
import { countedAboveAmong } from './counting-queries.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const hash = (of: number): string => of.toString(16).padStart(64, '0');
const CURSOR = 500;

await pool.query(
  `insert into sync_state (partition_id, total_partitions, network, start_height)
   values (0, 2, 'preview', 20), (1, 2, 'preview', null)`,
);

let outputs = 0;

/** An address that is watched since then, and what is recorded of it. */
async function watched(
  address: string,
  since: number | null,
  recorded: readonly Partial<Record<'block' | 'asked' | 'partition', number>>[],
  partitionId = 0,
): Promise<void> {
  await pool.query(
    `insert into payment_addresses (address, user_id, partition_id, watched_from) values ($1, 'ann', $2, $3)`,
    [address, partitionId, since],
  );
  for (const { block = null, asked = null, partition = partitionId } of recorded) {
    outputs += 1;
    await pool.query(
      `insert into incoming_payments
         (partition_id, tx_hash, output_index, address, user_id, amount_lovelace, status, block_hash, block_height,
          slot, tx_position, counted_from)
       values ($1, $2, 0, $3, 'ann', 1, 'confirmed', $4, $5, $5, $6, $7)`,
      [
        partition,
        hash(outputs),
        address,
        block === null ? null : hash(9_000 + block),
        block,
        block === null ? null : 0,
        asked,
      ],
    );
  }
}

const STORIES: readonly [what: string, since: number | null, recorded: object[], above: number][] =
  [
    ['from where it is watched', 70, [{ block: 30 }], 70],
    ['never below what was followed', -1, [], 20],
    ['from its first payment, unknown', null, [{ block: 150 }, { block: 130 }], 129],
    [
      'above the ledger that told of it first, unknown',
      null,
      [{ block: 150 }, { asked: 100 }],
      100,
    ],
    [
      'from what its own partition has of it',
      null,
      [{ block: 150 }, { block: 90, partition: 1 }],
      149,
    ],
    ['from the cursor, all unknown', null, [], CURSOR],
  ];

test.each(STORIES)('an address counts %s', async (what, since, recorded, above) => {
  await watched(what, since, recorded);
  const counted = await countedAboveAmong(pool, 0, [what], CURSOR);
  expect([...counted]).toEqual([[what, above]]);
  const made = [above, above + 1];
  const {
    rows: [job],
  } = await pool.query<{ id: string }>(
    `insert into chain_jobs (kind, params, requested_by) values ('rebuild', '{}', 'test') returning id`,
  );
  const jobId = job?.id ?? '';
  await pool.query(
    `insert into rebuild_outputs (job_id, tx_hash, output_index, address, amount_lovelace, assets, has_script,
                                  block_hash, block_height, slot, tx_position)
     select $1, lpad(h::text, 64, '0'), 0, $2, 1, '{}', false, lpad(h::text, 64, '0'), h, h, 0
       from unnest($3::bigint[]) h`,
    [jobId, what, made],
  );
  const scope = {
    jobId,
    partitionId: 0,
    fromHeight: -1,
    height: CURSOR,
    hotWallet: null,
    misdated: [],
  };
  const { rows } = await pool.query<{ block_height: string; in_block: boolean }>(
    `select block_height, in_block from (${DERIVED}) d
      where $3::bigint is not null order by block_height`,
    scopeValues(scope),
  );
  expect(rows.map((row) => [Number(row.block_height), row.in_block])).toEqual([
    [above, false],
    [above + 1, true],
  ]);
});

test('where it is not known from where blocks were followed, its own beginning counts', async () => {
  await watched('elsewhere', 7, [], 1);
  expect(await countedAboveAmong(pool, 1, ['elsewhere'], CURSOR)).toEqual(
    new Map([['elsewhere', 7]]),
  );
});

test('where blocks were followed from is looked up once, and not for each output', async () => {
  const scope = {
    jobId: '0',
    partitionId: 0,
    fromHeight: -1,
    height: CURSOR,
    hotWallet: null,
    misdated: [],
  };
  const { rows } = await pool.query<{ 'QUERY PLAN': string }>(
    `explain select * from (${DERIVED}) d where $3::bigint is not null`,
    scopeValues(scope),
  );
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  expect(plan).toContain('on sync_state');
  expect(plan).not.toMatch(/SubPlan \d+\)?\n[^\n]* on sync_state/);
});
