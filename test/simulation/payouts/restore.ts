import type pg from 'pg';
import { readBooks } from '../books.js';
import type { World } from '../state.js';

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
] as const;

const SEQUENCES = [
  ['payment_addresses', 'watch_id'],
  ['balance_transactions', 'id'],
  ['outbox', 'id'],
  ['audit_log', 'id'],
  ['payout_batches', 'id'],
] as const;

/** A backup: all tables at one moment, and what the world knew of them then. */
export type Snapshot = {
  readonly tables: Readonly<Record<string, string>>;
  readonly owners: ReadonlyMap<string, string>;
  readonly countsFrom: ReadonlyMap<string, number>;
};

const READ = `select ${TABLES.map(
  (table) => `(select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text from ${table} t) as ${table}`,
).join(', ')}`;

export async function takeSnapshot({ pool, owners, countsFrom }: World): Promise<Snapshot> {
  const { rows } = await pool.query<Record<string, string>>(READ);
  const [tables] = rows;
  if (tables === undefined) throw new Error('nothing to back up');
  return { tables, owners: new Map(owners), countsFrom: new Map(countsFrom) };
}

/** Puts the database back to what it was. Nobody may be using it. */
export async function restoreSnapshot(world: World, snapshot: Snapshot): Promise<void> {
  const client = await world.pool.connect();
  try {
    await client.query('begin');
    await client.query(`truncate ${TABLES.join(', ')}`);
    for (const table of TABLES) await fill(client, table, snapshot.tables[table] ?? '[]');
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
  world.owners.clear();
  for (const [address, user] of snapshot.owners) world.owners.set(address, user);
  world.countsFrom.clear();
  for (const [address, height] of snapshot.countsFrom) world.countsFrom.set(address, height);
  world.books = await readBooks(world.pool);
}

const fill = (client: pg.PoolClient, table: string, rows: string) =>
  client.query(
    `insert into ${table} overriding system value select * from jsonb_populate_recordset(null::${table}, $1)`,
    [rows],
  );
