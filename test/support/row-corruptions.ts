import { CAROL } from './reconciling.js';

export const ONE = (where: string): string =>
  `(tx_hash, output_index) = (select tx_hash, output_index from incoming_payments
     where ${where} order by tx_hash, output_index limit 1)`;
const WALLET = (where: string): string =>
  `(tx_hash, output_index) = (select tx_hash, output_index from wallet_outputs
     where ${where} order by tx_hash, output_index limit 1)`;
export const HELD = `spent_by is null and status = 'confirmed' and block_height is not null`;
const SPENT = `spent_by is not null and status = 'confirmed' and block_height is not null`;
const AGED = `block_height <= (select max(height) - 8 from blocks)`;
const OTHER = `repeat('ab', 32)`;
const COPY = (changes: string): string => `
  insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status, block_hash,
                                 block_height, slot, tx_position, counted_from, spent_by, spent_height)
  select tx_hash, output_index, address, user_id, amount_lovelace, status, block_hash, block_height, slot,
         tx_position, counted_from, spent_by, spent_height
    from (select (p).*, ${changes} from (select p from incoming_payments p where ${HELD} limit 1) x) y`;

type RowCorruption = readonly [what: string, sql: string, types: readonly string[]];

/** What a hand may do to rows of outputs, and what a reconciliation then calls it. */
export const ROW_CORRUPTIONS: readonly RowCorruption[] = [
  ['a payment is deleted', `delete from incoming_payments where ${ONE(HELD)}`, ['missing_in_db']],
  [
    'a spent payment is deleted',
    `delete from incoming_payments where ${ONE(SPENT)}`,
    ['missing_in_db'],
  ],
  [
    'a payment that was spent in a later block is deleted',
    `delete from incoming_payments where (tx_hash, output_index) = (
         select tx_hash, output_index from incoming_payments where ${SPENT}
          order by spent_height - block_height desc limit 1)`,
    ['missing_in_db'],
  ],
  [
    'a payment from before its address was watched is deleted',
    `delete from incoming_payments where address = '${CAROL}'`,
    ['missing_in_db'],
  ],
  [
    'an unspent output of the wallet is deleted',
    `delete from wallet_outputs where ${WALLET('spent_by is null')}`,
    ['missing_in_db'],
  ],
  [
    'a spent output of the wallet is deleted',
    `delete from wallet_outputs where ${WALLET('spent_by is not null and block_height is not null')}`,
    ['missing_in_db'],
  ],
  [
    'an amount is raised',
    `update incoming_payments set amount_lovelace = amount_lovelace + 1 where ${ONE(HELD)}`,
    ['amount_mismatch'],
  ],
  [
    'the amount of a spent payment is raised',
    `update incoming_payments set amount_lovelace = amount_lovelace + 1 where ${ONE(SPENT)}`,
    ['amount_mismatch'],
  ],
  [
    'assets are added',
    `update incoming_payments set assets = '{"${'ab'.repeat(28)}": "1"}' where ${ONE(HELD)}`,
    ['amount_mismatch'],
  ],
  [
    'an amount of the wallet is lowered',
    `update wallet_outputs set amount_lovelace = amount_lovelace - 1 where ${WALLET('spent_by is null')}`,
    ['amount_mismatch'],
  ],
  [
    'a spend is forgotten',
    `update incoming_payments set spent_by = null, spent_height = null where ${ONE(SPENT)}`,
    ['spent_mismatch'],
  ],
  [
    'who spent it is forgotten',
    `update incoming_payments set spent_by = null where ${ONE(SPENT)}`,
    ['spent_mismatch'],
  ],
  [
    'somebody is said to have spent it, in no block',
    `update incoming_payments set spent_by = ${OTHER} where ${ONE(HELD)}`,
    ['unspent_mismatch'],
  ],
  [
    'one from before its address was watched is said to be spent in no block',
    `update incoming_payments set spent_by = ${OTHER} where address = '${CAROL}'`,
    ['unspent_mismatch'],
  ],
  [
    'it isn’t known any more in which block it was spent',
    `update incoming_payments set spent_height = null where ${ONE(SPENT)}`,
    ['spent_mismatch'],
  ],
  [
    'a spent one is written again by hand, with who spent it alone',
    `with gone as (delete from incoming_payments where ${ONE(SPENT)} returning *)
       insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, assets, status,
                                      block_hash, block_height, slot, spent_by, detected_at, confirmed_at)
       select tx_hash, output_index, address, user_id, amount_lovelace, assets, status, block_hash, block_height,
              slot, spent_by, detected_at, confirmed_at from gone`,
    ['spent_mismatch'],
  ],
  [
    'a payment is made up that somebody spent in no block',
    `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status, block_hash,
                                      block_height, slot, spent_by)
       select ${OTHER}, 0, address, user_id, 5, status, block_hash, block_height, slot, ${OTHER}
         from incoming_payments where ${ONE(HELD)}`,
    ['extra_in_db'],
  ],
  [
    'a spend of the wallet is forgotten',
    `update wallet_outputs set spent_by = null, spent_height = null
        where ${WALLET('spent_by is not null and block_height is not null')}`,
    ['spent_mismatch'],
  ],
  [
    'another one is said to have spent it',
    `update incoming_payments set spent_by = ${OTHER} where ${ONE(SPENT)}`,
    ['spent_mismatch'],
  ],
  [
    'a spend is said to be younger',
    `update incoming_payments set spent_height = spent_height + 1 where ${ONE(`${SPENT} and ${AGED}`)}`,
    ['spent_mismatch'],
  ],
  [
    'a spend is made up',
    `update incoming_payments set spent_by = ${OTHER}, spent_height = block_height where ${ONE(HELD)}`,
    ['unspent_mismatch'],
  ],
  [
    'a spend is said to be as old as what it spends',
    `update incoming_payments set spent_height = block_height where ${ONE(`${SPENT} and spent_height > block_height`)}`,
    ['spent_mismatch'],
  ],
  [
    'a payment is made up',
    COPY(`${OTHER} as tx_hash`).replace('select tx_hash,', `select ${OTHER},`),
    ['extra_in_db'],
  ],
  [
    'a payment is said to be of an index that its transaction lacks',
    COPY('1 as one').replace('select tx_hash, output_index', 'select tx_hash, 999'),
    ['extra_in_db'],
  ],
  [
    'an output of the wallet is made up',
    `insert into wallet_outputs (partition_id, tx_hash, output_index, address, amount_lovelace, block_hash,
                                   block_height, slot)
       select partition_id, ${OTHER}, 0, address, 5, block_hash, block_height, slot from wallet_outputs
        where block_height is not null limit 1`,
    ['extra_in_db'],
  ],
  [
    'it names another block',
    `update incoming_payments set block_hash = ${OTHER} where ${ONE(HELD)}`,
    ['status_mismatch'],
  ],
  [
    'a spent one names another block',
    `update incoming_payments set block_hash = ${OTHER} where ${ONE(SPENT)}`,
    ['status_mismatch'],
  ],
  [
    'it names another height',
    `update incoming_payments set block_height = block_height - 1 where ${ONE(HELD)}`,
    ['status_mismatch'],
  ],
  [
    'it names a height that is far above',
    `update incoming_payments set block_height = block_height + 100000 where ${ONE(HELD)}`,
    ['status_mismatch'],
  ],
  [
    'it names another slot',
    `update incoming_payments set slot = slot + 1 where ${ONE(HELD)}`,
    ['status_mismatch'],
  ],
  [
    'it is said to be rolled back',
    `update incoming_payments set status = 'rolled_back', block_hash = null, block_height = null,
              slot = null, tx_position = null where ${ONE(HELD)}`,
    ['status_mismatch'],
  ],
  [
    'a spent one is said to be rolled back',
    `update incoming_payments set status = 'rolled_back', block_hash = null, block_height = null,
              slot = null, tx_position = null, spent_by = null, spent_height = null where ${ONE(SPENT)}`,
    ['status_mismatch'],
  ],
  [
    'one that is rolled back is said to be confirmed',
    `update incoming_payments p set status = 'confirmed', block_hash = b.hash, block_height = b.height,
              slot = b.slot
         from blocks b where p.status = 'rolled_back' and b.height = 10 and not boundary`,
    ['extra_in_db'],
  ],
  [
    'a confirmed one is said to be pending',
    `update incoming_payments set status = 'pending' where ${ONE(`${HELD} and ${AGED}`)}`,
    ['status_mismatch'],
  ],
  [
    'a confirmed one is said to be ignored',
    `update incoming_payments set status = 'ignored' where ${ONE(HELD)}`,
    ['status_mismatch'],
  ],
  [
    'an ignored one is said to be confirmed',
    `update incoming_payments set status = 'confirmed' where ${ONE(`status = 'ignored'`)}`,
    ['status_mismatch'],
  ],
  [
    'a pending one is said to be confirmed',
    `update incoming_payments set status = 'confirmed' where ${ONE(`status = 'pending'`)}`,
    ['status_mismatch'],
  ],
  [
    'what was there before its address was watched is said to count from earlier',
    `update incoming_payments set counted_from = 3 where address = '${CAROL}'`,
    ['status_mismatch'],
  ],
  [
    'what was there before its address was watched is said to count from where no block is yet',
    `update incoming_payments set counted_from = 10000 where address = '${CAROL}'`,
    ['status_mismatch'],
  ],
  [
    'what the wallet held before it was followed is said to count from later',
    `update wallet_outputs set counted_from = counted_from + 1
      where ${WALLET('spent_by is not null and counted_from is not null')}`,
    ['status_mismatch'],
  ],
  [
    'it is given to another user',
    `update incoming_payments set user_id = 'mallory' where ${ONE(HELD)}`,
    ['owner_mismatch'],
  ],
  [
    'it is said to be at another user’s address',
    `update incoming_payments set address = '${CAROL}', user_id = 'carol' where ${ONE(`${HELD} and address <> '${CAROL}'`)}`,
    ['owner_mismatch'],
  ],
  [
    'amount and user are changed together',
    `update incoming_payments set amount_lovelace = 1, user_id = 'mallory' where ${ONE(HELD)}`,
    ['amount_mismatch', 'owner_mismatch'],
  ],
];
