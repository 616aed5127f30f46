import type { Queryable } from '../../database/transaction.js';
import { type Page, readCursor, toPage, writeCursor } from '../../payments/pages.js';
import type { DiscrepancyType } from '../model/finding.js';
import type { RunScope } from './run-queries.js';

/** As people and programs see a run. */
export type RunView = {
  readonly id: string;
  readonly scope: RunScope;
  readonly state: 'running' | 'finished' | 'failed' | 'abandoned';
  readonly requestedBy: string;
  readonly repair: boolean;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly slot: number | null;
  readonly blockHash: string | null;
  readonly blockHeight: number | null;
  readonly matched: number;
  readonly mismatched: number;
  readonly missing: number;
  readonly extra: number;
  readonly repaired: number;
  /** Of what it found. */
  readonly open: number;
  readonly addresses: number;
  readonly totals: unknown;
  readonly problem: string | null;
};

// Ordered by `r.id` where it is: the bare name is the text that is shown, in which 9 comes after 10.
const RUN = `
  select r.id::text, scope, state, requested_by as "requestedBy", repair, started_at as "startedAt",
         finished_at as "finishedAt", slot::text, block_hash as "blockHash", block_height::text as "blockHeight",
         matched::text, mismatched::text, missing::text, extra::text, repaired::text, addresses::text,
         totals, problem,
         (select count(*) from reconciliation_discrepancies d
           where d.run_id = r.id and d.state = 'open')::text as open
    from reconciliation_runs r`;

type Count = 'matched' | 'mismatched' | 'missing' | 'extra' | 'repaired' | 'addresses' | 'open';
type Row = Omit<RunView, Count | 'slot' | 'blockHeight' | 'startedAt' | 'finishedAt'> &
  Record<Count, string> & {
    readonly slot: string | null;
    readonly blockHeight: string | null;
    readonly startedAt: Date;
    readonly finishedAt: Date | null;
  };

const showRun = (row: Row): RunView => ({
  ...row,
  startedAt: row.startedAt.toISOString(),
  finishedAt: row.finishedAt?.toISOString() ?? null,
  slot: numberOrNull(row.slot),
  blockHeight: numberOrNull(row.blockHeight),
  matched: Number(row.matched),
  mismatched: Number(row.mismatched),
  missing: Number(row.missing),
  extra: Number(row.extra),
  repaired: Number(row.repaired),
  open: Number(row.open),
  addresses: Number(row.addresses),
});

const numberOrNull = (text: string | null): number | null => (text === null ? null : Number(text));

/** Null where there is none of that number. */
export const readRun = async (db: Queryable, id: string): Promise<RunView | null> => {
  const { rows } = await db.query<Row>(`${RUN} where id = $1`, [id]);
  return rows[0] === undefined ? null : showRun(rows[0]);
};

const LATEST = `${RUN} where scope = $1 and state = 'finished' order by r.id desc limit 1`;

/** The last one that came to its end; null where there was none. */
export const latestRun = async (db: Queryable, scope: RunScope): Promise<RunView | null> => {
  const { rows } = await db.query<Row>(LATEST, [scope]);
  return rows[0] === undefined ? null : showRun(rows[0]);
};

export type PageRequest = { readonly limit: number; readonly cursor?: string | undefined };
const ID = [/^\d{1,18}$/];

const LIST = `${RUN}
   where ($1::text is null or scope = $1) and ($2::bigint is null or r.id < $2)
   order by r.id desc limit $3::int + 1`;

/** Newest first. @throws CursorError */
export async function listRuns(
  db: Queryable,
  scope: RunScope | undefined,
  { limit, cursor }: PageRequest,
): Promise<Page<RunView>> {
  const [before = null] = cursor === undefined ? [] : readCursor('runs', cursor, ID);
  const { rows } = await db.query<Row>(LIST, [scope ?? null, before, limit]);
  return toPage(rows, limit, showRun, (row) => writeCursor('runs', [row.id]));
}

export const DISCREPANCY_STATES = ['open', 'explained', 'repaired'] as const;

/** A row as programs see it, also in the event that tells of it. */
export type DiscrepancyView = {
  readonly id: string;
  readonly runId: string;
  readonly type: DiscrepancyType;
  readonly txHash: string;
  readonly outputIndex: number;
  readonly address: string;
  readonly recorded: Readonly<Record<string, unknown>> | null;
  readonly onChain: Readonly<Record<string, unknown>> | null;
  readonly state: (typeof DISCREPANCY_STATES)[number];
  readonly reason: string | null;
  readonly closedBy: string | null;
  readonly closedAt: string | null;
  readonly createdAt: string;
};

/** In SQL, so that an event is written where its row is. */
export const DISCREPANCY_JSON = `
  jsonb_build_object('id', d.id::text, 'runId', d.run_id::text, 'type', d.type, 'txHash', d.tx_hash,
    'outputIndex', d.output_index, 'address', d.address, 'recorded', d.recorded, 'onChain', d.on_chain,
    'state', d.state, 'reason', d.reason, 'closedBy', d.closed_by,
    'closedAt', to_char(d.closed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'createdAt', to_char(d.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))`;

const DISCREPANCIES = `
  select d.id::text, ${DISCREPANCY_JSON} as view from reconciliation_discrepancies d
   where ($1::bigint is null or d.run_id = $1) and ($2::text is null or d.state = $2) and d.id > $3
   order by d.id limit $4::int + 1`;

export type DiscrepancyFilter = {
  readonly runId?: string | undefined;
  readonly state?: DiscrepancyView['state'] | undefined;
};
type ViewRow = { readonly id: string; readonly view: DiscrepancyView };

/** In the order in which they were found. @throws CursorError */
export async function listDiscrepancies(
  db: Queryable,
  { runId, state }: DiscrepancyFilter,
  { limit, cursor }: PageRequest,
): Promise<Page<DiscrepancyView>> {
  const [after = '0'] = cursor === undefined ? [] : readCursor('discrepancies', cursor, ID);
  const values = [runId ?? null, state ?? null, after, limit];
  const { rows } = await db.query<ViewRow>(DISCREPANCIES, values);
  return toPage(
    rows,
    limit,
    ({ view }) => view,
    ({ id }) => writeCursor('discrepancies', [id]),
  );
}
