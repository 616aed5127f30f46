import { type OutputReference, outputReference } from '../../chain/block.js';
import type { Queryable, Tx } from '../../database/transaction.js';
import type { Stretch } from '../../payments/digest/check-digest.js';
import { DOUBTS, type Doubt } from '../compare/judge-outputs.js';
import type { ChainOutput, DiscrepancyType, Finding, RecordedOutput } from '../model/finding.js';
import {
  readOnChain,
  readRecorded,
  type StoredOnChain,
  type StoredRecorded,
  showOnChain,
  showRecorded,
} from './finding-json.js';

/**
 * What has to be looked for in blocks, stored like a finding so that an interrupted run knows it, until it
 * is replaced by what was found out.
 */
export type Suspect = {
  readonly doubt: Doubt;
  readonly reference: OutputReference;
  readonly address: string;
  readonly recorded: RecordedOutput | null;
  readonly onChain: ChainOutput | null;
};

const SUSPECT_TYPE: Readonly<Record<Doubt, DiscrepancyType>> = {
  gone: 'spent_mismatch',
  placement: 'status_mismatch',
  missing: 'missing_in_db',
};
const LOOKING = 'being looked for in the blocks: ';

const INSERT = `
  insert into reconciliation_discrepancies
    (run_id, type, tx_hash, output_index, address, recorded, on_chain, reason)
  select $1, * from unnest($2::text[], $3::text[], $4::int[], $5::text[], $6::jsonb[], $7::jsonb[], $8::text[])
  on conflict (run_id, type, tx_hash, output_index)`;
const KEEP_FIRST = `${INSERT} do nothing`;
// What is looked for in blocks is told anew from what is found there.
const LOOK_ANYWAY = `${INSERT} do update set recorded = excluded.recorded, reason = excluded.reason,
  on_chain = coalesce(excluded.on_chain, reconciliation_discrepancies.on_chain)`;

type Row = {
  readonly type: DiscrepancyType;
  readonly reference: OutputReference;
  readonly address: string;
  readonly recorded: RecordedOutput | null;
  readonly onChain: ChainOutput | null;
  readonly reason: string | null;
};

async function insert(
  tx: Tx,
  query: string,
  runId: string,
  rows: readonly Row[],
  more: readonly unknown[] = [],
): Promise<void> {
  if (rows.length === 0) return;
  const parts = rows.map(({ reference }) => reference.split('#'));
  await tx.query(query, [
    runId,
    rows.map(({ type }) => type),
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
    rows.map(({ address }) => address),
    rows.map(({ recorded }) => (recorded === null ? null : JSON.stringify(showRecorded(recorded)))),
    rows.map(({ onChain }) => (onChain === null ? null : JSON.stringify(showOnChain(onChain)))),
    rows.map(({ reason }) => reason),
    ...more,
  ]);
}

export const storeFindings = (tx: Tx, runId: string, findings: readonly Finding[]) =>
  insert(
    tx,
    KEEP_FIRST,
    runId,
    findings.map((one) => ({ ...one, reason: one.unexplained })),
  );

export const storeSuspects = (tx: Tx, runId: string, suspects: readonly Suspect[]) =>
  insert(
    tx,
    LOOK_ANYWAY,
    runId,
    [...new Map(suspects.map((one) => [`${one.doubt} ${one.reference}`, one])).values()].map(
      (one) => ({ ...one, type: SUSPECT_TYPE[one.doubt], reason: LOOKING + one.doubt }),
    ),
  );

const READ = `
  select type, tx_hash, output_index, address, recorded, on_chain, reason
    from reconciliation_discrepancies
   where run_id = $1 and reason like $2
   order by id limit $3`;

type StoredRow = {
  type: DiscrepancyType;
  tx_hash: string;
  output_index: number;
  address: string;
  recorded: StoredRecorded | null;
  on_chain: StoredOnChain | null;
  reason: string | null;
};

const outputsOf = (row: StoredRow) => {
  const reference = outputReference(row.tx_hash, row.output_index);
  return {
    reference,
    address: row.address,
    recorded: row.recorded === null ? null : readRecorded(reference, row.recorded),
    onChain: row.on_chain === null ? null : readOnChain(reference, row.on_chain),
  };
};

export async function readSuspects(
  db: Queryable,
  runId: string,
  limit: number,
): Promise<Suspect[]> {
  const { rows } = await db.query<StoredRow>(READ, [runId, `${LOOKING}%`, limit]);
  return rows.flatMap((row) => {
    const doubt = DOUBTS.find((one) => row.reason === LOOKING + one);
    return doubt === undefined ? [] : [{ doubt, ...outputsOf(row) }];
  });
}

const FORGET = `
  delete from reconciliation_discrepancies
   where run_id = $1 and (tx_hash, output_index) in (select * from unnest($2::text[], $3::int[]))
  returning id::text, type, tx_hash || '#' || output_index as reference`;
const CONCLUDE = `
  insert into reconciliation_discrepancies
    (id, run_id, type, tx_hash, output_index, address, recorded, on_chain, reason)
  overriding system value
  select coalesce(id, nextval(pg_get_serial_sequence('reconciliation_discrepancies', 'id'))),
         $1, type, tx_hash, output_index, address, recorded, on_chain, reason
    from unnest($2::text[], $3::text[], $4::int[], $5::text[], $6::jsonb[], $7::jsonb[], $8::text[], $9::bigint[])
         with ordinality as w (type, tx_hash, output_index, address, recorded, on_chain, reason, id, position)
   order by position
  on conflict (run_id, type, tx_hash, output_index) do nothing`;

type Noted = {
  readonly id: string;
  readonly type: DiscrepancyType;
  readonly reference: OutputReference;
};

/**
 * What blocks say of these outputs is told instead of all that was noted of them, by the numbers that it had:
 * somebody may have read them.
 */
export async function concludeOutputs(
  tx: Tx,
  runId: string,
  references: readonly OutputReference[],
  findings: readonly Finding[],
): Promise<void> {
  const parts = references.map((reference) => reference.split('#'));
  const { rows } = await tx.query<Noted>(FORGET, [
    runId,
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
  ]);
  const found = findings.map((one) => ({ ...one, reason: one.unexplained }));
  await insert(tx, CONCLUDE, runId, found, [numbersOf(found, rows)]);
}

/** Each finding's number: that of the same difference, else of another one of its output; null where there is none. */
function numbersOf(
  findings: readonly Pick<Row, 'type' | 'reference'>[],
  noted: readonly Noted[],
): (string | null)[] {
  const key = ({ type, reference }: Pick<Row, 'type' | 'reference'>): string =>
    `${type} ${reference}`;
  const found = new Set(findings.map(key));
  const same = new Map(noted.map((one) => [key(one), one.id]));
  const free = new Map<OutputReference, string[]>();
  for (const one of noted.filter((row) => !found.has(key(row)))) {
    free.set(one.reference, [...(free.get(one.reference) ?? []), one.id]);
  }
  return findings.map((one) => same.get(key(one)) ?? free.get(one.reference)?.shift() ?? null);
}

const NAMED = `
  select distinct d.tx_hash || '#' || d.output_index as reference
    from reconciliation_discrepancies d
    join unnest($2::text[], $3::int[]) as w (tx_hash, output_index) using (tx_hash, output_index)
   where d.run_id = $1`;

/** Those of the outputs about which the run found something already. */
export async function namedAmong(
  db: Queryable,
  runId: string,
  references: readonly OutputReference[],
): Promise<Set<OutputReference>> {
  const parts = references.map((reference) => reference.split('#'));
  const { rows } = await db.query<{ reference: OutputReference }>(NAMED, [
    runId,
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
  ]);
  return new Set(rows.map(({ reference }) => reference));
}

const MISSED_BEFORE = `
  select count(*)::int as count
    from reconciliation_discrepancies d join payment_addresses a using (address)
   where d.run_id = $1 and d.type = 'missing_in_db'
     and a.backfilled_height > $2 and a.backfilled_height <= $3`;

/** How many outputs a run misses of which no block told, but ledgers of these heights. */
export const missedBefore = async (
  db: Queryable,
  runId: string,
  { above, upTo }: Stretch,
): Promise<number> =>
  (await db.query<{ count: number }>(MISSED_BEFORE, [runId, above, upTo])).rows[0]?.count ?? 0;

const GIVE_UP = `
  update reconciliation_discrepancies set reason = $2 where run_id = $1 and reason like $3`;

/** More of them than can be looked for: they stay open. */
export const giveUpSuspects = (tx: Tx, runId: string, reason: string) =>
  tx.query(GIVE_UP, [runId, reason, `${LOOKING}%`]);

const FORGET_ALL = 'delete from reconciliation_discrepancies where run_id = $1';

/** What was found at a point that is lost means nothing at another one. */
export const forgetFindings = (tx: Tx, runId: string) => tx.query(FORGET_ALL, [runId]);

// The bare name would order by the text that is read, and pages would leave out what crosses 10,000.
const FINDINGS = `
  select d.id::text, d.type, d.tx_hash, d.output_index, d.address, d.recorded, d.on_chain, d.reason
    from reconciliation_discrepancies d
   where d.run_id = $1 and d.state = 'open' and d.id > $2
   order by d.id limit $3`;
const PAGE_ROWS = 1000;

/** What a run found and nobody closed yet, in pages. */
export async function* findingPages(
  db: Queryable,
  runId: string,
): AsyncGenerator<Finding[], void, void> {
  for (let after = '0'; ; ) {
    const { rows } = await db.query<StoredRow & { id: string }>(FINDINGS, [
      runId,
      after,
      PAGE_ROWS,
    ]);
    if (rows.length > 0) {
      yield rows.map((row) => ({ type: row.type, ...outputsOf(row), unexplained: row.reason }));
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) return;
    after = last.id;
  }
}

const CLOSE_OLDER = `
  update reconciliation_discrepancies d
     set state = 'explained', closed_at = now(), closed_by = 'run ' || $1::text,
         reason = case when exists (
           select 1 from reconciliation_discrepancies n
            where n.run_id = $1::bigint and n.type = d.type and n.tx_hash = d.tx_hash
              and n.output_index = d.output_index)
         then 'seen again in run ' else 'no longer there in run ' end || $1::text
    from reconciliation_runs r
   where d.state = 'open' and d.run_id < $1::bigint and r.id = d.run_id and r.partition_id = $2`;

/** A full run looked at everything again: what was open before is open as its finding, or over. */
export const closeOlder = (tx: Tx, runId: string, partitionId: number) =>
  tx.query(CLOSE_OLDER, [runId, partitionId]);
