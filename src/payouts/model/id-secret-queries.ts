import type { Queryable, Tx } from '../../database/transaction.js';

const READ = 'select fingerprint from payout_id_fingerprint';

/** Of the secret that makes this database's ids; null where nobody noted one yet. */
export const readFingerprint = async (db: Queryable): Promise<string | null> =>
  (await db.query<{ fingerprint: string }>(READ)).rows[0]?.fingerprint ?? null;

const NOTE = `
  insert into payout_id_fingerprint (fingerprint) values ($1) on conflict (only_row) do nothing`;

/** The first one stays. */
export const noteFingerprint = (db: Queryable, fingerprint: string) =>
  db.query(NOTE, [fingerprint]);

const REPLACE = `
  insert into payout_id_fingerprint (fingerprint) values ($1)
  on conflict (only_row) do update set fingerprint = excluded.fingerprint, noted_at = now()`;

export const replaceFingerprint = (tx: Tx, fingerprint: string) => tx.query(REPLACE, [fingerprint]);

const HAS_PAYOUTS = 'select 1 from outbound_payments limit 1';

/** Also those that were adopted from the chain. */
export const hasPayouts = async (db: Queryable): Promise<boolean> =>
  (await db.query(HAS_PAYOUTS)).rowCount === 1;

/** One that another hand made up says nothing of the others. */
const NEWEST_MAX = 20;
const NEWEST = `
  select id, api_key as "keyName", idempotency_key as "idempotencyKey" from outbound_payments
   where api_key is not null and idempotency_key is not null
   order by created_at desc, id desc limit ${NEWEST_MAX}`;

export type MadeId = {
  readonly id: string;
  readonly keyName: string;
  readonly idempotencyKey: string;
};

/** What the newest payouts' ids were made of; those that were adopted from the chain and not claimed don't say. */
export const newestIds = async (db: Queryable): Promise<MadeId[]> =>
  (await db.query<MadeId>(NEWEST)).rows;
