import type { AssetUnit, Lovelace } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import { showAssets } from '../../payments/payment.js';
import { actorOf, keyNameOf } from '../model/identity.js';
import type { Payout } from '../model/payout.js';
import { PAYOUT_COLUMNS, type PayoutRow, payoutFrom } from '../model/payout-row.js';
import { balanceKey } from './limits.js';
import type { PayoutRequest } from './request.js';

/**
 * By id, and by key and Idempotency-Key too: with another PAYOUT_ID_SECRET the same request has another
 * id, and is the same request all the same.
 */
const STORED = `
  select r.id as asked, p.body_hash, ${PAYOUT_COLUMNS}
    from unnest($1::text[], $2::text[], $3::text[]) as r (id, api_key, idempotency_key)
    join outbound_payments p on p.id = r.id
  union all
  select r.id as asked, p.body_hash, ${PAYOUT_COLUMNS}
    from unnest($1::text[], $2::text[], $3::text[]) as r (id, api_key, idempotency_key)
    join outbound_payments p on p.api_key = r.api_key and p.idempotency_key = r.idempotency_key
   where p.id <> r.id`;

export type StoredPayout = {
  readonly payout: Payout;
  /** Null where it was adopted from the chain and nobody claimed it yet. */
  readonly bodyHash: string | null;
};

type StoredRow = PayoutRow & { readonly body_hash: string | null };

/** What there is already, by the ids of the requests. */
export async function readStored(
  tx: Tx,
  requests: readonly PayoutRequest[],
): Promise<Map<string, StoredPayout>> {
  if (requests.length === 0) return new Map();
  const { rows } = await tx.query<StoredRow & { readonly asked: string }>(STORED, [
    requests.map((request) => request.id),
    requests.map((request) => keyNameOf(request.caller)),
    requests.map((request) => request.idempotencyKey),
  ]);
  return new Map(
    rows.map((row) => [row.asked, { payout: payoutFrom(row), bodyHash: row.body_hash }]),
  );
}

const LOCK_UNCLAIMED = `
  select p.body_hash, ${PAYOUT_COLUMNS} from outbound_payments p
   where p.id = any($1::text[]) and p.body_hash is null
   order by p.id for update`;

/** Adopted payouts that nobody claimed, as they stand now that nobody else can. */
export const lockUnclaimed = async (tx: Tx, ids: readonly string[]): Promise<Payout[]> =>
  (await tx.query<StoredRow>(LOCK_UNCLAIMED, [ids])).rows.map(payoutFrom);

const CLAIM = `
  update outbound_payments p
     set api_key = c.api_key, idempotency_key = c.idempotency_key, body_hash = c.body_hash,
         user_id = c.user_id, reference_id = c.reference_id, metadata = c.metadata,
         held_fee = c.held_fee, booked = c.booked, created_by = c.created_by, updated_at = $1
    from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[],
                $9::numeric[], $10::boolean[], $11::text[])
      as c (id, api_key, idempotency_key, body_hash, user_id, reference_id, metadata, held_fee, booked,
            created_by)
   where p.id = c.id and p.body_hash is null`;

/** A request, and the payout that it makes or claims. */
export type Asked = { readonly request: PayoutRequest; readonly payout: Payout };

export async function claimAdopted(tx: Tx, at: Date, claims: readonly Asked[]): Promise<void> {
  const { rowCount } = await tx.query(CLAIM, [
    at,
    claims.map(({ request }) => request.id),
    claims.map(({ request }) => keyNameOf(request.caller)),
    claims.map(({ request }) => request.idempotencyKey),
    claims.map(({ request }) => request.bodyHash),
    claims.map(({ request }) => request.userId),
    claims.map(({ request }) => request.referenceId),
    claims.map(({ request }) => request.metadata),
    claims.map(({ payout }) => payout.heldFee.toString()),
    claims.map(({ payout }) => payout.booked),
    claims.map(({ request }) => actorOf(request.caller)),
  ]);
  if (rowCount !== claims.length) throw new Error('a locked payout changed');
}

const CLOCK_AND_FACTS = `
  select now() as at,
         (select protocol_parameters from payout_control) as parameters,
         (select identity is null from payout_control) as nameless,
         (select coalesce(array_agg(address), '{}') from payment_addresses
           where address = any($1::text[])) as deposit_addresses,
         (select coalesce(array_agg(distinct unit), '{}') from user_balances
            join unnest($2::text[], $3::text[]) as a (user_id, unit) using (user_id, unit)) as units`;

export type BooksFacts = {
  /** The database's time: the one that all instances share. */
  readonly at: Date;
  readonly parameters: unknown;
  /** Whether it isn't noted yet which database this is. */
  readonly nameless: boolean;
  readonly depositAddresses: ReadonlySet<string>;
  /** Those assets that whoever is to pay them had. */
  readonly units: readonly AssetUnit[];
};

export async function readFacts(tx: Tx, requests: readonly PayoutRequest[]): Promise<BooksFacts> {
  const assets = requests.flatMap(({ userId, assets: units }) =>
    [...units.keys()].map((unit) => [userId, unit] as const),
  );
  const { rows } = await tx.query<{
    at: Date;
    parameters: unknown;
    nameless: boolean;
    deposit_addresses: string[];
    units: string[];
  }>(CLOCK_AND_FACTS, [
    requests.map((request) => request.destinationAddress),
    assets.map(([userId]) => userId),
    assets.map(([, unit]) => unit),
  ]);
  const [row] = rows;
  if (row === undefined) throw new Error('a select without a table has one row');
  const { at, parameters, nameless, deposit_addresses: depositAddresses, units } = row;
  return { at, parameters, nameless, depositAddresses: new Set(depositAddresses), units };
}

const KNOWN_UNITS = `
  select unit from unnest($1::text[]) as u (unit)
   where exists (select 1 from user_balances b where b.unit = u.unit)
      or exists (select 1 from wallet_outputs w where w.assets ? u.unit)
      or exists (select 1 from outbound_payments p where p.assets ? u.unit)`;

/** Reads tables whole where nobody ever had a unit: ask only for what isn't known otherwise. */
export const knownUnits = async (tx: Tx, units: readonly AssetUnit[]): Promise<AssetUnit[]> =>
  (await tx.query<{ unit: string }>(KNOWN_UNITS, [units])).rows.map((row) => row.unit);

/**
 * A microsecond apart, so that they are paid in the order in which they came. What was accepted before, or adopted, has a
 * row, or another hand deleted it, and it may be paid.
 */
const INSERT = `
  insert into outbound_payments
    (id, api_key, idempotency_key, body_hash, user_id, destination_address, amount_lovelace, assets,
     reference_id, metadata, status, held_fee, booked, created_by, created_at, updated_at)
  select id, api_key, idempotency_key, body_hash, user_id, destination, amount, assets,
         reference_id, metadata, status, held_fee, user_id is not null, created_by,
         $1::timestamptz + ord * interval '1 microsecond', $1
    from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::numeric[],
                $9::jsonb[], $10::text[], $11::jsonb[], $12::text[], $13::numeric[], $14::text[])
      with ordinality as r (id, api_key, idempotency_key, body_hash, user_id, destination, amount, assets,
                            reference_id, metadata, status, held_fee, created_by, ord)
   where (select true from audit_log a
           where a.entity_type = 'payout' and a.entity_id = r.id
             and a.action in ('payout.created', 'payout.claimed', 'payout.adopted') limit 1) is null
   order by id
      on conflict do nothing
  returning id`;

/** Answers which of them are new: weren't there, and never were. In the order of ids, so that two batches never wait in a circle. */
export async function insertNew(
  tx: Tx,
  at: Date,
  asked: readonly Asked[],
): Promise<ReadonlySet<string>> {
  if (asked.length === 0) return new Set();
  const { rows } = await tx.query<{ id: string }>(INSERT, [
    at,
    asked.map(({ request }) => request.id),
    asked.map(({ request }) => keyNameOf(request.caller)),
    asked.map(({ request }) => request.idempotencyKey),
    asked.map(({ request }) => request.bodyHash),
    asked.map(({ request }) => request.userId),
    asked.map(({ request }) => request.destinationAddress),
    asked.map(({ request }) => request.amountLovelace.toString()),
    asked.map(({ request }) => JSON.stringify(showAssets(request.assets))),
    asked.map(({ request }) => request.referenceId),
    asked.map(({ request }) => request.metadata),
    asked.map(({ payout }) => payout.status),
    asked.map(({ payout }) => payout.heldFee.toString()),
    asked.map(({ request }) => actorOf(request.caller)),
  ]);
  return new Set(rows.map((row) => row.id));
}

const LOCK_AVAILABLE = `
  select b.user_id, b.unit, b.available from user_balances b
    join unnest($1::text[], $2::text[]) as d (user_id, unit) using (user_id, unit)
   order by b.user_id, b.unit for update of b`;

export type BalanceName = { readonly userId: string; readonly unit: AssetUnit };

/** By `balanceKey`. @param names each once */
export async function lockAvailable(
  tx: Tx,
  names: readonly BalanceName[],
): Promise<ReadonlyMap<string, bigint>> {
  if (names.length === 0) return new Map();
  const { rows } = await tx.query<{ user_id: string; unit: string; available: string }>(
    LOCK_AVAILABLE,
    [names.map((name) => name.userId), names.map((name) => name.unit)],
  );
  return new Map(
    rows.map((row) => [balanceKey(row.user_id, row.unit), BigInt(row.available)] as const),
  );
}

const LIMIT_LOCK_CLASS = 0x74656c70; // "telp"
const LOCK_LIMIT = 'select pg_advisory_xact_lock($1, 0)';
/** A statement of its own: its snapshot must be younger than the lock. */
const TAKEN = `
  select coalesce(sum(amount_lovelace), 0) as taken from outbound_payments
   where created_at > $1::timestamptz - interval '24 hours' and status not in ('failed', 'cancelled')`;

/** What was accepted in 24 hours, own rows of this transaction included; nobody adds to it until it ends. */
export async function lockDailySum(tx: Tx, at: Date): Promise<Lovelace> {
  await tx.query(LOCK_LIMIT, [LIMIT_LOCK_CLASS]);
  const { rows } = await tx.query<{ taken: string }>(TAKEN, [at]);
  return BigInt(rows[0]?.taken ?? 0);
}

const TAKE_BACK = `delete from outbound_payments where id = any($1::text[])`;

/** Rows of this very transaction that nobody has seen. */
export const takeBack = (tx: Tx, ids: readonly string[]) => tx.query(TAKE_BACK, [ids]);
