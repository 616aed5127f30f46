export const BACKUP_SETS = ['critical', 'addresses', 'all'] as const;
export type BackupSet = (typeof BACKUP_SETS)[number];

/** What becomes of a table in backups. */
export type TablePolicy = {
  /** The sets that hold it; none where what it holds is made again, or is of no use elsewhere. */
  readonly sets: readonly BackupSet[];
  /** Of the set `critical`, only rows where this holds; all of them where it is absent. */
  readonly criticalWhere?: string;
  /** A migration makes its row, or the first start of an instance; a restore replaces it. */
  readonly seeded?: true;
};

const CRITICAL: TablePolicy = { sets: ['critical', 'all'] };
const SEEDED: TablePolicy = { ...CRITICAL, seeded: true };
const ADDRESSES: TablePolicy = { sets: ['critical', 'addresses', 'all'] };
const ALL: TablePolicy = { sets: ['all'] };
const NONE: TablePolicy = { sets: [] };

/**
 * What a rollback may still change, what isn't settled, and what no followed block made: without
 * these rows the worker couldn't follow on from the backup's point, because the ledger knows of
 * credits that it would give again. What was ignored is in no ledger: nothing else tells that it was. Of an
 * address whose past is still to be asked for, or may be asked for again after a rollback, the node's answer
 * would be booked a second time. `blocks` holds the rollback window. The chain gives the others back.
 */
const UNSETTLED_PAYMENTS = `
  status in ('seen', 'pending', 'rolled_back', 'ignored') or counted_from is not null
  or block_height >= (select coalesce(min(height), 0) from blocks)
  or spent_height >= (select coalesce(min(height), 0) from blocks)
  or spent_by is not null and spent_height is null
  or address in (select address from payment_addresses
                  where backfilled_height is null
                     or backfilled_height >= (select coalesce(min(height), 0) from blocks))`;

/** Every table that migrations make. A new one without a policy fails a test. */
export const TABLE_POLICIES: Readonly<Record<string, TablePolicy>> = {
  payment_addresses: ADDRESSES,
  schema_compatibility: SEEDED,
  sync_state: CRITICAL,
  blocks: CRITICAL,
  block_checkpoints: CRITICAL,
  incoming_payments: { ...CRITICAL, criticalWhere: UNSETTLED_PAYMENTS },
  wallet_outputs: CRITICAL,
  wallet_backfills: CRITICAL,
  balance_transactions: CRITICAL,
  user_balances: CRITICAL,
  outbox: CRITICAL,
  audit_log: CRITICAL,
  payout_control: SEEDED,
  // Also of addresses alone: what was paid is then known by the ids on the chain.
  payout_id_fingerprint: { ...ADDRESSES, seeded: true },
  payout_batches: CRITICAL,
  outbound_payments: CRITICAL,
  payout_transactions: CRITICAL,
  payout_transaction_inputs: CRITICAL,
  payout_attempts: CRITICAL,
  payout_change: CRITICAL,
  wallet_reservations: CRITICAL,
  state_digests: CRITICAL,
  seals: CRITICAL,
  reconciliation_runs: CRITICAL,
  reconciliation_discrepancies: CRITICAL,
  schedules: CRITICAL,
  chain_guard: CRITICAL,
  // How lately an address was checked is checked again.
  address_checks: ALL,
  // Where backups lie is told by the place where they lie.
  backups: NONE,
  // What was found in another database says nothing of this one.
  verifications: NONE,
  // A job belongs to the database that it was begun in, with its books beside the live ones.
  chain_jobs: NONE,
  rebuild_outputs: NONE,
  rebuild_spends: NONE,
  rebuild_candidates: NONE,
  // Its names are in the manifest: a restore checks them, and never writes them.
  teller_migrations: NONE,
};

export type TableShare = { readonly name: string; readonly where: string | null };

/** The tables of a set, and which of their rows. */
export const tablesOf = (set: BackupSet): readonly TableShare[] =>
  Object.entries(TABLE_POLICIES)
    .filter(([, policy]) => policy.sets.includes(set))
    .map(([name, { criticalWhere }]) => ({
      name,
      where: set === 'critical' ? (criticalWhere ?? null) : null,
    }));

/** Parents before children; the order in which rows can be written while references are checked. */
export function inOrderOfReferences(
  tables: readonly string[],
  references: readonly { readonly from: string; readonly to: string }[],
): string[] {
  const ordered: string[] = [];
  const waiting = new Set(tables);
  while (waiting.size > 0) {
    const free = [...waiting].filter((table) =>
      references.every(({ from, to }) => from !== table || to === table || !waiting.has(to)),
    );
    if (free.length === 0)
      throw new Error(`tables refer to each other: ${[...waiting].join(', ')}`);
    for (const table of free) {
      ordered.push(table);
      waiting.delete(table);
    }
  }
  return ordered;
}
