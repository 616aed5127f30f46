import type { Pool } from 'pg';
import type { Network } from '../chain/network.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { refuseWrongCursor } from './cursor/refuse-wrong-cursor.js';
import { takeRegistrationLockShared } from './registration-lock.js';
import {
  canonicalJson,
  checkRequest,
  type Registration,
  type RegistrationRequest,
} from './registration-request.js';

export const REGISTRATIONS_PER_BATCH_MAX = 10_000;

/** `exists`: registered before with the very same owner, reference and metadata. */
export type RegistrationOutcome = 'created' | 'exists' | 'conflict' | 'invalid';

export type RegistrationResult = {
  /** Canonical where it could be read, else as it was given. */
  readonly address: string;
  readonly outcome: RegistrationOutcome;
  readonly detail?: string;
};

export type RegistrationDeps = {
  readonly network: Network;
  readonly partitionId: number;
  /** Null where no hot wallet is configured. */
  readonly hotWalletAddress: string | null;
  /** Who registers, for the audit log: `api:KEYNAME` or `cli`. */
  readonly actor: string;
};

/**
 * Registers what is right in a batch, whatever the rest of it is, and says for each request, in their
 * order, what became of it. What an address is registered with stays: the same address with another
 * user, reference or metadata is a conflict, because payments copy these when they are detected. That
 * its past is to be credited may be asked for later, until that past was recorded as ignored.
 *
 * @param requests at most REGISTRATIONS_PER_BATCH_MAX
 * @throws BooksContradict where another hand changed the cursor, and nobody knows from where a new address counts
 */
export async function registerAddresses(
  pool: Pool,
  requests: readonly RegistrationRequest[],
  deps: RegistrationDeps,
): Promise<RegistrationResult[]> {
  if (requests.length > REGISTRATIONS_PER_BATCH_MAX) {
    throw new RangeError(`at most ${REGISTRATIONS_PER_BATCH_MAX} addresses at once`);
  }
  const checked = requests.map((request) => checkRequest(request, deps.network));
  const wanted = new Map<string, Registration>();
  for (const request of checked) {
    if (!request.ok || request.registration.address === deps.hotWalletAddress) continue;
    const { address } = request.registration;
    // The first one of a batch wins, as it would if they came one after another.
    const first = wanted.get(address) ?? request.registration;
    const backfill = first.backfill || isBackfillOf(first, request.registration);
    wanted.set(address, { ...first, backfill });
  }
  const stored = await storeAll(pool, wanted, deps);
  if ('refused' in stored) {
    const { refused: detail } = stored;
    return requests.map(({ address }) => ({ address, outcome: 'invalid', detail }));
  }
  const told = new Set<string>();
  return checked.map((request, index) => {
    if (!request.ok) {
      const address = requests[index]?.address ?? '';
      return { address, outcome: 'invalid', detail: request.problem };
    }
    const first = !told.has(request.registration.address);
    told.add(request.registration.address);
    return judge(request.registration, stored, first, deps);
  });
}

type StoredRegistration = Registration & { readonly created: boolean };
/** Of all that were wanted, but for what the database knows as the hot wallet. */
type Stored = ReadonlyMap<string, StoredRegistration>;

const KNOWN_AS_WALLET =
  'stands in the database as the hot wallet, or with unspent outputs among those of the hot wallet: a former ' +
  'one must be emptied first; where it never was one, a person must take its rows out of wallet_outputs';

function judge(
  wanted: Registration,
  stored: Stored,
  first: boolean,
  deps: RegistrationDeps,
): RegistrationResult {
  const { address } = wanted;
  const found = stored.get(address);
  if (address === deps.hotWalletAddress) {
    const detail = 'is the hot wallet: what it receives is no payment of a user';
    return { address, outcome: 'invalid', detail };
  }
  if (found === undefined) return { address, outcome: 'invalid', detail: KNOWN_AS_WALLET };
  if (found.created && first) return { address, outcome: 'created' };
  const difference = differenceOf(wanted, found);
  return difference === undefined
    ? { address, outcome: 'exists' }
    : { address, outcome: 'conflict', detail: `is registered already, ${difference}` };
}

/** The same registration, with the past asked for. */
const isBackfillOf = (first: Registration, again: Registration): boolean =>
  again.backfill && differenceOf({ ...again, backfill: false }, first) === undefined;

/** Says no more than the caller knows: whose it is instead is another user's affair. */
function differenceOf(wanted: Registration, found: Registration): string | undefined {
  if (wanted.userId !== found.userId) return 'for another user';
  if (wanted.referenceType !== found.referenceType || wanted.referenceId !== found.referenceId) {
    return 'with another reference';
  }
  if (wanted.metadata !== found.metadata) return 'with other metadata';
  return wanted.backfill && !found.backfill
    ? 'without backfill, and what it held before was recorded as ignored'
    : undefined;
}

async function storeAll(
  pool: Pool,
  wanted: ReadonlyMap<string, Registration>,
  deps: RegistrationDeps,
): Promise<Stored | { readonly refused: string }> {
  if (wanted.size === 0) return new Map();
  // Two batches that share addresses would wait for each other in a circle, were their orders different.
  const inOrder = [...wanted.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
  return inTransaction(pool, async (tx) => {
    await takeRegistrationLockShared(tx, deps.partitionId);
    const other = await otherNetwork(tx, deps.network);
    if (other !== null) {
      return { refused: `this database follows NETWORK=${other}, not ${deps.network.name}` };
    }
    const created = await insertNew(tx, inOrder, deps);
    if (created.size > 0) await refuseWrongCursor(tx, deps.partitionId);
    const rows = await readBack(tx, inOrder);
    const asking = rows.filter(
      (row) => !row.backfill && isBackfillOf(row, wanted.get(row.address) ?? row),
    );
    const asked = asking.length === 0 ? new Set() : await askForPast(tx, asking, deps);
    return new Map(
      rows.map((row) => [
        row.address,
        {
          ...row,
          backfill: row.backfill || asked.has(row.address),
          created: created.has(row.address),
        },
      ]),
    );
  });
}

/** Under the registration lock: the leader reads what is asked for while it holds the same lock alone. */
const ASK_FOR_PAST = `
  with asked as (
    update payment_addresses a set backfill = true
     where a.address = any($1::text[]) and not a.backfill
       and not exists (select 1 from incoming_payments p
                        where p.address = a.address and p.status = 'ignored' and p.block_hash is null)
    returning a.address
  ), audited as (
    insert into audit_log (action, entity_type, entity_id, actor)
    select 'address.backfill_requested', 'payment_address', address, $2 from asked
  )
  select address from asked`;

const OTHER_NETWORK = 'select network from sync_state where network <> $1 limit 1';

/**
 * Asked with each batch and not only at the start: an instance with a wrong NETWORK may have started
 * before the first leader wrote down which one it is, and its addresses would be watched in vain.
 */
async function otherNetwork(tx: Tx, network: Network): Promise<string | null> {
  const { rows } = await tx.query<{ network: string }>(OTHER_NETWORK, [network.name]);
  return rows[0]?.network ?? null;
}

// What whoever follows the chain knows as the hot wallet is left out: a process that only registers may not be
// told of it. Unspent outputs have an index; a wallet that was emptied was noted when its past was asked for. An address
// counts from the last block that was followed: where headers are kept they say so, whatever became of the cursor.
const INSERT_NEW = `
  with created as (
    insert into payment_addresses
           (address, partition_id, user_id, reference_type, reference_id, metadata, backfill, watched_from)
    select address, $1, user_id, reference_type, reference_id, metadata::jsonb, backfill,
           coalesce((select max(height) from blocks where partition_id = $1),
                    (select last_block_height from sync_state where partition_id = $1), -1)
      from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[])
           with ordinality
             as r (address, user_id, reference_type, reference_id, metadata, backfill, position)
     where not exists (select from wallet_backfills b where b.address = r.address)
       and not exists (select from wallet_outputs w where w.address = r.address and w.spent_by is null)
     order by position
        on conflict (address) do nothing
    returning address, user_id, reference_type, reference_id, backfill, watched_from
  ), audited as (
    insert into audit_log (action, entity_type, entity_id, actor, details)
    select 'address.registered', 'payment_address', address, $8,
           jsonb_build_object('userId', user_id, 'referenceType', reference_type,
                              'referenceId', reference_id, 'backfill', backfill,
                              'watchedFrom', watched_from)
      from created
  )
  select address from created`;

async function insertNew(
  tx: Tx,
  wanted: readonly Registration[],
  deps: RegistrationDeps,
): Promise<ReadonlySet<string>> {
  const { rows } = await tx.query<{ address: string }>(INSERT_NEW, [
    deps.partitionId,
    wanted.map((one) => one.address),
    wanted.map((one) => one.userId),
    wanted.map((one) => one.referenceType),
    wanted.map((one) => one.referenceId),
    wanted.map((one) => one.metadata),
    wanted.map((one) => one.backfill),
    deps.actor,
  ]);
  return new Set(rows.map((row) => row.address));
}

/** Answers for which of them that could still be done. */
async function askForPast(
  tx: Tx,
  asking: readonly Registration[],
  deps: RegistrationDeps,
): Promise<ReadonlySet<string>> {
  const addresses = asking.map((one) => one.address);
  const { rows } = await tx.query<{ address: string }>(ASK_FOR_PAST, [addresses, deps.actor]);
  return new Set(rows.map((row) => row.address));
}

/** A statement of its own, so that it sees what a concurrent winner committed meanwhile. */
const READ_BACK = `
  select address, user_id as "userId", reference_type as "referenceType",
         reference_id as "referenceId", metadata, backfill
    from payment_addresses where address = any($1::text[])`;

async function readBack(tx: Tx, wanted: readonly Registration[]): Promise<readonly Registration[]> {
  type Row = Omit<Registration, 'metadata'> & { metadata: unknown };
  const { rows } = await tx.query<Row>(READ_BACK, [wanted.map((one) => one.address)]);
  return rows.map(({ metadata, ...row }) => ({
    ...row,
    metadata: metadata === null ? null : (canonicalJson(metadata) ?? ''),
  }));
}
