import { TOKEN } from './hand-made-books.js';
import { type Corruption, PAYOUT_CORRUPTIONS } from './payout-corruptions.js';

const EDIT_ENTRY = "where reason = 'payment_detected' and unit = 'lovelace' and user_id = 'ann'";

/** What a hand may do to sound books by SQL, and what a verification then names. */
export const CORRUPTIONS: readonly Corruption[] = [
  [
    'a balance raised',
    'update user_balances set available = available + 1',
    ['balance', 'reserves'],
  ],
  [
    'a hold raised',
    "update user_balances set held = held + 1 where unit = 'lovelace'",
    ['balance', 'held', 'reserves'],
  ],
  [
    'one bucket moved into another',
    'update user_balances set available = available + pending, pending = 0',
    ['balance'],
  ],
  [
    'money moved between users',
    "update user_balances set available = available + case user_id when 'ann' then -7 else 7 end where unit = 'lovelace'",
    ['balance'],
  ],
  ['a balance deleted', "delete from user_balances where user_id = 'bob'", ['balance', 'reserves']],
  [
    'a balance made up',
    "insert into user_balances values ('eve', 'lovelace', 1, 0, 0)",
    ['balance', 'reserves'],
  ],
  [
    'an entry edited',
    `update balance_transactions set amount = amount + 1 ${EDIT_ENTRY}`,
    ['balance', 'ledger', 'sealed ledger'],
  ],
  [
    'an entry and its balance edited',
    `with e as (update balance_transactions set amount = amount + 1 ${EDIT_ENTRY} returning 1) update user_balances set pending = pending + 1 where user_id = 'ann' and unit = 'lovelace'`,
    ['ledger', 'sealed ledger', 'reserves'],
  ],
  [
    'an entry deleted',
    `delete from balance_transactions ${EDIT_ENTRY}`,
    ['balance', 'ledger', 'sealed ledger'],
  ],
  [
    'an entry given to another user',
    `update balance_transactions set user_id = 'eve' ${EDIT_ENTRY}`,
    ['balance', 'ledger', 'sealed ledger'],
  ],
  [
    'an entry given another time',
    "update balance_transactions set created_at = created_at - interval '1 day' where id = (select min(id) from balance_transactions)",
    ['sealed ledger'],
  ],
  [
    'an entry given another reason',
    "update balance_transactions set reason = 'gift' where id = (select min(id) from balance_transactions)",
    ['sealed ledger'],
  ],
  [
    'an entry without its payment, with its balance',
    "with e as (insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion) values ('bob', 'lovelace', 'available', 'credit', 9, 'payment_confirmed', repeat('5', 64), 0, 1)) update user_balances set available = available + 9 where user_id = 'bob'",
    ['ledger', 'orphan', 'reserves'],
  ],
  [
    'an entry of a payment, by its public columns alone',
    `insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index)
     select user_id, 'lovelace', 'available', 'credit', 9, 'payment_confirmed', tx_hash, output_index
       from incoming_payments where status = 'confirmed'`,
    ['balance', 'ledger'],
  ],
  [
    'an entry without its payment, by its public columns alone',
    "insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index) values ('bob', 'lovelace', 'available', 'credit', 9, 'payment_confirmed', repeat('5', 64), 0)",
    ['balance', 'ledger', 'orphan'],
  ],
  [
    'entries without a payment that add up to nothing',
    `insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion)
     select 'bob', 'lovelace', 'pending', type, 9, 'made up', repeat('5', 64), 0, 1
       from unnest(array['credit', 'debit']) as type`,
    ['orphan'],
  ],
  [
    'entries without a payout that add up to nothing',
    `insert into balance_transactions (user_id, unit, bucket, type, amount, reason, payout_id, payout_turn)
     select 'bob', 'lovelace', 'available', type, 9, 'made up', repeat('5', 32), 0
       from unnest(array['credit', 'debit']) as type`,
    ['orphan'],
  ],
  [
    'entries without a payment that add up to nothing among what is available',
    `insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion)
     select 'bob', 'lovelace', 'available', type, 9, 'made up', repeat('5', 64), 0, 1
       from unnest(array['credit', 'debit']) as type`,
    ['orphan'],
  ],
  [
    'entries without a payout that add up to nothing among what is held',
    `insert into balance_transactions (user_id, unit, bucket, type, amount, reason, payout_id, payout_turn)
     select 'bob', 'lovelace', 'held', type, 9, 'made up', repeat('5', 32), 0
       from unnest(array['credit', 'debit']) as type`,
    ['orphan'],
  ],
  [
    'the ledger emptied',
    'delete from balance_transactions',
    ['balance', 'ledger', 'sealed ledger'],
  ],
  [
    'a payment raised',
    "update incoming_payments set amount_lovelace = amount_lovelace + 1 where status = 'confirmed'",
    ['ledger', 'reserves'],
  ],
  [
    'tokens of a payment raised',
    `update incoming_payments set assets = '{"${TOKEN}": "101"}' where status = 'confirmed'`,
    ['ledger', 'reserves'],
  ],
  ['a payment confirmed early', "update incoming_payments set status = 'confirmed'", ['ledger']],
  [
    'a payment given to another user',
    "update incoming_payments set user_id = 'eve' where status = 'confirmed'",
    ['ledger'],
  ],
  [
    'a payment deleted',
    "delete from incoming_payments where status = 'confirmed'",
    ['ledger', 'orphan', 'reserves'],
  ],
  [
    'a payment made up',
    `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status) select repeat('4', 64), 0, address, 'ann', 1, 'confirmed' from payment_addresses limit 1`,
    ['ledger', 'reserves'],
  ],
  ...PAYOUT_CORRUPTIONS,
  ['an audit entry edited', "update audit_log set actor = 'nobody'", ['sealed audit']],
  ['an audit entry deleted', "delete from audit_log where entity_id = 'p'", ['sealed audit']],
  [
    'a seal edited',
    "update seals set content_hash = repeat('0', 64) where chain = 'audit'",
    ['sealed audit', 'seal audit'],
  ],
];
