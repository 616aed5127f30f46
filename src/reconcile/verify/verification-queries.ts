import type { Queryable } from '../../database/transaction.js';

const NOTE = 'insert into verifications (requested_by, mismatches) values ($1, $2)';

/** Kept where every instance reads it: that books disagree doesn't end with whoever found it. */
export const noteVerification = (db: Queryable, requestedBy: string, mismatches: number) =>
  db.query(NOTE, [requestedBy, mismatches]);

const LAST = `
  select finished_at as "finishedAt", mismatches::float8 as mismatches
    from verifications order by id desc limit 1`;

export type LastVerification = { readonly finishedAt: Date; readonly mismatches: number };

/** The last that came to its end, whatever it found. */
export const lastVerification = async (db: Queryable): Promise<LastVerification | null> =>
  (await db.query<LastVerification>(LAST)).rows[0] ?? null;
