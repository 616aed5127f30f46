import type { Queryable } from '../../database/transaction.js';
import type { Shortfall } from './reserves.js';

const NOTE = `
  insert into verifications (requested_by, mismatches, short_units, short_lovelace) values ($1, $2, $3, $4)`;

type Found = { readonly totalMismatches: number; readonly shortfall: Shortfall };

/** Kept where every instance reads it: that books disagree doesn't end with whoever found it. */
export const noteVerification = (
  db: Queryable,
  requestedBy: string,
  { totalMismatches, shortfall }: Found,
) => db.query(NOTE, [requestedBy, totalMismatches, shortfall.units, shortfall.lovelace]);

const LAST = `
  select finished_at as "finishedAt", mismatches::float8 as mismatches,
         case when short_units is not null
              then json_build_object('units', short_units, 'lovelace', short_lovelace::text) end as shortfall
    from verifications order by id desc limit 1`;

export type LastVerification = {
  readonly finishedAt: Date;
  readonly mismatches: number;
  /** Null where the version that verified noted none. */
  readonly shortfall: Shortfall | null;
};

/** The last that came to its end, whatever it found. */
export const lastVerification = async (db: Queryable): Promise<LastVerification | null> =>
  (await db.query<LastVerification>(LAST)).rows[0] ?? null;
