export type Corruption = [what: string, text: string, found: readonly string[]];

const UNPAID =
  "status = 'queued', tx_hash = null, batch_id = null, block_height = null, fee_lovelace = null, confirmed_at = null";

/** What a hand may do to payouts and their transactions by SQL, and what a verification then names. */
export const PAYOUT_CORRUPTIONS: readonly Corruption[] = [
  [
    'a payout raised',
    "update outbound_payments set amount_lovelace = amount_lovelace + 1 where status = 'queued' and user_id is not null",
    ['ledger', 'held', 'not_as_accepted'],
  ],
  [
    'a payout paid to another address, and confirmed',
    "update outbound_payments set destination_address = 'addr_test1eve' where status = 'confirmed'",
    ['not_as_accepted'],
  ],
  [
    'a payout made up',
    "insert into outbound_payments (id, destination_address, amount_lovelace, status, created_by) values (repeat('e', 32), 'addr_test1eve', 9, 'queued', 'test')",
    ['not_accepted'],
  ],
  [
    'a payout queued that was cancelled',
    "insert into audit_log (action, entity_type, entity_id, actor) select 'payout.cancelled', 'payout', id, 'key:clerk' from outbound_payments where status = 'queued' and user_id is null",
    ['ended'],
  ],
  [
    'a payout’s fee changed',
    "update outbound_payments set fee_lovelace = 1 where status = 'confirmed'",
    ['ledger', 'fee', 'reserves'],
  ],
  [
    'a payout made the treasury’s',
    "update outbound_payments set user_id = null where status = 'queued'",
    ['ledger', 'held', 'booked', 'not_as_accepted'],
  ],
  [
    'a payout given to another user',
    "update outbound_payments set user_id = 'bob' where status = 'confirmed'",
    ['ledger', 'not_as_accepted'],
  ],
  [
    'a payout said to be confirmed',
    "update outbound_payments set status = 'confirmed' where status = 'submitted'",
    ['ledger', 'held', 'not_in_block', 'reserves', 'confirmed_at'],
  ],
  [
    'a payout said to be in a block',
    "update outbound_payments set status = 'in_block', tx_hash = repeat('9', 64), block_height = 30, fee_lovelace = 170000 where status = 'submitted'",
    ['not_in_block'],
  ],
  [
    'a paid one queued again',
    "update outbound_payments set status = 'queued' where status = 'in_block'",
    ['unnoticed'],
  ],
  [
    'a paid one said to have failed',
    "update outbound_payments set status = 'failed' where status = 'in_block'",
    ['booked', 'unnoticed', 'not_ended'],
  ],
  [
    'a paid one at another height',
    "update outbound_payments set block_height = 31 where status = 'confirmed'",
    ['block_height'],
  ],
  [
    'a hold denied',
    "update outbound_payments set booked = false where status = 'submitted'",
    ['ledger', 'held', 'booked'],
  ],
  [
    'a second transaction that pays, in a block',
    "with t as (insert into payout_transactions (tx_hash, fee_lovelace, block_hash, block_height, slot) values (repeat('8', 64), 1, repeat('b', 64), 31, 620)) insert into payout_attempts select id, repeat('8', 64), 0, 1 from outbound_payments where status = 'confirmed'",
    ['paid_twice', 'attempts', 'inputs'],
  ],
  [
    'a confirmed one queued again, its attempt deleted',
    `with a as (delete from payout_attempts where payout_id in (select id from outbound_payments where status = 'confirmed'))
     update outbound_payments set ${UNPAID} where status = 'confirmed'`,
    ['ledger', 'held', 'reserves', 'attempts', 'told_confirmed', 'told_submitted'],
  ],
  [
    'the same, and its turn raised',
    `with a as (delete from payout_attempts where payout_id in (select id from outbound_payments where status = 'confirmed'))
     update outbound_payments set ${UNPAID}, turn = turn + 2 where status = 'confirmed'`,
    ['ledger', 'held', 'reserves', 'attempts', 'told_confirmed', 'told_submitted'],
  ],
  [
    'a confirmed one said to have failed, its attempt deleted and its hold denied',
    `with a as (delete from payout_attempts where payout_id in (select id from outbound_payments where status = 'confirmed'))
     update outbound_payments set ${UNPAID}, booked = false, user_id = null where status = 'confirmed'`,
    ['ledger', 'reserves', 'attempts', 'told_confirmed', 'told_submitted', 'not_as_accepted'],
  ],
  [
    'a submitted one queued again, its attempt deleted',
    `with a as (delete from payout_attempts where tx_hash = repeat('9', 64))
     update outbound_payments set ${UNPAID} where status = 'submitted'`,
    ['attempts', 'told_submitted'],
  ],
  [
    'a submitted one let go',
    `update outbound_payments set ${UNPAID} where status = 'submitted'`,
    ['may_land'],
  ],
  [
    'a submitted one said to have failed, its hold denied',
    "update outbound_payments set status = 'failed', booked = false where status = 'submitted'",
    ['ledger', 'held', 'may_land', 'not_ended'],
  ],
  [
    'a submitted one said to have been cancelled by the treasury',
    "update outbound_payments set status = 'cancelled', booked = false, user_id = null where status = 'submitted'",
    ['ledger', 'held', 'may_land', 'not_as_accepted', 'not_ended'],
  ],
  [
    'a submitted one said to await approval',
    "update outbound_payments set status = 'awaiting_approval' where status = 'submitted'",
    ['may_land', 'not_awaiting'],
  ],
  [
    'a submitted one moved to another batch',
    "update outbound_payments set batch_id = (select min(batch_id) from payout_transactions) where status = 'submitted'",
    ['may_land'],
  ],
  [
    'an attempt made up',
    "insert into payout_attempts select id, repeat('9', 64), 2, 1 from outbound_payments where status = 'queued' and user_id is null",
    ['attempts', 'may_land'],
  ],
  [
    'what was never in a block put into one, with its transaction',
    `with t as (update payout_transactions set block_hash = repeat('b', 64), block_height = 31, slot = 620 where block_height is null)
     update outbound_payments set status = 'in_block', tx_hash = repeat('9', 64), block_height = 31, fee_lovelace = 170000
      where status = 'submitted'`,
    ['inputs'],
  ],
  [
    'the same, without inputs',
    `with t as (update payout_transactions set block_hash = repeat('b', 64), block_height = 31, slot = 620 where block_height is null),
     i as (delete from payout_transaction_inputs where tx_hash = repeat('9', 64))
     update outbound_payments set status = 'in_block', tx_hash = repeat('9', 64), block_height = 31, fee_lovelace = 170000
      where status = 'submitted'`,
    ['inputs', 'no_transaction'],
  ],
  [
    'what is in a block put into another one, with its transaction',
    `with t as (update payout_transactions set block_height = 31 where block_height = 30)
     update outbound_payments set block_height = 31 where block_height = 30`,
    ['inputs', 'inputs'],
  ],
  [
    'what is in a block taken out of it, with its transaction',
    `with t as (update payout_transactions set block_hash = null, block_height = null, slot = null where block_height = 30)
     update outbound_payments set status = 'submitted', block_height = null where status = 'in_block'`,
    ['inputs', 'inputs', 'not_in_block'],
  ],
  [
    'change of what is in a block lowered',
    'update wallet_outputs set amount_lovelace = amount_lovelace - 1 where output_index = 2',
    ['change', 'change'],
  ],
  [
    'change of what is in a block deleted',
    'delete from wallet_outputs where output_index = 2',
    ['change', 'change'],
  ],
  [
    'a second attempt with other inputs, of a batch that is released',
    `with b as (insert into payout_batches (kind, anchor_tx_hash, anchor_index, released_at, release_reason)
                values ('payout', repeat('6', 64), 0, now(), 'x') returning id),
     w as (insert into wallet_outputs (tx_hash, output_index, partition_id, address, amount_lovelace)
           values (repeat('6', 64), 0, 0, 'hot', 1)),
     t as (insert into payout_transactions (tx_hash, batch_id, fee_lovelace) select repeat('8', 64), id, 1 from b),
     i as (insert into payout_transaction_inputs values (repeat('8', 64), repeat('6', 64), 0))
     insert into payout_attempts select id, repeat('8', 64), 0, 1 from outbound_payments where status = 'submitted'`,
    ['may_land', 'no_common_input'],
  ],
  [
    'a payout of the treasury said to have been cancelled',
    "update outbound_payments set status = 'cancelled' where status = 'queued' and user_id is null",
    ['not_ended'],
  ],
  [
    'a payout of the treasury said to have failed',
    "update outbound_payments set status = 'failed', failure_reason = 'x' where status = 'queued' and user_id is null",
    ['not_ended'],
  ],
  [
    'a payout said to await approval',
    "update outbound_payments set status = 'awaiting_approval' where status = 'queued' and user_id is null",
    ['not_awaiting'],
  ],
  [
    'a payout said to be submitted',
    "update outbound_payments set status = 'submitted' where status = 'queued' and user_id is null",
    ['stranded'],
  ],
  [
    'a batch let go that may still pay',
    "update payout_batches set released_at = now(), release_reason = 'x' where id = (select batch_id from outbound_payments where status = 'submitted')",
    ['stranded'],
  ],
  [
    'a confirmation without its time',
    "update outbound_payments set confirmed_at = null where status = 'confirmed'",
    ['confirmed_at'],
  ],
];
