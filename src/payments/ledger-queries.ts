import type { Tx } from '../database/transaction.js';
import { auditToldBefore, bookedTwice } from './booked-queries.js';
import { type PlacedPayment, referenceOf } from './effects.js';
import type { Delta, Entry } from './ledger.js';
import { showAssets } from './payment.js';

const APPEND_ENTRIES = `
  insert into balance_transactions
    (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion, payout_id,
     payout_turn, created_at)
  select user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion, payout_id,
         payout_turn, $1
    from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::text[], $8::text[],
                $9::int[], $10::int[], $11::text[], $12::int[])
      with ordinality as e (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion,
                            payout_id, payout_turn, ord)
   order by ord
  on conflict do nothing`;

const CREATE_BALANCES = `
  insert into user_balances (user_id, unit)
  select * from unnest($1::text[], $2::text[]) on conflict do nothing`;
const LOCK_BALANCES = `
  select 1 from user_balances b
    join unnest($1::text[], $2::text[]) as d (user_id, unit) using (user_id, unit)
   order by b.user_id, b.unit for update of b`;
const CHANGE_BALANCES = `
  update user_balances b
     set available = b.available + d.available, held = b.held + d.held, pending = b.pending + d.pending
    from unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::numeric[])
      as d (user_id, unit, available, held, pending)
   where b.user_id = d.user_id and b.unit = d.unit`;

/**
 * Appends ledger entries and moves the balances by their sums. A balance row is made before it is
 * changed: a CHECK would judge the bare negative delta of an upsert.
 *
 * @throws BooksContradict where one of them is booked already
 */
export async function post(
  tx: Tx,
  at: Date,
  entries: readonly Entry[],
  deltas: readonly Delta[],
): Promise<void> {
  const { rowCount } = await tx.query(APPEND_ENTRIES, [
    at,
    entries.map((entry) => entry.userId),
    entries.map((entry) => entry.unit),
    entries.map((entry) => entry.bucket),
    entries.map((entry) => entry.type),
    entries.map((entry) => entry.amount.toString()),
    entries.map((entry) => entry.reason),
    entries.map(({ cause }) => ('txHash' in cause ? cause.txHash : null)),
    entries.map(({ cause }) => ('txHash' in cause ? cause.outputIndex : null)),
    entries.map(({ cause }) => ('txHash' in cause ? cause.inclusion : null)),
    entries.map(({ cause }) => ('payoutId' in cause ? cause.payoutId : null)),
    entries.map(({ cause }) => ('payoutId' in cause ? cause.turn : null)),
  ]);
  // A violated key would only name itself, and end the transaction before it can be asked what is booked.
  if (rowCount !== entries.length) throw await bookedTwice(tx, entries);
  const keys = [deltas.map((delta) => delta.userId), deltas.map((delta) => delta.unit)];
  await tx.query(CREATE_BALANCES, keys);
  await tx.query(LOCK_BALANCES, keys);
  await tx.query(CHANGE_BALANCES, [
    ...keys,
    deltas.map((delta) => delta.available.toString()),
    deltas.map((delta) => delta.held.toString()),
    deltas.map((delta) => delta.pending.toString()),
  ]);
}

const WRITE_EVENTS = `
  insert into outbox (type, event_key, data, created_at)
  select type, event_key, data, $1
    from unnest($2::text[], $3::text[], $4::jsonb[]) with ordinality as e (type, event_key, data, ord)
   order by ord
  on conflict do nothing`;

/**
 * What was told isn't told again: where another hand wrote an event beforehand, that one stays as it is, with an
 * audit entry. It must keep no block from being applied, because the books don't follow from what was told.
 *
 * @param events `view` is what `/v1` shows at this moment
 * @returns the keys of those that were there already
 */
export async function writeEvents(
  tx: Tx,
  at: Date,
  events: readonly { readonly type: string; readonly key: string; readonly view: object }[],
): Promise<readonly string[]> {
  const keys = events.map((event) => event.key);
  const { rowCount } = await tx.query(WRITE_EVENTS, [
    at,
    events.map((event) => event.type),
    keys,
    events.map((event) => JSON.stringify(event.view)),
  ]);
  return rowCount === events.length ? [] : auditToldBefore(tx, at, keys, rowCount ?? 0);
}

const AUDIT_REVERSALS = `
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  select 'payment.reversed', 'payment', entity_id, 'chain', details, $1
    from unnest($2::text[], $3::jsonb[]) with ordinality as r (entity_id, details, ord)
   order by ord`;

/** A confirmed payment that its chain took back may have been spent by its user: somebody will ask. */
export const auditReversals = (tx: Tx, at: Date, reversed: readonly PlacedPayment[]) =>
  tx.query(AUDIT_REVERSALS, [
    at,
    reversed.map(referenceOf),
    reversed.map((payment) =>
      JSON.stringify({
        userId: payment.userId,
        amountLovelace: payment.amountLovelace.toString(),
        assets: showAssets(payment.assets),
        inclusion: payment.inclusion,
        blockHash: payment.blockHash,
        blockHeight: payment.blockHeight,
        confirmedAt: payment.confirmedAt?.toISOString() ?? null,
      }),
    ),
  ]);
