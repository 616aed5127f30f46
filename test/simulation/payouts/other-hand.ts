import type pg from 'pg';
import { makeAddress } from '../../../src/devnet/address.js';
import { verifyBooks } from '../../../src/reconcile/verify/verify-books.js';
import { alone } from '../alone.js';
import { NETWORK } from '../network.js';
import { isMisplaced } from '../proving/cursor-state.js';
import { isFilling, type World } from '../state.js';
import { type PayoutBooks, readPayoutBooks } from './invariants.js';
import { type Alteration, type PayoutWorld, type Row, SECURITY_PARAMETER } from './state.js';
import { changeBy, INVENT, MADE_UP, WAYS } from './ways.js';

const ROW = 'select to_jsonb(p) as row from outbound_payments p where id = $1 for update';
const ROWS = 'select id, to_jsonb(p) as row from outbound_payments p';
const SIGNED_FOR = `
  select count(*)::int as signed from payout_attempts a join payout_transactions t on t.tx_hash = a.tx_hash
   where a.payout_id = $1 and not t.adopted`;
/** In the middle of a transaction that moves payouts or signs nobody changes anything here. */
const ALONE = 'select 1 from sync_state s, payout_control c for update nowait';

/** Another hand changes a payout now and then, and a person puts it right some time later. */
export async function moveOtherHand(world: World, payouts: PayoutWorld): Promise<void> {
  const { hand, altered } = payouts;
  if (altered !== null) {
    // What a payer met was looked into.
    const isHurried = !world.faultsOn || world.payoutBooks?.paused === true;
    if (hand.chance(isHurried ? 0.02 : 0.004)) await putRight(world, payouts, altered);
    return;
  }
  const isTime = world.faultsOn && world.started && hand.chance(0.02);
  // What a restore made forgotten may be adopted, and then says itself what it is.
  const isQuiet =
    world.corrupted === null &&
    !isFilling(world) &&
    !isMisplaced(world) &&
    !world.payoutBooks?.held;
  if (isTime && isQuiet) await alter(world, payouts);
}

async function alter(world: World, payouts: PayoutWorld): Promise<void> {
  const { hand, destinations } = payouts;
  // Not all can be done at any time: the first that can.
  const names = [...Object.keys(WAYS), MADE_UP]
    .map((name) => ({ name, turn: hand.below(1_000_000) }))
    .sort((a, b) => a.turn - b.turn);
  const enemy = makeAddress('enterprise', NETWORK.magic, hand.bytes(28));
  const values = [hand.hex(8), enemy, payouts.highest];
  const before = await readPayoutBooks(world.pool);
  const altered = await alone(world.pool, ALONE, async (client) => {
    const old = new Map(
      (await client.query<{ id: string; row: Row }>(ROWS)).rows.map(({ id, row }) => [id, row]),
    );
    for (const { name: what } of names) {
      const way = WAYS[what];
      const text = way === undefined ? INVENT : changeBy(way);
      const [one] = (await client.query<{ id: string }>(text, values)).rows;
      if (one === undefined) continue;
      const { id } = one;
      const row = (await client.query<{ row: Row }>(ROW, [id])).rows[0]?.row ?? {};
      return { what, id, old: old.get(id) ?? null, row, signed: await signedFor(client, id) };
    }
    return null;
  });
  if (altered === null) return;
  // Whatever is paid there is found: nobody asked for it.
  destinations.add(enemy);
  const now = await readPayoutBooks(world.pool);
  const recordOf = (books: PayoutBooks) => books.payouts.find(({ id }) => id === altered.id);
  payouts.altered = { ...altered, before: recordOf(before), after: recordOf(now) };
  world.tally.alterations += 1;
  await expectNamed(world, altered, WAYS[altered.what]?.named ?? ['not_accepted']);
}

async function expectNamed(
  { pool, sealing, seed }: World,
  { id, what }: Pick<Alteration, 'id' | 'what'>,
  named: readonly string[],
): Promise<void> {
  const found = await verifyBooks(pool, {
    notes: sealing.notes,
    securityParameter: SECURITY_PARAMETER,
  });
  const problems = found.payouts.shown.filter((one) => one.payoutId === id);
  const isNamed =
    named.length === 0
      ? found.ledger.count > 0 && found.held.count > 0
      : problems.some(({ problem }) => named.includes(problem));
  if (isNamed) return;
  throw new Error(`seed ${seed}: verification doesn't name ${what}: ${JSON.stringify(problems)}`);
}

const WRITE = `
  update outbound_payments p
     set destination_address = m.destination_address, amount_lovelace = m.amount_lovelace, user_id = m.user_id,
         booked = m.booked, held_fee = m.held_fee, status = m.status, tx_hash = m.tx_hash,
         fee_lovelace = m.fee_lovelace, batch_id = m.batch_id, block_height = m.block_height,
         confirmed_at = m.confirmed_at
    from jsonb_populate_record(null::outbound_payments, $2) as m where p.id = $1`;
const TAKE_OUT = 'delete from outbound_payments where id = $1';
const IS_BOUND = 'select 1 from payout_batches where id = $1 and released_at is null';

/** As the runbook says: each gets back what it was, one that nobody asked for is taken out. */
async function putRight(world: World, payouts: PayoutWorld, altered: Alteration): Promise<void> {
  const { id, old, row: hands } = altered;
  const done = await alone(world.pool, ALONE, async (client) => {
    const now = (await client.query<{ row: Row }>(ROW, [id])).rows[0]?.row ?? {};
    if (old === null) return client.query(TAKE_OUT, [id]);
    const row = merged(old, hands, now);
    // Whoever approved it meanwhile approved what the hand had made of it.
    if (old.status === 'awaiting_approval' && now.status === 'queued') row.status = old.status;
    const wasBound = old.batch_id !== null && hands.batch_id === null && now.batch_id === null;
    const isLetGo = wasBound && (await client.query(IS_BOUND, [old.batch_id])).rowCount === 0;
    // What it was bound to was over meanwhile, and let the others go in the same way.
    if (isLetGo && now.status === 'queued' && old.status === 'submitted') return true;
    return client.query(WRITE, [id, JSON.stringify(row)]);
  });
  if (done === null) return;
  payouts.altered = null;
  world.tally.putRight += 1;
}

/** What the hand changed is as it was, unless it was changed again since. */
const merged = (old: Row, hands: Row, now: Row): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(now).map(([name, value]) => [
      name,
      value === hands[name] && old[name] !== undefined ? old[name] : value,
    ]),
  );

/** Payouts as they are where nobody changes them: that is what has to hold all the time. */
export function asAskedFor(payouts: PayoutWorld, now: PayoutBooks): PayoutBooks {
  const { altered } = payouts;
  if (altered === null) return now;
  const { id, before, after } = altered;
  return {
    ...now,
    payouts: now.payouts.flatMap((row) => {
      if (row.id !== id || after === undefined) return [row];
      return before === undefined ? [] : [{ ...row, ...merged(before, after, row) }];
    }),
  };
}

/** Nothing is signed for a payout that isn't what was asked for, or was paid. */
export async function alteredViolations({ pool, payouts }: World): Promise<string[]> {
  const { altered = null } = payouts ?? {};
  if (altered === null) return [];
  const signed = await signedFor(pool, altered.id);
  if (signed <= altered.signed) return [];
  return [`5: payout ${altered.id} was signed for after another hand: ${altered.what}`];
}

const signedFor = async (db: pg.Pool | pg.PoolClient, id: string): Promise<number> =>
  (await db.query<{ signed: number }>(SIGNED_FOR, [id])).rows[0]?.signed ?? 0;
