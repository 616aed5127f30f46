import type { OutputReference } from '../../chain/block.js';
import { outputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import type { PlacedPayment } from '../../payments/effects.js';
import { showAssets } from '../../payments/payment.js';
import { type PaymentRow, paymentFrom } from '../../payments/payment-row.js';
import { heightOrNull, readStoredValue, type WrittenValue } from '../../payments/stored-value.js';
import { followedAbove } from '../compare/counting-queries.js';
import { HELD_PARTITIONS } from '../compare/held-queries.js';
import type { History } from './correction.js';

const parts = (references: readonly OutputReference[]): [string[], number[]] => {
  const split = references.map((reference) => reference.split('#'));
  return [split.map(([txHash = '']) => txHash), split.map(([, index]) => Number(index))];
};

const LOCK_PAYMENTS = `
  select p.* from incoming_payments p
    join unnest($1::text[], $2::int[]) as r (tx_hash, output_index) using (tx_hash, output_index)
   order by p.tx_hash, p.output_index for update of p`;

export type StoredPayment = PlacedPayment & {
  readonly countedFrom: number | null;
  readonly spentHeight: number | null;
  readonly unreadable?: WrittenValue;
};

type StoredRow = PaymentRow & { counted_from: string | null; spent_height: string | null };

/** The rows as they are now; nobody else changes them until the transaction ends. */
export async function lockPayments(
  tx: Tx,
  references: readonly OutputReference[],
): Promise<Map<OutputReference, StoredPayment>> {
  const { rows } = await tx.query<StoredRow>(LOCK_PAYMENTS, parts(references));
  return new Map(
    rows.map((row) => [outputReference(row.tx_hash, row.output_index), storedFrom(row)]),
  );
}

/** What can't be read is none: the row is about to become what the chain says. */
function storedFrom(row: StoredRow): StoredPayment {
  const { lovelace, assets, ...rest } = readStoredValue(row.amount_lovelace, row.assets);
  const placed = (text: string | null): string | null => heightOrNull(text)?.toString() ?? null;
  return {
    ...paymentFrom({
      ...row,
      amount_lovelace: lovelace.toString(),
      assets: showAssets(assets),
      block_height: placed(row.block_height),
      slot: placed(row.slot),
      counted_from: placed(row.counted_from),
    }),
    ...rest,
    countedFrom: heightOrNull(row.counted_from),
    spentHeight: heightOrNull(row.spent_height),
  };
}

/**
 * No chain takes an output back so often: above, events are looked for next to what row and ledger say alone,
 * for another hand may have written any number there.
 */
const INCLUSIONS_MAX = 100;

const HISTORY = `
  with r as (select * from unnest($1::text[], $2::int[]) as r (tx_hash, output_index)),
  booked as (
    select b.tx_hash, b.output_index, b.inclusion, b.reason
      from balance_transactions b join r using (tx_hash, output_index)
     where b.reason in ('payment_detected', 'payment_confirmed', 'payment_rolled_back')
       -- Another hand's: no block's, whatever it says.
       and b.inclusion is not null
  ), highest as (
    select r.tx_hash, r.output_index,
           greatest(coalesce(max(b.inclusion), 0), coalesce(max(p.inclusion), 0)) as inclusion
      from r left join booked b using (tx_hash, output_index)
             left join incoming_payments p using (tx_hash, output_index)
     group by r.tx_hash, r.output_index
  ), inclusions as (
    select tx_hash, output_index, generate_series(1, least(inclusion + 1, ${INCLUSIONS_MAX})) as inclusion
      from highest
    union
    select tx_hash, output_index, generate_series(greatest(inclusion - 1, 1), inclusion + 1) from highest
  ), told as (
    select i.tx_hash, i.output_index, i.inclusion, kind.reason
      from inclusions i,
           (values ('payment.detected', 'payment_detected'), ('payment.confirmed', 'payment_confirmed'),
                   ('payment.rolled_back', 'payment_rolled_back')) as kind (type, reason),
           outbox o
     where o.event_key = kind.type || ':' || i.tx_hash || '#' || i.output_index || ':' || i.inclusion
  )
  select tx_hash, output_index, inclusion, reason, bool_or(told) as told
    from (select *, false as told from booked union all select *, true from told) steps
   group by tx_hash, output_index, inclusion, reason`;

type HistoryRow = {
  tx_hash: string;
  output_index: number;
  inclusion: number;
  reason: 'payment_detected' | 'payment_confirmed' | 'payment_rolled_back';
  told: boolean;
};

/** What ledger and outbox say of payments; the rows themselves aren't asked. */
export async function readHistories(
  tx: Tx,
  references: readonly OutputReference[],
): Promise<Map<OutputReference, History>> {
  const { rows } = await tx.query<HistoryRow>(HISTORY, parts(references));
  const found = new Map<OutputReference, HistoryRow[]>();
  for (const row of rows) {
    const reference = outputReference(row.tx_hash, row.output_index);
    found.set(reference, [...(found.get(reference) ?? []), row]);
  }
  return new Map([...found].map(([reference, steps]) => [reference, historyOf(steps)]));
}

function historyOf(steps: readonly HistoryRow[]): History {
  const those = (reason: HistoryRow['reason']): Set<number> =>
    new Set(steps.filter((step) => step.reason === reason).map((step) => step.inclusion));
  const told = (reason: HistoryRow['reason']): number[] =>
    steps.filter((step) => step.told && step.reason === reason).map((step) => step.inclusion);
  const toldEnded = told('payment_rolled_back');
  return {
    latest: Math.max(...steps.map((step) => step.inclusion)),
    detected: those('payment_detected'),
    confirmed: those('payment_confirmed'),
    toldConfirmed: new Set(told('payment_confirmed')),
    ended: those('payment_rolled_back'),
    toldOpen: told('payment_detected')
      .filter((inclusion) => !toldEnded.includes(inclusion))
      .sort((a, b) => a - b),
  };
}

const OWNERS = `
  select address, user_id as "userId", reference_type as "referenceType",
         reference_id as "referenceId", backfill, backfilled_height::float8 as "backfilledHeight",
         watched_from is not null as "isSinceKnown",
         (${followedAbove('a.partition_id', [])})::float8 as "followedAbove"
    from payment_addresses a where address = any($1::text[])`;

export type AddressOwner = {
  readonly address: string;
  readonly userId: string;
  readonly referenceType: string | null;
  readonly referenceId: string | null;
  readonly backfill: boolean;
  /** Height of the ledger that was asked for what it held; null until then. */
  readonly backfilledHeight: number | null;
  /** False where a version registered it that didn't write down from when on it counts. */
  readonly isSinceKnown: boolean;
  /** Blocks above were followed for it, or might have been where that isn't known; null where nothing is. */
  readonly followedAbove: number | null;
};

export async function readOwners(
  tx: Tx,
  addresses: readonly string[],
): Promise<Map<string, AddressOwner>> {
  const { rows } = await tx.query<AddressOwner>(OWNERS, [addresses]);
  return new Map(rows.map((row) => [row.address, row]));
}

const TOGETHER = `
  select p.user_id as "userId", p.block_hash as "blockHash", sum(p.amount_lovelace)::text as lovelace
    from incoming_payments p
    join (select distinct * from unnest($1::text[], $2::text[]) as b (user_id, block_hash)) b
      on b.user_id = p.user_id and b.block_hash = p.block_hash
   where p.status in ('pending', 'confirmed') and p.amount_lovelace < 'Infinity'
   group by p.user_id, p.block_hash`;

/** What users' counted payments of a block bring together, by `user block`. */
export async function lovelaceTogether(
  tx: Tx,
  blocks: readonly { readonly userId: string; readonly blockHash: string }[],
): Promise<Map<string, bigint>> {
  const { rows } = await tx.query<{ userId: string; blockHash: string; lovelace: string }>(
    TOGETHER,
    [blocks.map((one) => one.userId), blocks.map((one) => one.blockHash)],
  );
  return new Map(rows.map((row) => [`${row.userId} ${row.blockHash}`, BigInt(row.lovelace)]));
}

const IS_HELD = `select 1 where $1 in (${HELD_PARTITIONS})`;

/** Whether the chain-split guard holds confirmations, or did until now. */
export const confirmationsHeld = async (tx: Tx, partitionId: number): Promise<boolean> =>
  (await tx.query(IS_HELD, [partitionId])).rows.length > 0;
