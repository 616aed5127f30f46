import type { Pool } from 'pg';
import type { Tx } from '../../database/transaction.js';
import { takeRegistrationLock } from '../../payments/registration-lock.js';
import { AMONG_GIVEN, MISBEGUN, readBeginnings } from '../compare/beginning-queries.js';
import type { Correcting } from './behind-ledger.js';

const BEGIN_AGAIN = `
  with wrong as (
    ${MISBEGUN(AMONG_GIVEN)} order by address limit $3
  ), corrected as (
    update payment_addresses a set watched_from = w."auditedFrom", backfill = w."auditedBackfill"
      from wrong w where a.address = w.address
    returning a.address, w."watchedFrom" as before_from, w.backfill as before_backfill, a.watched_from, a.backfill
  )
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  select 'address.beginning_corrected', 'payment_address', address, $4,
         jsonb_build_object(
           'cause', $5::text,
           'before', jsonb_build_object('watchedFrom', before_from, 'backfill', before_backfill),
           'after', jsonb_build_object('watchedFrom', watched_from, 'backfill', backfill)), $6
    from corrected`;

/** In one transaction, for which the chain waits. */
const AT_ONCE = 10_000;

/**
 * Lets addresses count again from where the audit log says that they do; what is compared or derived afterwards
 * rests on it.
 *
 * @param addresses null for all
 * @returns how many were corrected, at most so many that the chain needn't wait long
 */
export async function correctBeginnings(
  tx: Tx,
  at: Date,
  { partitionId, actor, cause }: Correcting,
  addresses: readonly string[] | null,
): Promise<number> {
  // Nobody may ask for the past of one of them meanwhile.
  await takeRegistrationLock(tx, partitionId);
  const values = [partitionId, addresses, AT_ONCE, actor, cause, at];
  return (await tx.query(BEGIN_AGAIN, values)).rowCount ?? 0;
}

/**
 * All of them, in as many transactions as that takes; none where nothing is wrong.
 *
 * @param correct corrects some as above, in a transaction of whoever leads
 */
export async function restoreBeginnings(
  pool: Pool,
  partitionId: number,
  addresses: readonly string[] | null,
  correct: () => Promise<number>,
): Promise<number> {
  const found = await readBeginnings(pool, partitionId, addresses);
  if (found.every(({ askedAt }) => askedAt !== null)) return 0;
  let corrected = 0;
  for (let some = AT_ONCE; some === AT_ONCE; corrected += some) some = await correct();
  return corrected;
}
