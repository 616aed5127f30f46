import type pg from 'pg';

/** All that the worker wrote, read in one statement, so at one moment. */
export type Books = {
  readonly state: {
    readonly last_slot: string | null;
    readonly last_block_hash: string | null;
    readonly last_block_height: string | null;
    readonly leader_epoch: string;
    readonly started: boolean;
  } | null;
  readonly blocks: { height: number; hash: string; slot: number; boundary: boolean }[];
  readonly payments: PaymentRecord[];
  readonly wallet: WalletRecord[];
  readonly balances: {
    user_id: string;
    unit: string;
    available: string;
    held: string;
    pending: string;
  }[];
  readonly sums: { user_id: string; unit: string; bucket: string; total: string }[];
  /** A digest of each, by id: who comes first doesn't commit first. */
  readonly entries: Readonly<Record<string, string>>;
  readonly events: { type: string; event_key: string }[];
  /** Keys of events that were to be told although they had been. */
  readonly toldBefore: readonly string[];
  readonly addresses: {
    address: string;
    user_id: string;
    backfilled_height: number | null;
    watched_from: number | null;
    backfill: boolean;
  }[];
  /** Height of the ledger that was asked for what the hot wallet held; null until then. */
  readonly wallet_backfilled: number | null;
  /** Whether the chain is relied on; null where nobody ever doubted it. */
  readonly guard: { readonly held: boolean; readonly reasons: readonly GuardReason[] } | null;
  /** Of the last block with facts; null where there is none. */
  readonly digest: string | null;
};

export type GuardReason = {
  readonly kind: string;
  readonly witness?: string;
  readonly common?: number;
  /** From which to which block of ours that may be. */
  readonly between?: readonly [number, number];
  readonly depth?: number;
  readonly latest?: number;
  readonly released: { readonly by: string } | null;
};

export type WalletRecord = {
  tx_hash: string;
  output_index: number;
  amount_lovelace: string;
  assets: Record<string, string>;
  block_hash: string | null;
  block_height: number | null;
  slot: number | null;
  spent_by: string | null;
  counted_from: number | null;
};
export type PaymentRecord = WalletRecord & {
  address: string;
  user_id: string;
  status: string;
  inclusion: number;
  required_confirmations: number;
  confirmed_at: string | null;
};

const READ = `
  select json_build_object(
    'state', (select to_json(s) from (
        select last_slot::text, last_block_hash, last_block_height::text, leader_epoch::text, started
          from sync_state) s),
    'blocks', (select coalesce(json_agg(b order by height, boundary), '[]') from (
        select height, hash, slot, boundary from blocks) b),
    'payments', (select coalesce(json_agg(p), '[]') from (
        select tx_hash, output_index, address, user_id, amount_lovelace::text, assets, status, inclusion,
               required_confirmations, block_hash, block_height, slot, spent_by, counted_from, confirmed_at
          from incoming_payments) p),
    'wallet', (select coalesce(json_agg(w), '[]') from (
        select tx_hash, output_index, amount_lovelace::text, assets, block_hash, block_height, slot, spent_by,
               counted_from
          from wallet_outputs where block_height is not null or counted_from is not null) w),
    'balances', (select coalesce(json_agg(b order by user_id, unit), '[]') from (
        select user_id, unit, available::text, held::text, pending::text from user_balances) b),
    'sums', (select coalesce(json_agg(s), '[]') from (
        select user_id, unit, bucket, sum(case type when 'credit' then amount else -amount end)::text as total
          from balance_transactions group by user_id, unit, bucket) s),
    'entries', (select coalesce(json_object_agg(id, md5(e::text)), '{}') from balance_transactions e),
    'events', (select coalesce(json_agg(o order by id), '[]') from (
        select id, type, event_key from outbox where type like 'payment.%' and not data ? 'invented') o),
    'toldBefore', (select coalesce(json_agg(entity_id order by id), '[]') from audit_log
        where action = 'event.told_before'),
    'addresses', (select coalesce(json_agg(a), '[]') from (
        select address, user_id, backfilled_height, watched_from, backfill from payment_addresses) a),
    'wallet_backfilled', (select max(block_height) from wallet_backfills),
    'guard', (select json_build_object('held', held_at is not null, 'reasons', reasons) from chain_guard),
    'digest', (select digest from state_digests order by height desc limit 1)
  ) as books`;

export async function readBooks(pool: pg.Pool): Promise<Books> {
  const { rows } = await pool.query<{ books: Books }>({ name: 'read books', text: READ });
  const books = rows[0]?.books;
  if (books === undefined) throw new Error('no books');
  return books;
}

export const referenceOf = (row: WalletRecord): string => `${row.tx_hash}#${row.output_index}`;

export const inclusionOf = (row: PaymentRecord): string => `${referenceOf(row)}:${row.inclusion}`;
