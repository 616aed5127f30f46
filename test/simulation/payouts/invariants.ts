import type pg from 'pg';
import type { DevnetBlock } from '../../../src/devnet/chain.js';
import { type Check, checkInto } from '../check.js';
import { isHonest, type World } from '../state.js';
import { pathTo } from '../truth.js';
import { feeOf, paidOn } from './ledger.js';
import { CONFIRMATIONS, type PayoutWorld } from './state.js';

/** All that is written about payouts, read in one statement. */
export type PayoutBooks = {
  readonly payouts: readonly PayoutRecord[];
  readonly withoutCommonInput: number;
  readonly attempts: number;
  readonly submissions: number;
  readonly paused: boolean;
  readonly held: boolean;
  readonly epoch: string;
  readonly events: readonly string[];
  readonly reservedTwice: number;
  /** Why a payer paused: what it was to sign looked as if it were paid. */
  readonly doubts: readonly string[];
};

export type PayoutRecord = {
  readonly id: string;
  readonly status: string;
  readonly destination: string;
  readonly amount: string;
  readonly user: string | null;
  readonly booked: boolean;
  readonly held_fee: string;
  readonly fee: string | null;
  readonly tx_hash: string | null;
  readonly block_height: number | null;
  readonly turn: number;
  readonly adopted: boolean;
};

const READ = `
  select json_build_object(
    'payouts', (select coalesce(json_agg(p), '[]') from (
        select id, status, destination_address as destination, amount_lovelace::text as amount,
               user_id as user, booked, held_fee::text, fee_lovelace::text as fee, tx_hash, block_height,
               turn, adopted
          from outbound_payments) p),
    'withoutCommonInput', (select count(*) from payout_attempts_without_common_input),
    'attempts', (select count(*) from payout_transactions where not adopted),
    'submissions', (select coalesce(sum(submissions), 0) from payout_transactions),
    'paused', (select paused_at is not null from payout_control),
    'held', (select held_at is not null from payout_control),
    'epoch', (select payer_epoch::text from payout_control),
    'events', (select coalesce(json_agg(event_key), '[]') from outbox where type like 'payout.%'),
    'reservedTwice', (select count(*) from (
        select 1 from wallet_reservations group by tx_hash, output_index having count(*) > 1) r),
    'doubts', (select coalesce(json_agg(entity_id || ': ' || (details ->> 'reason') order by id), '[]')
        from audit_log where action = 'payout.paused' and actor = 'payer')
  ) as books`;

export async function readPayoutBooks(pool: pg.Pool): Promise<PayoutBooks> {
  const { rows } = await pool.query<{ books: PayoutBooks }>({ name: 'read payouts', text: READ });
  const books = rows[0]?.books;
  if (books === undefined) throw new Error('no books');
  return books;
}

/** What holds at every commit, also while books are as another hand changed them. */
export function lastingViolations(world: World, payouts: PayoutWorld, now: PayoutBooks): string[] {
  const found: string[] = [];
  const check = checkInto(found);
  check(now.withoutCommonInput === 0, '5: two attempts of a payout lack a common input');
  check(now.reservedTwice === 0, '5: an output is reserved twice');
  checkOnce(world, payouts, check);
  return found;
}

/** Everything about payouts that must hold at every commit and is broken; empty when all is well. */
export function payoutViolations(
  world: World,
  payouts: PayoutWorld,
  now: PayoutBooks,
  before: PayoutBooks | null,
  cursor: string,
): string[] {
  const found = lastingViolations(world, payouts, now);
  const check = checkInto(found);
  checkStatuses(world, now, payouts, pathTo(world.chain, cursor, world.start.id), check);
  // Its own books never give it a reason to.
  if (isHonest(world)) check(now.doubts.length === 0, `a payer doubts: ${now.doubts.join('; ')}`);
  if (before !== null) checkBrakes(now, before, check);
  return found;
}

/** 5: on the best chain, and by that on every fork that ever was one, each is paid at most once. */
export function checkOnce(world: World, payouts: PayoutWorld, check: Check): void {
  const amounts = new Map(
    [...payouts.asked.values()].map(({ request }) => [
      request.destinationAddress,
      request.amountLovelace,
    ]),
  );
  const paid = paidOn(world.chain, world.chain.blocks(), payouts.destinations);
  for (const [address, outputs] of paid) {
    check(
      outputs.length === 1,
      `5: ${address} was paid ${outputs.length} times: ${outputs.map((one) => one.txHash).join()}`,
    );
    check(
      outputs[0]?.lovelace === amounts.get(address),
      `5: ${address} was paid ${outputs[0]?.lovelace}, asked for was ${amounts.get(address)}`,
    );
  }
}

/** 3: what the books say of a payout is what the chain says at the cursor. */
function checkStatuses(
  { chain, guard }: World,
  now: PayoutBooks,
  payouts: PayoutWorld,
  path: readonly DevnetBlock[],
  check: Check,
): void {
  const paid = paidOn(chain, path, payouts.destinations);
  const heights = new Map(
    path.flatMap((block) => block.transactions.map(({ id }) => [id, block.height] as const)),
  );
  const last = path.at(-1)?.height ?? -1;
  for (const row of now.payouts) {
    const [found] = paid.get(row.destination) ?? [];
    const isPaid = row.status === 'in_block' || row.status === 'confirmed';
    check(
      isPaid === (found !== undefined),
      `3: payout ${row.id} is ${row.status}, on the chain ${found === undefined ? 'it is not' : `by ${found.txHash}`}`,
    );
    if (found === undefined) continue;
    check(row.tx_hash === found.txHash, `3: payout ${row.id} names another transaction`);
    check(
      row.block_height === heights.get(found.txHash),
      `3: payout ${row.id} names height ${row.block_height}`,
    );
    const deep = last - (row.block_height ?? 0) + 1 >= CONFIRMATIONS;
    if (deep && guard?.isLate !== true)
      check(row.status === 'confirmed', `3: payout ${row.id} is deep and ${row.status}`);
  }
}

function checkBrakes(now: PayoutBooks, before: PayoutBooks, check: Check): void {
  const acted = now.attempts > before.attempts || now.submissions > before.submissions;
  check(!(acted && before.paused && now.paused), 'something was signed or submitted while paused');
  check(new Set(now.events).size === now.events.length, '8: an event was told twice');
}

/** When all is over: each is paid exactly once, or ended without being paid. */
export function endViolations(world: World, payouts: PayoutWorld, now: PayoutBooks): string[] {
  const found: string[] = [];
  const { chain } = world;
  const paid = paidOn(chain, chain.blocks(), payouts.destinations);
  const fees = new Map<string, bigint>();
  for (const row of now.payouts) {
    const times = (paid.get(row.destination) ?? []).length;
    const expected = row.status === 'confirmed' ? 1 : 0;
    if (times !== expected)
      found.push(`5: payout ${row.id} is ${row.status} and paid ${times} times`);
    const ended = ['confirmed', 'failed', 'cancelled'].includes(row.status);
    if (!ended) found.push(`5: payout ${row.id} is still ${row.status}`);
    if (row.status !== 'confirmed' && row.booked) found.push(`5: ${row.id} still holds its amount`);
    if (row.status === 'confirmed' && row.tx_hash !== null) {
      fees.set(row.tx_hash, (fees.get(row.tx_hash) ?? 0n) + BigInt(row.fee ?? 0));
    }
  }
  for (const [txHash, sum] of fees) {
    const fee = feeOf(chain, txHash);
    if (fee !== sum) found.push(`4: ${txHash} cost ${fee}, its payouts bear ${sum}`);
  }
  const known = new Set(now.payouts.map((row) => row.id));
  for (const [id, { accepted }] of payouts.asked) {
    if (accepted && !known.has(id)) found.push(`5: payout ${id} was accepted and is lost`);
  }
  return found;
}
