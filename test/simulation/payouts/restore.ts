import type pg from 'pg';
import { readBooks } from '../books.js';
import { restoreGuard } from '../guarding/state.js';
import { noteSeals } from '../sealing/invariants.js';
import type { World } from '../state.js';
import { backUp } from './backups.js';
import type { PayoutWorld } from './state.js';

/** Tables in an order in which they can be filled. */
const TABLES = [
  'sync_state',
  'blocks',
  'block_checkpoints',
  'payment_addresses',
  'incoming_payments',
  'wallet_outputs',
  'balance_transactions',
  'user_balances',
  'outbox',
  'audit_log',
  'payout_control',
  'payout_batches',
  'outbound_payments',
  'payout_transactions',
  'payout_transaction_inputs',
  'payout_attempts',
  'payout_change',
  'wallet_reservations',
  'wallet_backfills',
  'state_digests',
  'seals',
  'chain_guard',
  'chain_jobs',
  'rebuild_outputs',
  'rebuild_spends',
  'rebuild_candidates',
  'reconciliation_runs',
  'reconciliation_discrepancies',
  'address_checks',
  'schedules',
  'backups',
] as const;

const SEQUENCES = [
  ['payment_addresses', 'watch_id'],
  ['balance_transactions', 'id'],
  ['outbox', 'id'],
  ['audit_log', 'id'],
  ['payout_batches', 'id'],
  ['chain_jobs', 'id'],
  ['reconciliation_runs', 'id'],
  ['reconciliation_discrepancies', 'id'],
  ['backups', 'id'],
] as const;

/** A copy by other means than the product's: all tables at one moment. */
type Copy = Readonly<Record<string, string>>;

/** A backup, and what the world knew when it was made. */
export type Snapshot = {
  readonly owners: ReadonlyMap<string, string>;
  readonly countsFrom: ReadonlyMap<string, number>;
  readonly prunedBelow: number;
  /** Whether confirmations were late then, as after a hold. */
  readonly wasLate: boolean;
  /** Of all blocks that the books ever had. */
  readonly highest: number;
  readonly putBack: () => Promise<void>;
};

const READ = `select ${TABLES.map(
  (table) => `(select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text from ${table} t) as ${table}`,
).join(', ')}`;

export async function takeSnapshot(world: World, payouts: PayoutWorld): Promise<Snapshot> {
  const { owners, countsFrom } = world;
  const { restoredFrom } = payouts;
  const putBack =
    restoredFrom === 'copy' ? await copyTables(world) : await backUp(world, payouts, restoredFrom);
  const { prunedBelow } = payouts;
  const wasLate = world.guard?.isLate === true;
  const height = Number(world.books?.state?.last_block_height ?? -1);
  const highest = Math.max(world.guard?.highest ?? -1, height);
  return {
    owners: new Map(owners),
    countsFrom: new Map(countsFrom),
    prunedBelow,
    wasLate,
    highest,
    putBack,
  };
}

/** Puts the database back to what it was. Nobody may be using it. */
export async function restoreSnapshot(
  world: World,
  payouts: PayoutWorld,
  snapshot: Snapshot,
): Promise<void> {
  await snapshot.putBack();
  payouts.prunedBelow = snapshot.prunedBelow;
  world.owners.clear();
  for (const [address, user] of snapshot.owners) world.owners.set(address, user);
  world.countsFrom.clear();
  for (const [address, height] of snapshot.countsFrom) world.countsFrom.set(address, height);
  world.books = await readBooks(world.pool);
  if (world.guard !== null) {
    const reasons = world.books.guard?.reasons ?? [];
    restoreGuard(world.guard, reasons, snapshot, world.tally.commits);
  }
  await noteSeals(world);
}

async function copyTables({ pool }: World): Promise<Snapshot['putBack']> {
  const { rows } = await pool.query<Record<string, string>>(READ);
  const [tables] = rows;
  if (tables === undefined) throw new Error('nothing to back up');
  return () => putTablesBack(pool, tables);
}

async function putTablesBack(pool: pg.Pool, tables: Copy): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(`truncate ${TABLES.join(', ')}`);
    for (const table of TABLES) await fill(client, table, tables[table] ?? '[]');
    for (const [table, column] of SEQUENCES) {
      await client.query(
        `select setval(pg_get_serial_sequence('${table}', '${column}'),
                       (select coalesce(max(${column}), 0) + 1 from ${table}), false)`,
      );
    }
    await client.query('commit');
  } finally {
    client.release();
  }
}

const fill = (client: pg.PoolClient, table: string, rows: string) =>
  client.query(
    `insert into ${table} overriding system value select * from jsonb_populate_recordset(null::${table}, $1)`,
    [rows],
  );
