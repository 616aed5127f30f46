import type { OutputReference } from '../../chain/block.js';
import { outputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import { HELD_PARTITIONS } from '../compare/held-queries.js';
import type { Watching } from '../compare/watching.js';

/** An address whose outputs are the books' affair. */
export type WatchedAddress = Watching & {
  readonly address: string;
  /** Null for the hot wallet. */
  readonly userId: string | null;
};

type Row = {
  address: string;
  user_id: string;
  watched_from: string | null;
  backfilled_height: string | null;
  backfill: boolean;
};

const numberOf = (text: string | null): number | null => (text === null ? null : Number(text));
const watchedFrom = (row: Row): WatchedAddress => ({
  address: row.address,
  userId: row.user_id,
  watchedFrom: numberOf(row.watched_from),
  backfilledHeight: numberOf(row.backfilled_height),
  backfill: row.backfill,
});

const AMONG = `
  select address, user_id, watched_from, backfilled_height, backfill
    from payment_addresses where partition_id = $1 and address = any($2::text[])`;
const WALLET = `
  select block_height from wallet_backfills where partition_id = $1 and address = $2`;

/** Those of them that are watched, the hot wallet included. */
export async function watchedAmong(
  db: Queryable,
  partitionId: number,
  hotWallet: string | null,
  addresses: readonly string[],
): Promise<Map<string, WatchedAddress>> {
  if (addresses.length === 0) return new Map();
  const { rows } = await db.query<Row>(AMONG, [partitionId, addresses]);
  const watched = new Map(rows.map((row) => [row.address, watchedFrom(row)]));
  if (hotWallet !== null && addresses.includes(hotWallet)) {
    watched.set(hotWallet, await watchedWallet(db, partitionId, hotWallet));
  }
  return watched;
}

/** Each of its blocks was followed from the start; what it held before is known since its own backfill. */
export async function watchedWallet(
  db: Queryable,
  partitionId: number,
  hotWallet: string,
): Promise<WatchedAddress> {
  const { rows } = await db.query<{ block_height: string }>(WALLET, [partitionId, hotWallet]);
  const backfilledHeight = numberOf(rows[0]?.block_height ?? null);
  // Followed from the start on, or since it was set: what blocks say of it is looked for from the start on.
  return { address: hotWallet, userId: null, watchedFrom: -1, backfilledHeight, backfill: true };
}

const NOTED_WALLETS = `
  select address from wallet_backfills where partition_id = $1 order by address`;

/** What whoever follows the chain has noted as the hot wallet: one, but for what another hand wrote. */
export const notedWallets = async (db: Queryable, partitionId: number): Promise<string[]> =>
  (await db.query<{ address: string }>(NOTED_WALLETS, [partitionId])).rows.map(
    ({ address }) => address,
  );

// How much there is to an address decides how many are asked for at once.
const PAGE = `
  select a.address, a.user_id, a.watched_from, a.backfilled_height, a.backfill, a.watch_id::text,
         known.outputs::int
    from (select * from payment_addresses where partition_id = $1 and watch_id > $2
           order by watch_id limit $3) a
   cross join lateral (
     select count(*) as outputs from (
       select 1 from incoming_payments p where p.address = a.address and p.spent_by is null limit $4) o
   ) known
   order by a.watch_id`;

export type ListedAddress = WatchedAddress & { readonly watchId: string; readonly outputs: number };

/** In the order of registration. */
export async function addressesAfter(
  db: Queryable,
  partitionId: number,
  watchId: string,
  limits: { readonly addresses: number; readonly outputs: number },
): Promise<ListedAddress[]> {
  const { rows } = await db.query<Row & { watch_id: string; outputs: number }>(PAGE, [
    partitionId,
    watchId,
    limits.addresses,
    limits.outputs,
  ]);
  return rows.map((row) => ({
    ...watchedFrom(row),
    watchId: row.watch_id,
    outputs: row.outputs,
  }));
}

const BEHIND = 'address = any($2::text[]) and (tx_hash, output_index) > ($3::text, $4::int)';
// A wallet's past is long, and only what is unspent there can be found by its address.
const OF_WALLET = {
  all: `
    select tx_hash, output_index from wallet_outputs where partition_id = $1 and ${BEHIND}`,
  unspent: `
    select tx_hash, output_index from wallet_outputs where partition_id = $1 and spent_by is null and ${BEHIND}
    union all
    select tx_hash, output_index from wallet_outputs
     where partition_id = $1 and spent_by is not null and spent_height > $6::bigint and ${BEHIND}`,
} as const;
const referencesWith = (ofWallet: string): string => `
  select tx_hash, output_index from (
    select tx_hash, output_index from incoming_payments where partition_id = $1 and ${BEHIND}
    union all ${ofWallet}
  ) o order by tx_hash, output_index limit $5`;
const REFERENCES = {
  all: referencesWith(OF_WALLET.all),
  unspent: referencesWith(OF_WALLET.unspent),
} as const;

/** `unspent`: of the hot wallet's outputs only those that were unspent right after the block at the height. */
export type WalletPast = keyof typeof REFERENCES;

/** Outputs that are recorded at these addresses, in the order of their references. */
export async function referencesAt(
  db: Queryable,
  partitionId: number,
  asked: {
    readonly addresses: readonly string[];
    readonly ofWallet: WalletPast;
    readonly height: number;
  },
  after: { readonly txHash: string; readonly index: number },
  limit: number,
): Promise<OutputReference[]> {
  const { addresses, ofWallet, height } = asked;
  const values = [partitionId, addresses, after.txHash, after.index, limit];
  if (ofWallet === 'unspent') values.push(height);
  const { rows } = await db.query<{ tx_hash: string; output_index: number }>(
    REFERENCES[ofWallet],
    values,
  );
  return rows.map((row) => outputReference(row.tx_hash, row.output_index));
}

const START_HEIGHT = 'select start_height::text from sync_state where partition_id = $1';

/** Blocks above it were followed; -1 where that is all of the chain, null where it isn't known. */
export async function startHeight(db: Queryable, partitionId: number): Promise<number | null> {
  const { rows } = await db.query<{ start_height: string | null }>(START_HEIGHT, [partitionId]);
  return numberOf(rows[0]?.start_height ?? null);
}

const CONFIRMATIONS_HELD = `select 1 where $1 in (${HELD_PARTITIONS})`;

export const confirmationsHeld = async (db: Queryable, partitionId: number): Promise<boolean> =>
  (await db.query(CONFIRMATIONS_HELD, [partitionId])).rows.length > 0;

const COUNT_RECORDED = `
  select (select count(*) from incoming_payments where partition_id = $1)
       + (select count(*) from wallet_outputs where partition_id = $1) as rows`;
const COUNT_WATCHED = 'select count(*) as rows from payment_addresses where partition_id = $1';

export const countRecorded = (db: Queryable, partitionId: number): Promise<number> =>
  countOf(db, COUNT_RECORDED, partitionId);
export const countWatched = (db: Queryable, partitionId: number): Promise<number> =>
  countOf(db, COUNT_WATCHED, partitionId);

async function countOf(db: Queryable, query: string, partitionId: number): Promise<number> {
  const { rows } = await db.query<{ rows: string }>(query, [partitionId]);
  return Number(rows[0]?.rows ?? 0);
}
