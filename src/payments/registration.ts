import type { Pool } from 'pg';
import type { Network } from '../chain/network.js';
import { inTransaction } from '../database/transaction.js';
import { refuseWrongCursor } from './cursor/refuse-wrong-cursor.js';
import { WITHOUT_PAST } from './former-registration.js';
import { takeRegistrationLockShared } from './registration-lock.js';
import { askForPast, insertNew, otherNetwork, readBack } from './registration-queries.js';
import {
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
 * its past is to be credited may be asked for later, until that past was recorded as ignored. An address that another
 * hand took out of the books comes back as it was registered before.
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
type Stored = {
  /** All that were wanted, but for what the database knows as the hot wallet, and what was refused. */
  readonly rows: ReadonlyMap<string, StoredRegistration>;
  /** Why some weren't stored. */
  readonly conflicts: ReadonlyMap<string, string>;
};

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
  const found = stored.rows.get(address);
  if (address === deps.hotWalletAddress) {
    const detail = 'is the hot wallet: what it receives is no payment of a user';
    return { address, outcome: 'invalid', detail };
  }
  if (found === undefined) {
    const detail = stored.conflicts.get(address);
    return detail === undefined
      ? { address, outcome: 'invalid', detail: KNOWN_AS_WALLET }
      : { address, outcome: 'conflict', detail };
  }
  if (found.created && first) {
    return wanted.backfill && !found.backfill
      ? { address, outcome: 'conflict', detail: WITHOUT_PAST }
      : { address, outcome: 'created' };
  }
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
  if (wanted.size === 0) return { rows: new Map(), conflicts: new Map() };
  // Two batches that share addresses would wait for each other in a circle, were their orders different.
  const inOrder = [...wanted.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
  return inTransaction(pool, async (tx) => {
    await takeRegistrationLockShared(tx, deps.partitionId);
    const other = await otherNetwork(tx, deps.network);
    if (other !== null) {
      return { refused: `this database follows NETWORK=${other}, not ${deps.network.name}` };
    }
    const { created, conflicts } = await insertNew(tx, inOrder, deps);
    if (created.size > 0) await refuseWrongCursor(tx, deps.partitionId);
    const rows = await readBack(tx, inOrder);
    const asking = rows.filter(
      (row) =>
        !row.backfill &&
        !created.has(row.address) &&
        isBackfillOf(row, wanted.get(row.address) ?? row),
    );
    const asked = asking.length === 0 ? new Set() : await askForPast(tx, asking, deps);
    const stored = rows.map((row) => ({
      ...row,
      backfill: row.backfill || asked.has(row.address),
      created: created.has(row.address),
    }));
    return { rows: new Map(stored.map((row) => [row.address, row])), conflicts };
  });
}
