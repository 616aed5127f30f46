import { SECURITY_PARAMETER } from './state.js';

type Way = {
  /** Which of `outbound_payments p` it may be done to. */
  readonly whose: string;
  /** `$2` is an address that nobody asked to be paid. */
  readonly set: string;
  /** What a verification says of it, one of these; none where only the ledger and what is held tell. */
  readonly named: readonly string[];
};

const UNSIGNED = "p.status in ('queued', 'awaiting_approval') and p.batch_id is null";
/** No fork goes there any more. */
const DEEP = `p.block_height <= $3::bigint - ${SECURITY_PARAMETER}`;
/** What pays it can still come into a block. */
const UNDER_WAY = `
  p.status = 'submitted' and exists (
    select 1 from payout_attempts a join payout_transactions t on t.tx_hash = a.tx_hash
     where a.payout_id = p.id and t.block_height is null and not t.adopted
       and t.invalid_hereafter > (select last_slot from sync_state)
       and not exists (
         select 1 from payout_transaction_inputs i
          where i.tx_hash = t.tx_hash
            and not exists (select 1 from wallet_outputs w
                             where w.tx_hash = i.input_tx_hash and w.output_index = i.input_index
                               and w.spent_by is null)))`;
const QUEUED =
  "status = 'queued', batch_id = null, tx_hash = null, fee_lovelace = null, block_height = null, confirmed_at = null";
const STRAYED = ['not_as_accepted'];

/** What another hand does to payouts. */
export const WAYS: Readonly<Record<string, Way>> = {
  'an amount raised': {
    whose: UNSIGNED,
    set: 'amount_lovelace = amount_lovelace + 1000000',
    named: STRAYED,
  },
  'a destination changed': {
    whose: UNSIGNED,
    set: 'destination_address = $2',
    named: STRAYED,
  },
  'the destination of what was signed changed': {
    whose: "p.status in ('submitted', 'in_block', 'confirmed')",
    set: 'destination_address = $2',
    named: STRAYED,
  },
  'given to another user': {
    whose: `${UNSIGNED} and p.user_id is not null`,
    set: "user_id = 'mallory'",
    named: STRAYED,
  },
  'made the treasury’s': {
    whose: `${UNSIGNED} and p.user_id is not null`,
    set: 'user_id = null, booked = false',
    named: STRAYED,
  },
  'another fee held': {
    whose: `${UNSIGNED} and p.user_id is not null`,
    set: 'held_fee = held_fee + 5',
    named: [],
  },
  'queued without approval': {
    whose: "p.status = 'awaiting_approval'",
    set: "status = 'queued'",
    named: ['not_approved'],
  },
  'cancelled and queued again': {
    whose: "p.status = 'cancelled'",
    set: "status = 'queued', booked = user_id is not null",
    named: ['ended'],
  },
  'confirmed and queued again': {
    whose: `p.status = 'confirmed' and ${DEEP}`,
    set: QUEUED,
    named: ['told_confirmed', 'unnoticed'],
  },
  'submitted and let go': { whose: UNDER_WAY, set: QUEUED, named: ['may_land'] },
};

/** `$1` chooses among them, `$3` is the highest that the chain ever was. @returns the id of what was changed */
export const changeBy = ({ whose, set }: Way): string => `
  with chosen as (
    select p.id from outbound_payments p
     where ${whose} and $2::text <> '' and $3::bigint is not null order by md5($1 || p.id) limit 1)
  update outbound_payments set ${set} where id in (select id from chosen) returning id`;
export const INVENT = `
  insert into outbound_payments
    (id, destination_address, amount_lovelace, user_id, status, booked, created_by)
  select md5($1), $2, p.amount_lovelace, p.user_id, 'queued', p.user_id is not null, p.created_by
    from outbound_payments p where $3::bigint is not null order by md5($1 || p.id) limit 1
  returning id`;
export const MADE_UP = 'made up';
