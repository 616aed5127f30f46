import type { Tx } from '../database/transaction.js';

/**
 * Registering an address and committing a block exclude each other, per partition, so that no payment
 * is missed: a block's transaction takes the lock for itself and reads the registrations that are new
 * since it last looked; whatever registers takes it shared *before* it inserts. So every watch_id that
 * was assigned when the block looks is committed or gone, and every later one belongs to the next block.
 *
 * An advisory lock queues fairly. A row lock FOR SHARE doesn't: with registrations that overlap
 * without a gap, the block's exclusive lock would wait for ever.
 */
const REGISTRATION_LOCK_CLASS = 0x74656c6c; // "tell"

/** A process that freezes while it registers must not stop the chain: its transaction is ended. */
const TAKE_SHARED = `
  select pg_advisory_xact_lock_shared($1, $2),
         set_config('idle_in_transaction_session_timeout', '8s', true)`;

export const takeRegistrationLockShared = (tx: Tx, partitionId: number): Promise<unknown> =>
  tx.query(TAKE_SHARED, [REGISTRATION_LOCK_CLASS, partitionId]);

export const takeRegistrationLock = (tx: Tx, partitionId: number): Promise<unknown> =>
  tx.query('select pg_advisory_xact_lock($1, $2)', [REGISTRATION_LOCK_CLASS, partitionId]);
