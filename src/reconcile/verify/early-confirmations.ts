import type { OutputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import { EARLY_CONFIRMATIONS } from '../compare/early-confirmation-queries.js';
import type { Bounded } from '../seals/check-queries.js';
import { bounded } from './bounded.js';

/** A payment that is confirmed and has too few confirmations, and of which nobody was told that it is. */
export type EarlyConfirmation = {
  readonly payment: OutputReference;
  readonly userId: string;
  readonly confirmations: number;
  readonly requiredConfirmations: number;
};

const EARLY = `
  select tx_hash || '#' || output_index as payment, user_id as "userId", confirmations::int,
         required_confirmations as "requiredConfirmations", count(*) over () as differences
    from (${EARLY_CONFIRMATIONS}) as early
   order by tx_hash, output_index limit $1`;

export const checkConfirmations = async (
  db: Queryable,
  shown: number,
): Promise<Bounded<EarlyConfirmation>> =>
  bounded((await db.query<EarlyConfirmation & { differences: string }>(EARLY, [shown])).rows);
