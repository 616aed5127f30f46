import type { Pool } from 'pg';
import type { Tx } from '../../database/transaction.js';
import { takeRegistrationLock } from '../../payments/registration-lock.js';
import { AMONG_GIVEN, MISBEGUN, readBeginnings } from '../compare/beginning-queries.js';
import type { Correcting } from './behind-ledger.js';

const BEGIN_AGAIN = `
  with wrong as (
    ${MISBEGUN(AMONG_GIVEN)} order by address
  ), corrected as (
    update payment_addresses a set watched_from = w."auditedFrom", backfill = w."auditedBackfill"
      from wrong w where a.address = w.address
    returning a.address, w."watchedFrom" as before_from, w.backfill as before_backfill, a.watched_from, a.backfill
  )
  insert into audit_log (action, entity_type, entity_id, actor, details, created_at)
  select 'address.beginning_corrected', 'payment_address', address, $3,
         jsonb_build_object(
           'cause', $4::text,
           'before', jsonb_build_object('watchedFrom', before_from, 'backfill', before_backfill),
           'after', jsonb_build_object('watchedFrom', watched_from, 'backfill', backfill)), $5
    from corrected`;

/** In one transaction, for which the chain waits. */
const AT_ONCE = 10_000;

/**
 * Lets those of the addresses that are wrong count again from where the audit log says that they do; what is
 * compared or derived afterwards rests on it. The chain waits meanwhile: give it few.
 *
 * @returns how many were corrected
 */
export async function correctBeginnings(
  tx: Tx,
  at: Date,
  { partitionId, actor, cause }: Correcting,
  addresses: readonly string[],
): Promise<number> {
  // Nobody may ask for the past of one of them meanwhile.
  await takeRegistrationLock(tx, partitionId);
  const values = [partitionId, addresses, actor, cause, at];
  return (await tx.query(BEGIN_AGAIN, values)).rowCount ?? 0;
}

/**
 * All of them, in as many transactions as that takes; none where nothing is wrong.
 *
 * @param addresses null for all
 * @param correct corrects some as above, in a transaction of whoever leads
 */
export async function restoreBeginnings(
  pool: Pool,
  partitionId: number,
  addresses: readonly string[] | null,
  correct: (some: readonly string[]) => Promise<number>,
): Promise<number> {
  let corrected = 0;
  for (;;) {
    const wrong = await findWrong(pool, partitionId, addresses);
    let now = 0;
    for (let from = 0; from < wrong.length; from += AT_ONCE) {
      now += await correct(wrong.slice(from, from + AT_ONCE));
    }
    corrected += now;
    // There may be more than are read at once.
    if (now === 0) return corrected;
  }
}

async function findWrong(
  pool: Pool,
  partitionId: number,
  addresses: readonly string[] | null,
): Promise<string[]> {
  const found = await readBeginnings(pool, partitionId, addresses);
  return found.filter(({ askedAt }) => askedAt === null).map(({ address }) => address);
}
