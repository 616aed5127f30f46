import type pg from 'pg';
import type { Random } from '../../../src/devnet/random.js';
import { alone } from '../alone.js';
import { acceptWhatDiffers } from '../sealing/invariants.js';
import { isFilling, type World } from '../state.js';
import { isMisplaced } from './cursor-state.js';
import { askForErrand, hasErrand } from './errands.js';

/**
 * What another hand does to the books. Each statement changes some rows that a hash of the seed chooses;
 * `$1` is that seed.
 */
const CHOSEN = "('x' || substr(md5($1 || tx_hash || output_index), 1, 4))::bit(16)::int % 3 = 0";
const LIVE = "status in ('pending', 'confirmed', 'ignored')";
/** Of some seeds: then the columns that are public are all that a hand knows of. */
const BY_PUBLIC_COLUMNS = "('x' || substr(md5($1 || 'public'), 1, 4))::bit(16)::int % 3 = 0";
/** Of what an address lacks before its past was asked for, the answer doesn't say which block made it. */
const SETTLED =
  'address in (select address from payment_addresses where backfilled_height is not null)';

export const CORRUPTIONS: Readonly<Record<string, string>> = {
  'payments dropped': `delete from incoming_payments where ${LIVE} and ${CHOSEN} and ${SETTLED}`,
  'all payments dropped': `delete from incoming_payments where status <> 'rolled_back' and $1 <> '' and ${SETTLED}`,
  'payments invented': `
    insert into incoming_payments
    select (jsonb_populate_record(p, jsonb_build_object(
             'tx_hash', md5($1 || tx_hash) || md5(tx_hash || $1), 'spent_by', null, 'spent_height', null))).*
      from incoming_payments p where ${LIVE} and block_height is not null and ${CHOSEN}`,
  'amounts changed': `update incoming_payments set amount_lovelace = amount_lovelace + 1000000 where ${LIVE} and ${CHOSEN}`,
  'assets changed': `update incoming_payments set assets = '{}' where assets <> '{}' and ${LIVE} and $1 <> ''`,
  'spends forgotten': `
    update incoming_payments set spent_by = null, spent_height = case when ${BY_PUBLIC_COLUMNS} then spent_height end
     where spent_by is not null and ${CHOSEN}`,
  'spends invented': `
    update incoming_payments
       set spent_by = md5($1) || md5(tx_hash),
           spent_height = case when ${BY_PUBLIC_COLUMNS} then null else coalesce(block_height, counted_from) end
     where spent_by is null and ${LIVE} and ${CHOSEN}`,
  'spenders changed': `update incoming_payments set spent_by = md5($1) || md5(tx_hash) where spent_by is not null and ${CHOSEN}`,
  'rolled back by hand': `
    update incoming_payments set status = 'rolled_back', block_hash = null, block_height = null, slot = null,
           tx_position = null, confirmed_at = null
     where ${LIVE} and block_height is not null and ${CHOSEN} and ${SETTLED}`,
  'confirmed by hand': `update incoming_payments set status = 'confirmed', confirmed_at = now() where status = 'pending' and ${CHOSEN}`,
  'unconfirmed by hand': `update incoming_payments set status = 'pending', confirmed_at = null where status = 'confirmed' and ${CHOSEN}`,
  'ignored by hand': `update incoming_payments set status = 'ignored', confirmed_at = null where status in ('pending', 'confirmed') and ${CHOSEN}`,
  'owners changed': `update incoming_payments set user_id = 'mallory' where ${LIVE} and ${CHOSEN}`,
  'blocks changed': `
    update incoming_payments set block_hash = md5($1) || md5(tx_hash), slot = slot + 1
     where ${LIVE} and block_height is not null and ${CHOSEN}`,
  // Of what was made and spent before the wallet's past was asked for nobody misses anything.
  'wallet outputs dropped': `
    delete from wallet_outputs
     where block_height is not null and ${CHOSEN}
       and exists (select 1 from wallet_backfills)
       and (spent_by is null or block_height > (select max(block_height) from wallet_backfills))`,
  'wallet outputs invented': `
    insert into wallet_outputs
    select (jsonb_populate_record(w, jsonb_build_object(
             'tx_hash', md5($1 || tx_hash) || md5(tx_hash || $1), 'spent_by', null, 'spent_height', null))).*
      from wallet_outputs w where block_height is not null and ${CHOSEN}`,
  'wallet amounts changed': `update wallet_outputs set amount_lovelace = amount_lovelace + 1 where ${CHOSEN} and (block_height is not null or counted_from is not null)`,
  'wallet spends forgotten': `update wallet_outputs set spent_by = null, spent_height = null where spent_by is not null and ${CHOSEN}`,
  'entries dropped': `delete from balance_transactions where tx_hash is not null and ${CHOSEN}`,
  'entries changed': `update balance_transactions set amount = amount + 7 where tx_hash is not null and ${CHOSEN}`,
  // As a rollback would write it; what their rows say stays as it was.
  'entries invented': `
    insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion)
    select user_id, 'lovelace', 'available', 'debit', amount_lovelace, 'payment_rolled_back', tx_hash, output_index,
           case when ${BY_PUBLIC_COLUMNS} then null else inclusion end
      from incoming_payments where status = 'confirmed' and block_height is not null and ${CHOSEN}
        on conflict do nothing`,
  'events invented': `
    insert into outbox (type, event_key, data)
    select 'payment.confirmed', 'payment.confirmed:' || tx_hash || '#' || output_index || ':' || inclusion + 1,
           '{"invented": true}'
      from incoming_payments where ${LIVE} and block_height is not null and ${CHOSEN}
        on conflict do nothing`,
  'balances changed': "update user_balances set available = available + 1000000 where $1 <> ''",
  'balances dropped': "delete from user_balances where $1 <> ''",
  'digests changed':
    'update state_digests set digest = md5($1) || md5(digest) where height % 2 = 0',
};

/** From when on addresses count; what their registrations said stays. */
const OF_SOME_ADDRESSES = "('x' || substr(md5($1 || address), 1, 4))::bit(16)::int % 3 <> 0";
/** Of some seeds. */
const BY_FAR = "('x' || substr(md5($1 || 'far'), 1, 4))::bit(16)::int % 2 = 0";
/** Below where the books begin nothing counts, wherever an address does. */
const START = 'coalesce((select start_height from sync_state), -1)';
const BEGINNINGS: Readonly<Record<string, string>> = {
  'beginnings lowered': `
    update payment_addresses set watched_from = case when ${BY_FAR} then ${START} else greatest(${START}, watched_from - 4) end
     where watched_from > ${START} and ${OF_SOME_ADDRESSES}`,
  'beginnings raised': `
    update payment_addresses set watched_from = case when ${BY_FAR} then null
             else (select last_block_height from sync_state) end
     where watched_from < (select last_block_height from sync_state) and ${OF_SOME_ADDRESSES}`,
  'past asked for by hand': `update payment_addresses set backfill = true where not backfill and ${OF_SOME_ADDRESSES}`,
};

const HEADERS = 'headers dropped';
/** A fork that comes before they are read again goes further back than it had to; below the lowest none could. */
const DROP_HEADERS = `
  delete from blocks
   where height < (select last_block_height from sync_state) and height > (select min(height) from blocks)
     and ('x' || substr(md5($1 || hash), 1, 4))::bit(16)::int % 3 = 0`;

/** Blocks decide by rows of payments alone: whatever these ways do, what is told is what happened. */
const UNTOLD: ReadonlySet<string> = new Set([
  'wallet outputs dropped',
  'wallet outputs invented',
  'wallet amounts changed',
  'wallet spends forgotten',
  'entries dropped',
  'entries changed',
  'entries invented',
  'balances changed',
  'balances dropped',
  'digests changed',
  'beginnings lowered',
  'beginnings raised',
  HEADERS,
]);

/**
 * Tried most where blocks and rollbacks come before it is healed, and alone where headers are gone: after the others
 * the next one can't be booked, after these a rollback goes back too far.
 */
const TRIED_MOST = [
  'unconfirmed by hand',
  'unconfirmed by hand',
  'entries invented',
  HEADERS,
  ...Object.keys(BEGINNINGS),
];

/** Another hand changes the books, and somebody asks for what heals them. */
export async function spoil(world: World): Promise<void> {
  if (world.corrupted !== null || isFilling(world) || isMisplaced(world)) return;
  // One at a time: what a hand did to payouts nobody but a person puts right.
  if ((world.payouts?.altered ?? null) !== null) return;
  // What is asked for next mostly meets what is changed now, all the time.
  if (hasErrand(world) && world.proofs?.random.chance(0.9) === true) return;
  const done = await corrupt(world, world.random);
  if (done === null) return;
  world.corrupted = done.join(' and ');
  world.mayTellWrongly ||= done.some((way) => !UNTOLD.has(way));
  world.tally.corruptions += 1;
  if (done.some((way) => way in BEGINNINGS)) world.tally.misbegun += 1;
  const isRebuilt = world.random.chance(0.5);
  // A rebuild derives what blocks brought, and reads no headers.
  const kind = isRebuilt && !done.includes(HEADERS) ? 'rebuild' : 'repair';
  const waits = world.patience?.pick([100, 200, 300]) ?? 0;
  world.healing = { kind, fromStep: world.tally.steps + waits };
  // Somebody may look for it before, or in the wrong place.
  if (world.proofs?.random.chance(0.9) === true) await askForErrand(world, world.proofs);
  await askOnceNoticed(world);
}

/** Somebody notices, some time later, and asks for what heals it. */
export async function askOnceNoticed(world: World): Promise<void> {
  const { healing, tally, faultsOn } = world;
  if (healing === null || (faultsOn && tally.steps < healing.fromStep)) return;
  world.healing = null;
  await askForHealing(world, healing.kind);
}

/** Corrupts the books by hand, where nobody stands in the way. Null where nothing was changed. */
async function corrupt(world: World, random: Random): Promise<readonly string[] | null> {
  const names = Object.keys(CORRUPTIONS);
  const drawn = random.pick(names);
  const first = world.patience?.chance(0.7) ? world.patience.pick(TRIED_MOST) : drawn;
  const more = random.chance(0.4) ? [random.pick(names)] : [];
  const chosen = first === HEADERS ? [first] : [first, ...more];
  return alone(world.pool, null, async (client) => {
    let changed = 0;
    for (const name of chosen) {
      const statement = name === HEADERS ? DROP_HEADERS : (BEGINNINGS[name] ?? CORRUPTIONS[name]);
      changed += await change(client, statement ?? '', random);
    }
    return changed === 0 ? null : chosen;
  });
}

async function change(client: pg.PoolClient, statement: string, random: Random): Promise<number> {
  const values = statement.includes('$1') ? [random.hex(8)] : [];
  const { rowCount } = await client.query(statement, values);
  return rowCount ?? 0;
}

const HEALER = 'the simulation';

const askForHealing = (world: World, kind: 'rebuild' | 'repair') =>
  world.pool.query(`insert into chain_jobs (kind, params, requested_by) values ($1, $2, $3)`, [
    kind,
    kind === 'rebuild' ? { from: 'origin', dryRun: false } : { addresses: null },
    HEALER,
  ]);

/**
 * Whether what was corrupted is healed by now. What a repair leaves open a rebuild must explain.
 *
 * @returns why it never will be; null where it is, or still may be
 */
export async function lookForHealing(world: World): Promise<string | null> {
  if (world.healing !== null) return null;
  const { rows } = await world.pool.query<{
    kind: string;
    state: string;
    problem: string | null;
    result: { open?: number; left?: string[]; problem?: string | null } | null;
  }>(
    'select kind, state, problem, result from chain_jobs where requested_by = $1 order by id desc limit 1',
    [HEALER],
  );
  const [job] = rows;
  if (job === undefined || job.state === 'queued' || job.state === 'running') return null;
  const { kind, state, result } = job;
  const isOpen =
    (result?.open ?? 0) > 0 ||
    (result?.left ?? []).length > 0 ||
    (result?.problem ?? null) !== null;
  if (state === 'done' && !isOpen) {
    world.corrupted = null;
    world.tally.healings += 1;
    return null;
  }
  if (kind === 'repair' && state === 'done') {
    world.tally.leftOpen += 1;
    // Headers that couldn't be read yet are read by a repair alone; what it leaves open a rebuild explains.
    const isUnread = world.corrupted === HEADERS && (result?.left ?? []).length > 0;
    await askForHealing(world, isUnread ? 'repair' : 'rebuild');
    return null;
  }
  if (state === 'done' && (await acceptWhatDiffers(world)) > 0) {
    // Balances wait for a person who answers for the entries.
    await askForHealing(world, 'repair');
    return null;
  }
  return `${world.corrupted}: the ${kind} ended as ${state}: ${JSON.stringify(job)}`;
}
