// SQL by which another hand puts rows of `followedWorld` where they don't belong.
import { CAROL, DAVE } from './reconciling.js';

/** The first of those payments, whatever its position in the table. */
export const ONE = (where: string): string =>
  `(tx_hash, output_index) = (select tx_hash, output_index from incoming_payments
     where ${where} order by tx_hash, output_index limit 1)`;
/** The first of those outputs of the wallet. */
export const WALLET = (where: string): string =>
  `(tx_hash, output_index) = (select tx_hash, output_index from wallet_outputs
     where ${where} order by tx_hash, output_index limit 1)`;
export const HELD = `spent_by is null and status = 'confirmed' and block_height is not null`;
export const SPENT = `spent_by is not null and status = 'confirmed' and block_height is not null`;

export const COPIED_TO_WALLET = (address: string, where: string): string => `
  insert into wallet_outputs (partition_id, tx_hash, output_index, address, amount_lovelace, assets, block_hash,
                              block_height, slot, counted_from, spent_by, spent_height)
  select partition_id, tx_hash, output_index, ${address}, amount_lovelace, assets, block_hash, block_height,
         slot, counted_from, spent_by, spent_height from incoming_payments p where ${where}`;
export const MOVED_TO_WALLET = (where: string): string =>
  `with gone as (delete from incoming_payments where ${where}) ${COPIED_TO_WALLET('address', where)}`;
export const COPIED_TO_PAYMENTS = (where: string): string => `
  insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, assets, status,
                                 block_hash, block_height, slot, tx_position, spent_by, spent_height)
  select tx_hash, output_index, '${CAROL}', 'carol', amount_lovelace, assets, 'confirmed', block_hash,
         block_height, slot, 0, spent_by, spent_height from wallet_outputs where ${WALLET(where)}`;
export const MOVED_TO_PAYMENTS = (where: string): string =>
  `with gone as (delete from wallet_outputs where ${WALLET(where)}) ${COPIED_TO_PAYMENTS(where)}`;
/** Said to have been there before its address was registered. */
export const UNFOLLOWED = (where: string): string => `
  update incoming_payments set counted_from = block_height, block_height = null, block_hash = null, slot = null,
         tx_position = null where ${where}`;
/** Money made of what Dave's address held before it was registered: row, ledger and balance agree. */
export const COUNTED = `
  with booked as (
    insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion)
    select user_id, 'lovelace', 'available', 'credit', amount_lovelace, 'payment_confirmed', tx_hash, output_index,
           inclusion from incoming_payments where address = '${DAVE}' returning user_id, amount
  ), balance as (
    insert into user_balances (user_id, unit, available) select user_id, 'lovelace', amount from booked
  )
  update incoming_payments set status = 'confirmed', confirmed_at = now() where address = '${DAVE}'`;
