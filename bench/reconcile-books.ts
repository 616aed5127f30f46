import type pg from 'pg';
import { inTransaction } from '../src/database/transaction.js';
import { longAddress } from '../test/support/addresses.js';
import { BALANCES, PAYMENT_ENTRIES } from './verify-books.js';

/** Of so many outputs that are there before the first block one holds a native asset too. */
export const ASSETS_EVERY = 10;
export const TOKEN = `${'ab'.repeat(28)}746f6b`;
/** What each of them holds at least: two suffice for a transaction of the devnet's that spends them. */
export const LOVELACE_LEAST = 10_000_000n;
/** For so many outputs there is a block that pays to the addresses, and spends some of what they have. */
export const OUTPUTS_PER_BLOCK = 200;

export async function register(pool: pg.Pool, addresses: number): Promise<void> {
  await pool.query(
    `insert into payment_addresses (address, partition_id, user_id, watched_from, backfill, backfilled_height)
     select address, 0, 'user-' || n, -1, true, 0 from unnest($1::text[]) with ordinality as a (address, n)`,
    [Array.from({ length: addresses }, (_, seed) => longAddress(seed))],
  );
  await pool.query(
    `insert into audit_log (action, entity_type, entity_id, actor, details)
     select 'address.registered', 'payment_address', address, 'bench', jsonb_build_object('userId', user_id)
       from payment_addresses`,
  );
}

/** What was there before the first block, as a backfill would have left it: confirmed, and booked. */
export async function fill(pool: pg.Pool, outputs: number, addresses: number): Promise<void> {
  await inTransaction(pool, async (tx) => {
    await tx.query(
      `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, assets, status,
                                      counted_from, confirmed_at)
       select encode(sha256(('output ' || n)::bytea), 'hex'), 0, a.address, a.user_id, $4::bigint + n,
              case when n % ${ASSETS_EVERY} = 0 then jsonb_build_object($3::text, n::text) else '{}' end,
              'confirmed', 0, now()
         from generate_series(1, $1::int) n
         join (select *, row_number() over (order by watch_id) - 1 as seed from payment_addresses) a
           on a.seed = n % $2::int`,
      [outputs, addresses, TOKEN, LOVELACE_LEAST],
    );
    await tx.query(PAYMENT_ENTRIES);
    await tx.query(BALANCES);
  });
  await pool.query('vacuum analyze');
}

const UNSPENT = `
  select count(*)::int as outputs from incoming_payments
   where coalesce(block_height, counted_from) <= $1 and status <> 'rolled_back'
     and (spent_height is null or spent_height > $1)`;

/** How many outputs a comparison right after that block has to find in the chain's ledger. */
export async function unspentAt(pool: pg.Pool, height: number): Promise<number> {
  const { rows } = await pool.query<{ outputs: number }>(UNSPENT, [height]);
  return rows[0]?.outputs ?? 0;
}

export type Shares = {
  readonly unspent: number;
  readonly withAssets: number;
  readonly inBlocks: number;
  readonly pending: number;
  readonly spent: number;
};

const SHARES = `
  select count(*) filter (where spent_by is null)::int as unspent,
         count(*) filter (where spent_by is null and assets <> '{}')::int as "withAssets",
         count(*) filter (where spent_by is null and block_height is not null)::int as "inBlocks",
         count(*) filter (where spent_by is null and status = 'pending')::int as pending,
         count(*) filter (where spent_by is not null)::int as spent
    from incoming_payments`;

/** What the books consist of. */
export async function readShares(pool: pg.Pool): Promise<Shares | undefined> {
  return (await pool.query<Shares>(SHARES)).rows[0];
}
