import type { Pool } from 'pg';
import { inTransaction, type Tx } from '../../database/transaction.js';
import { takeRegistrationLockShared } from '../../payments/registration-lock.js';
import type { Dispute } from './disputes.js';
import { readDispute } from './registration-queries.js';

/** What a person says of an address. */
export type Settlement = {
  readonly address: string;
  readonly userId: string;
  readonly actor: string;
  readonly reason: string;
};

export type Settled =
  | { readonly type: 'settled'; readonly before: Dispute }
  /** It is whose it was registered for. */
  | { readonly type: 'undisputed'; readonly userId: string }
  /** It was registered and isn't in the books any more: registering it again puts it there. */
  | { readonly type: 'not_in_books'; readonly before: Dispute }
  | { readonly type: 'not_found' };

const LOCK = `
  select user_id as "userId" from payment_addresses where address = $1 and partition_id = $2 for update`;

// That somebody says whose it is says nothing of its references: an entry has those of the registration, or none.
const SETTLE = `
  with settled as (
    update payment_addresses set user_id = $3 where address = $1 and partition_id = $2
    returning address, backfill
  )
  insert into audit_log (action, entity_type, entity_id, actor, details)
  select 'address.registered', 'payment_address', s.address, $4,
         jsonb_build_object(
           'userId', $3::text, 'backfill', s.backfill, 'reason', $5::text,
           'before', jsonb_build_object('userId', $6::text, 'registeredFor', $7::text))
         || coalesce(l.said, '{}')
    from settled s
    left join lateral (
      select (select jsonb_object_agg(key, value) from jsonb_each(details)
               where key in ('referenceType', 'referenceId')) as said
        from audit_log
       where entity_type = 'payment_address' and entity_id = s.address and action = 'address.registered'
       order by id desc limit 1) l on true`;

/**
 * Somebody answers for whose a disputed address is: the books and the audit log say so from then on, in that
 * person's name. What it was paid stays as it is until a repair brings it to that user.
 */
export const settleOwner = (
  pool: Pool,
  partitionId: number,
  settlement: Settlement,
): Promise<Settled> =>
  inTransaction(pool, async (tx) => {
    // No block credits anybody meanwhile.
    await takeRegistrationLockShared(tx, partitionId);
    const { address, userId, actor, reason } = settlement;
    const owner = await lockOwner(tx, partitionId, address);
    const before = await readDispute(tx, partitionId, address);
    if (before === null) {
      return owner === null ? { type: 'not_found' } : { type: 'undisputed', userId: owner };
    }
    if (owner === null) return { type: 'not_in_books', before };
    const said = [userId, actor, reason, owner, before.registeredFor];
    await tx.query(SETTLE, [address, partitionId, ...said]);
    return { type: 'settled', before };
  });

async function lockOwner(tx: Tx, partitionId: number, address: string): Promise<string | null> {
  const { rows } = await tx.query<{ userId: string }>(LOCK, [address, partitionId]);
  return rows[0]?.userId ?? null;
}
