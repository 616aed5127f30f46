import { randomInt } from 'node:crypto';
import { type OutputReference, outputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import { confirmationHeight } from '../../payments/confirmation.js';
import { readCursor } from '../../sync/queries.js';
import { EARLY_CONFIRMATIONS } from '../compare/early-confirmation-queries.js';
import { isHeld } from '../compare/judge-outputs.js';
import { judgeStatus } from '../compare/ledger-status.js';
import { type Recorded, recordedAmong } from '../compare/recorded-queries.js';
import type { Finding } from '../model/finding.js';
import { ledgerDiffers, SEED_MAX } from '../verify/books-queries.js';
import { LEDGER_DIFFERENCES, LEDGER_LEGS } from '../verify/ledger-differences.js';
import { pagesAt } from './address-pages.js';
import { storeFindings } from './discrepancy-queries.js';
import type { Work } from './run-work.js';

/** Where the ledger differs from so many payments it is the ledger that is wrong: verifying it says so. */
const DIFFERENCES_MAX = 20_000;

// What is booked in the bucket that isn't listed is what the row says. Where chain and row differ anyway,
// the chain's word is enough.
const bookedOf = (differences: string): string => `
  select d.tx_hash, d.output_index,
         sum(d.booked) filter (where d.bucket = 'pending')::text as pending,
         sum(d.booked) filter (where d.bucket = 'available')::text as available,
         exists (select 1 from outbox o where o.event_key in (
           select 'payment.detected:' || d.tx_hash || '#' || d.output_index || ':' || i
             from generate_series(1, least(max(p.inclusion), 100)) i)) as told,
         bool_or(p.block_hash is null and a.backfill is not true) as seems_past
    from (${differences}) d
    join incoming_payments p on p.tx_hash = d.tx_hash and p.output_index = d.output_index
    left join payment_addresses a on a.address = p.address and a.partition_id = p.partition_id
   where d.unit = 'lovelace' and p.partition_id = $1
     and not exists (select 1 from reconciliation_discrepancies f
                      where f.run_id = $3 and f.tx_hash = d.tx_hash and f.output_index = d.output_index)
   group by d.tx_hash, d.output_index
   order by d.tx_hash, d.output_index
   limit $2`;
const BOOKED = bookedOf(LEDGER_DIFFERENCES);
// The hashes by themselves are what the indexes of all parts are asked by.
const BOOKED_AMONG = bookedOf(`
  select tx_hash, output_index, unit, bucket, sum(booked) as booked
    from (${LEDGER_LEGS}) as legs
   where tx_hash = any($4::text[])
     and (tx_hash, output_index) in (select * from unnest($4::text[], $5::int[]))
   group by tx_hash, output_index, payout_id, user_id, unit, bucket
  having sum(booked) <> sum(expected)`);

const EARLY = `
  select tx_hash || '#' || output_index as reference
    from (${EARLY_CONFIRMATIONS}) as e
   where partition_id = $1 and ($4::text[] is null or address = any($4))
     and not exists (select 1 from reconciliation_discrepancies f
                      where f.run_id = $3 and f.tx_hash = e.tx_hash and f.output_index = e.output_index)
   order by tx_hash, output_index limit $2`;

type Row = {
  tx_hash: string;
  output_index: number;
  pending: string | null;
  available: string | null;
  told: boolean;
  seems_past: boolean;
};

/** Payments whose status isn't the one that they were booked with: no chain knows of statuses. */
export async function compareStatuses(work: Work): Promise<void> {
  await compareEarly(work, null);
  const findings = await work.read(async (tx) => {
    // Millions of groups are made only where the sums of all say that one of them differs.
    if (!(await ledgerDiffers(tx, randomInt(SEED_MAX)))) return [];
    const { partitionId, runId } = work;
    const { rows } = await tx.query<Row>(BOOKED, [partitionId, DIFFERENCES_MAX, runId]);
    return rows.length === DIFFERENCES_MAX ? [] : statusFindings(tx, work, rows);
  });
  await storeStatuses(work, findings);
}

/** Those at some addresses only. */
export async function compareStatusesAt(work: Work, addresses: readonly string[]): Promise<void> {
  await compareEarly(work, addresses);
  for await (const { references } of pagesAt(work, addresses)) {
    const findings = await work.read(async (tx) =>
      statusFindings(tx, work, await bookedAmong(tx, work, references)),
    );
    await storeStatuses(work, findings);
  }
}

/** Payments that were confirmed before they were deep enough, whatever was booked of them. */
async function compareEarly(work: Work, addresses: readonly string[] | null): Promise<void> {
  const { partitionId, runId, at } = work;
  const findings = await work.read(async (tx) => {
    const values = [partitionId, DIFFERENCES_MAX, runId, addresses];
    const { rows } = await tx.query<{ reference: OutputReference }>(EARLY, values);
    const references = rows.map(({ reference }) => reference);
    return (await recordedAmong(tx, partitionId, at.height, references)).flatMap((recorded) =>
      recorded.kind === 'payment' && recorded.unreadable === undefined
        ? [statusMismatch(recorded, null)]
        : [],
    );
  });
  await storeStatuses(work, findings);
}

/** Payments that the ledger differs from, of those that the run knows nothing of yet. */
export async function bookedAmong(
  db: Queryable,
  { partitionId, runId }: Pick<Work, 'partitionId' | 'runId'>,
  references: readonly OutputReference[],
): Promise<Row[]> {
  const parts = references.map((reference) => reference.split('#'));
  const { rows } = await db.query<Row>(BOOKED_AMONG, [
    partitionId,
    DIFFERENCES_MAX,
    runId,
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
  ]);
  return rows;
}

/** Nothing was found of them before: what is unspent was taken to agree. */
async function storeStatuses(work: Work, findings: readonly Finding[]): Promise<void> {
  const taken = findings.filter(({ recorded }) => recorded !== null && isHeld(recorded)).length;
  const matched = work.progress().matched - taken;
  await work.commit({ matched }, 0, (tx) => storeFindings(tx, work.runId, findings));
}

async function statusFindings(
  db: Queryable,
  { partitionId, at }: Work,
  rows: readonly Row[],
): Promise<Finding[]> {
  if (rows.length === 0) return [];
  const references = rows.map((row) => outputReference(row.tx_hash, row.output_index));
  const recorded = new Map(
    (await recordedAmong(db, partitionId, at.height, references)).flatMap((one) =>
      one.kind === 'payment' ? [[one.reference, one] as const] : [],
    ),
  );
  const cursorHeight = (await readCursor(db, partitionId))?.height ?? at.height;
  return rows.flatMap((row, position) => {
    const payment = recorded.get(references[position] ?? '');
    if (payment === undefined) return [];
    return findingOf(payment, row, cursorHeight);
  });
}

function findingOf(recorded: Recorded, row: Row, cursorHeight: number): Finding[] {
  const { status, lovelace, placement, countedFrom } = recorded;
  if (status === null || recorded.unreadable !== undefined) return [];
  const from = placement?.height ?? countedFrom;
  const required = recorded.requiredConfirmations ?? 1;
  const verdict = judgeStatus({
    status,
    lovelace,
    booked: {
      pending: booked(row.pending, status === 'pending' ? lovelace : 0n),
      available: booked(row.available, status === 'confirmed' ? lovelace : 0n),
    },
    isDeep: from !== null && confirmationHeight(from, required) <= cursorHeight,
    wasTold: row.told,
    seemsPast: row.seems_past,
  });
  if (verdict === 'fits') return [];
  const unclear = status === 'ignored' ? WITHOUT_BLOCK : NEVER_COUNTED;
  return [statusMismatch(recorded, verdict === 'unclear' ? unclear : null)];
}

function statusMismatch(recorded: Recorded, unexplained: string | null): Finding {
  const { reference, address } = recorded;
  const onChain = sameOnChain(recorded);
  return { type: 'status_mismatch', reference, address, recorded, onChain, unexplained };
}

/** The chain agrees with the row in all but its status, which no chain knows. */
export function sameOnChain(recorded: Recorded): Finding['onChain'] {
  const { reference, address, lovelace, assets, placement, spent, hasScript = false } = recorded;
  const value = { reference, address, lovelace, assets, hasScript, placement };
  if (spent === null) return { ...value, spent: 'unspent' };
  const { txHash, height } = spent;
  return { ...value, spent: height === null ? 'gone' : { txHash, height } };
}

const WHOLE = /^-?\d+$/;
/** An entry that isn't a number was edited: the ledger is wrong, whatever the status. */
const LIKE_NOTHING = -1n;
const booked = (text: string | null, expected: bigint): bigint =>
  text === null ? expected : WHOLE.test(text) ? BigInt(text) : LIKE_NOTHING;

const NEVER_COUNTED =
  'nothing was ever booked or told of it, so it may have been too small to count or held before its ' +
  'address was registered: a person must say what it is';
const WITHOUT_BLOCK =
  'it was booked and told of, and its row says that it was there before its address was registered, which ' +
  'doesn’t count: a rebuild reads which block made it';
