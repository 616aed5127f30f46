import type { Queryable } from '../../database/transaction.js';
import { STANDING_PAUSE, type StandingPause } from '../../payouts/model/standing-pause.js';

const TAKEN_AWAY = `
  select ${STANDING_PAUSE} as pause
   where not exists (select from payout_control where paused_at is not null)`;

/** A pause of a person that nobody ended, where payouts aren't paused; null: there is none. */
export const pauseTakenAway = async (db: Queryable): Promise<StandingPause | null> =>
  (await db.query<{ pause: StandingPause | null }>(TAKEN_AWAY)).rows[0]?.pause ?? null;
