import type { Queryable, Tx } from '../../database/transaction.js';

/**
 * What tells this very database from a copy of it, from one that was restored, and from what an
 * asynchronous failover left: where it differs from what was noted, what was signed may be forgotten.
 */
export type DatabaseIdentity = Readonly<Record<string, string>>;

export type ReadIdentity = (db: Queryable) => Promise<DatabaseIdentity>;

const IDENTITY = `
  select (select system_identifier from pg_control_system())::text as system,
         left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline,
         (select oid from pg_database where datname = current_database())::text as database,
         'outbound_payments'::regclass::oid::text as table`;

/**
 * The timeline is that of the log being written: `pg_control_checkpoint()` tells a promoted standby's
 * new one only after its first checkpoint.
 */
export const readIdentity: ReadIdentity = async (db) => {
  const { rows } = await db.query<Record<string, string>>(IDENTITY);
  const [row] = rows;
  if (row === undefined) throw new Error('a select of constants returned nothing');
  return row;
};

const NOTE = 'update payout_control set identity = $1, updated_at = $2 where identity is null';

/**
 * Notes whose database this is, with the first payout that it accepts: from then on a copy that was
 * restored has something to forget, and shows it.
 */
export const noteIdentity = (tx: Tx, at: Date, identity: DatabaseIdentity) =>
  tx.query(NOTE, [JSON.stringify(identity), at]);
