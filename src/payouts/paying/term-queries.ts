import type { Pool } from 'pg';
import type { Queryable, Tx } from '../../database/transaction.js';
import { controlLost, epochsExhausted, LAST_EPOCH } from '../model/control-row.js';
import type { DatabaseIdentity } from '../model/database-identity.js';
import { STANDING_PAUSE, type StandingPause } from '../model/standing-pause.js';

/** One payer's time in office. Both parts stand in the WHERE of every signature and submission. */
export type PayerTerm = { readonly epoch: bigint; readonly token: string };

const BEGIN_TERM = `
  update payout_control
     set payer_epoch = payer_epoch + 1, payer_token = gen_random_uuid(), updated_at = now()
   where payer_epoch < ${LAST_EPOCH}
  returning payer_epoch, payer_token`;

/** @throws ControlSpoilt */
export async function beginPayerTerm(pool: Pool): Promise<PayerTerm> {
  const { rows } = await pool.query<{ payer_epoch: string; payer_token: string }>(BEGIN_TERM);
  const [row] = rows;
  if (row === undefined) {
    await readControl(pool);
    throw epochsExhausted();
  }
  return { epoch: BigInt(row.payer_epoch), token: row.payer_token };
}

/** Who may pay, and why nobody may. */
export type Control = {
  readonly pausedAt: Date | null;
  readonly pausedBy: string | null;
  readonly pauseReason: string | null;
  readonly heldAt: Date | null;
  readonly holdReason: string | null;
  readonly holdUntilSlot: number | null;
  readonly memoryGap: number;
  readonly fenceRequestedAt: Date | null;
  readonly fenceGeneration: number;
  /** Of the fence under way; null where none is. */
  readonly fenceMemoryGap: number | null;
  /** Why the chain can't be relied on; null while it can. */
  readonly chainHeld: string | null;
  /** Of a person; null where none is or somebody ended it. */
  readonly standingPause: StandingPause | null;
  readonly identity: DatabaseIdentity | null;
};

const CONTROL = `
  select paused_at as "pausedAt", paused_by as "pausedBy", pause_reason as "pauseReason",
         held_at as "heldAt", hold_reason as "holdReason", hold_until_slot::float8 as "holdUntilSlot",
         memory_gap as "memoryGap", fence_requested_at as "fenceRequestedAt",
         fence_generation as "fenceGeneration", fence_memory_gap as "fenceMemoryGap", identity,
         (select coalesce(string_agg(reason ->> 'detail', '; '), 'for no reason that is known')
            from chain_guard g
            left join jsonb_array_elements(g.reasons) as reason on reason -> 'released' = 'null'
           where g.held_at is not null
          having count(*) > 0) as "chainHeld",
         ${STANDING_PAUSE} as "standingPause"
    from payout_control`;

export async function readControl(db: Queryable): Promise<Control> {
  const { rows } = await db.query<Control>(CONTROL);
  const [row] = rows;
  if (row === undefined) throw controlLost();
  return row;
}

/** Another payer's term began, or payouts or the chain were paused or held in between: nothing may be committed. */
export class NotNow extends Error {
  override readonly name = 'NotNow';
}

/**
 * On a chain that the network may leave nothing is signed or submitted, to the wallet itself neither. This takes
 * no lock of its own: who holds the chain for a rollback, a witness or its density moves or holds the cursor first,
 * which waits for everybody who locked the books, as all do that write down a signature. The beginning of a term,
 * when no witness was heard yet, doesn't: what was signed a moment before it is looked at again, and isn't submitted.
 */
const CHAIN_IS_TRUSTED = 'not exists (select 1 from chain_guard g where g.held_at is not null)';
const GUARD = `
  update payout_control set updated_at = now()
   where payer_epoch = $1 and payer_token = $2 and paused_at is null and held_at is null
     and identity = $3::jsonb and ${CHAIN_IS_TRUSTED} and ${STANDING_PAUSE} is null
  returning now() as at, set_config('idle_in_transaction_session_timeout', '8s', true)`;
const GUARD_FENCE = `
  update payout_control set updated_at = now()
   where payer_epoch = $1 and payer_token = $2 and paused_at is null and held_at is not null
     and identity = $3::jsonb and ${CHAIN_IS_TRUSTED} and ${STANDING_PAUSE} is null
  returning now() as at, set_config('idle_in_transaction_session_timeout', '8s', true)`;
const GUARD_TERM = `
  update payout_control set updated_at = now() where payer_epoch = $1 and payer_token = $2
  returning now() as at, set_config('idle_in_transaction_session_timeout', '8s', true)`;

/**
 * The payer's fence: every signature and every submission is written behind it. Answers the
 * transaction's time. @throws NotNow
 */
export const guard = (tx: Tx, term: PayerTerm, identity: DatabaseIdentity): Promise<Date> =>
  pass(tx, GUARD, [term.epoch.toString(), term.token, JSON.stringify(identity)]);

/** The same for fence transactions, which are what may be done while payouts are held. @throws NotNow */
export const guardFence = (tx: Tx, term: PayerTerm, identity: DatabaseIdentity): Promise<Date> =>
  pass(tx, GUARD_FENCE, [term.epoch.toString(), term.token, JSON.stringify(identity)]);

/** Only the term, for what books and neither signs nor submits. @throws NotNow */
export const guardTerm = (tx: Tx, term: PayerTerm): Promise<Date> =>
  pass(tx, GUARD_TERM, [term.epoch.toString(), term.token]);

async function pass(tx: Tx, statement: string, values: unknown[]): Promise<Date> {
  const { rows } = await tx.query<{ at: Date }>(statement, values);
  const [row] = rows;
  if (row !== undefined) return row.at;
  throw new NotNow('payouts or the chain were paused or held, or another instance pays now');
}

const WORK = `
  select exists (select 1 from outbound_payments where status in ('queued', 'submitted'))
      or exists (select 1 from payout_batches b join payout_transactions t on t.batch_id = b.id
                  where b.kind = 'tidy' and b.released_at is null and t.block_height is null)
      or exists (select 1 from payout_control
                  where held_at is not null or fence_requested_at is not null) as there`;

/** Whether there is anything to sign, to submit or to wait for. */
export const hasWork = async (db: Queryable): Promise<boolean> =>
  (await db.query<{ there: boolean }>(WORK)).rows[0]?.there === true;

const MAY_SUBMIT = `
  select 1 from payout_control
   where payer_epoch = $1 and payer_token = $2 and paused_at is null and ${CHAIN_IS_TRUSTED}
     and ${STANDING_PAUSE} is null`;

/** A look without a lock, right before bytes are sent: what is held after it was sent just before. */
export const maySubmit = async (db: Queryable, term: PayerTerm): Promise<boolean> =>
  (await db.query(MAY_SUBMIT, [term.epoch.toString(), term.token])).rows.length > 0;

const NOTE_PARAMETERS = `
  update payout_control set protocol_parameters = $3::jsonb
   where payer_epoch = $1 and payer_token = $2 and protocol_parameters is distinct from $3::jsonb`;

/** For those who accept payouts, and have no node to ask what an output must hold. */
export const noteParameters = (db: Queryable, term: PayerTerm, parameters: string) =>
  db.query(NOTE_PARAMETERS, [term.epoch.toString(), term.token, parameters]);

const LOCK_BOOKS = 'select 1 from sync_state where partition_id = $1 for share';

/** First of all locks: what a plan believed of the wallet can't change under its signature. */
export const lockBooks = (tx: Tx, partitionId: number) => tx.query(LOCK_BOOKS, [partitionId]);
