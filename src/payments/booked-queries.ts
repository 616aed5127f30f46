import type { Tx } from '../database/transaction.js';
import { BooksContradict } from '../sync/contradiction.js';
import type { Entry } from './ledger.js';
import type { OutputHit } from './match.js';

// What this transaction wrote itself was none of another hand's doing.
const NOT_OURS = 'xmin <> pg_current_xact_id()::xid';

const BOOKED_PAYMENTS = `
  select distinct b.tx_hash || '#' || b.output_index as reference, b.inclusion, b.user_id as "userId", b.reason
    from balance_transactions b
    join unnest($1::text[], $2::int[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[])
      as e (tx_hash, output_index, inclusion, unit, bucket, type, reason)
   using (tx_hash, output_index, inclusion, unit, bucket, type, reason)
   where b.correction_id is null and b.${NOT_OURS}
   order by 1, 2, 4`;

const BOOKED_PAYOUTS = `
  select distinct b.payout_id as "payoutId", b.payout_turn as turn, b.user_id as "userId", b.reason
    from balance_transactions b
    join unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[])
      as e (payout_id, payout_turn, unit, bucket, type, reason)
   using (payout_id, payout_turn, unit, bucket, type, reason)
   where b.correction_id is null and b.${NOT_OURS}
   order by 1, 2, 4`;

type BookedPayment = {
  readonly reference: string;
  readonly inclusion: number;
  readonly userId: string;
  readonly reason: string;
};
type BookedPayout = {
  readonly payoutId: string;
  readonly turn: number;
  readonly userId: string;
  readonly reason: string;
};

/** No repair changes payouts. */
const BY_A_PERSON =
  "A person must set the payout's row right: the runbook PaymentMonitorSyncLag says how.";

/** Which of the entries the ledger has already, for a person. */
export async function bookedTwice(tx: Tx, entries: readonly Entry[]): Promise<Error> {
  const payments = await bookedPayments(tx, entries);
  if (payments.length > 0) return new BooksContradict(payments);
  const payouts = await bookedPayouts(tx, entries);
  if (payouts.length > 0) return new BooksContradict(payouts, BY_A_PERSON);
  return new Error('an entry was booked twice in one transaction: a fault of chain-teller');
}

async function bookedPayments(tx: Tx, entries: readonly Entry[]): Promise<string[]> {
  const those = entries.flatMap(({ cause, ...entry }) =>
    'txHash' in cause ? [{ ...entry, ...cause }] : [],
  );
  const { rows } = await tx.query<BookedPayment>(BOOKED_PAYMENTS, [
    those.map((entry) => entry.txHash),
    those.map((entry) => entry.outputIndex),
    those.map((entry) => entry.inclusion),
    ...legsOf(those),
  ]);
  return rows.map(
    ({ reference, inclusion, userId, reason }) =>
      `payment ${reference} (inclusion ${inclusion}, user ${userId}) is booked already as ${reason}, ` +
      'and its row says otherwise or was deleted',
  );
}

async function bookedPayouts(tx: Tx, entries: readonly Entry[]): Promise<string[]> {
  const those = entries.flatMap(({ cause, ...entry }) =>
    'payoutId' in cause ? [{ ...entry, ...cause }] : [],
  );
  const { rows } = await tx.query<BookedPayout>(BOOKED_PAYOUTS, [
    those.map((entry) => entry.payoutId),
    those.map((entry) => entry.turn),
    ...legsOf(those),
  ]);
  return rows.map(
    ({ payoutId, turn, userId, reason }) =>
      `payout ${payoutId} (turn ${turn}, user ${userId}) is booked already as ${reason}, ` +
      'and its row says otherwise',
  );
}

const legsOf = (entries: readonly Pick<Entry, 'unit' | 'bucket' | 'type' | 'reason'>[]) => [
  entries.map((entry) => entry.unit),
  entries.map((entry) => entry.bucket),
  entries.map((entry) => entry.type),
  entries.map((entry) => entry.reason),
];

const AUDIT_TOLD = `
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  select 'event.told_before', 'event', event_key, 'worker',
         jsonb_build_object('type', type, 'outboxId', id::text, 'data', data, 'createdAt', created_at), $1
    from outbox where event_key = any($2::text[]) and ${NOT_OURS} order by event_key
  returning entity_id as key`;

/**
 * Notes which of the events were there before this transaction wrote the others.
 *
 * @throws where this transaction tells one of them twice
 */
export async function auditToldBefore(
  tx: Tx,
  at: Date,
  keys: readonly string[],
  written: number,
): Promise<readonly string[]> {
  const { rows } = await tx.query<{ key: string }>(AUDIT_TOLD, [at, keys]);
  if (written + rows.length !== keys.length) {
    throw new Error('an event was told twice in one transaction: a fault of chain-teller');
  }
  return rows.map((row) => row.key);
}

const UNBALANCED = `
  select b.user_id as "userId", b.unit
    from user_balances b
    join unnest($1::text[], $2::text[]) as asked (user_id, unit)
      on asked.user_id = b.user_id and asked.unit = b.unit
   cross join lateral (
     select coalesce(sum(signed) filter (where bucket = 'available'), 0) as available,
            coalesce(sum(signed) filter (where bucket = 'held'), 0) as held,
            coalesce(sum(signed) filter (where bucket = 'pending'), 0) as pending
       from (select bucket, case type when 'credit' then amount else -amount end as signed
               from balance_transactions t where t.user_id = b.user_id and t.unit = b.unit) as entries) as e
   where (b.available, b.held, b.pending) <> (e.available, e.held, e.pending)
   order by 1, 2`;

/**
 * Where what is booked was told before, another hand either wrote the event, or deleted what was booked then:
 * that shows in the balance, which would be credited twice.
 *
 * @param keys of events that were told before
 * @throws BooksContradict where a balance that one of them moves isn't the sum of its entries
 */
export async function expectBalanced(
  tx: Tx,
  keys: readonly string[],
  entries: readonly Entry[],
): Promise<void> {
  const asked = balancesOf(keys, entries);
  if (asked.size === 0) return;
  const balances = [...asked.values()];
  const { rows } = await tx.query<{ userId: string; unit: string }>(UNBALANCED, [
    balances.map(({ userId }) => userId),
    balances.map(({ unit }) => unit),
  ]);
  if (rows.length === 0) return;
  throw new BooksContradict(
    rows.map(({ userId, unit }) => {
      const key = asked.get(JSON.stringify([userId, unit]))?.key ?? 'an event';
      return `${key} was told before, and the ${unit} of user ${userId} aren't the sum of the entries`;
    }),
  );
}

/** The balances that entries of what was told move, each with the first event that told of it. */
function balancesOf(keys: readonly string[], entries: readonly Entry[]) {
  const told = new Map<string, string>();
  // A key is the kind of event and what it is about: `payment.detected:` and the payment's inclusion.
  for (const key of [...keys].reverse()) told.set(key.slice(key.indexOf(':') + 1), key);
  const asked = new Map<string, { userId: string; unit: string; key: string }>();
  for (const { userId, unit, cause } of entries) {
    const key = told.get(
      'txHash' in cause
        ? `${cause.txHash}#${cause.outputIndex}:${cause.inclusion}`
        : `${cause.payoutId}:${cause.turn}`,
    );
    const balance = JSON.stringify([userId, unit]);
    if (key !== undefined && !asked.has(balance)) asked.set(balance, { userId, unit, key });
  }
  return asked;
}

const STANDING = `
  select tx_hash || '#' || output_index as reference, block_hash as "blockHash"
    from wallet_outputs
    join unnest($1::text[], $2::int[]) as o (tx_hash, output_index) using (tx_hash, output_index)
   where block_height is not null and wallet_outputs.${NOT_OURS} order by 1`;

/** Which outputs of the hot wallet stand in a block already and come in another one, for a person. */
export async function standingTwice(tx: Tx, hits: readonly OutputHit[]): Promise<Error> {
  const { rows } = await tx.query<{ reference: string; blockHash: string | null }>(STANDING, [
    hits.map((hit) => hit.txHash),
    hits.map((hit) => hit.output.index),
  ]);
  if (rows.length === 0) {
    return new Error('an output of the hot wallet came twice in one transaction');
  }
  return new BooksContradict(
    rows.map(
      ({ reference, blockHash }) =>
        `output ${reference} of the hot wallet is recorded in block ${blockHash ?? 'none'}, and comes in another`,
    ),
  );
}
