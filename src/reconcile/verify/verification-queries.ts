import type { Queryable } from '../../database/transaction.js';
import type { SealsCheck } from '../seals/check-seals.js';
import { noteHeads } from '../seals/noted-heads-queries.js';
import type { Shortfall } from './reserves.js';

const NOTE = `
  insert into verifications (requested_by, mismatches, short_units, short_lovelace) values ($1, $2, $3, $4)`;

type Found = {
  readonly totalMismatches: number;
  readonly shortfall: Shortfall;
  readonly seals: SealsCheck;
};

/**
 * Kept where every instance reads it: that books disagree doesn't end with whoever found it. And where the seals
 * end, which the next one holds against what it finds.
 */
export async function noteVerification(
  db: Queryable,
  requestedBy: string,
  { totalMismatches, shortfall, seals }: Found,
): Promise<void> {
  await db.query(NOTE, [requestedBy, totalMismatches, shortfall.units, shortfall.lovelace]);
  const areWhole = seals.broken.count === 0 && seals.notAsNoted.length === 0;
  const heads = seals.chains.filter(({ seal }) => seal > 0);
  if (areWhole && heads.length > 0) await noteHeads(db, requestedBy, heads);
}

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
