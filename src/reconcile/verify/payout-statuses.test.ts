import { beforeEach, describe, expect, test } from 'vitest';
import { K, type Paying, payingInTests } from '../../../test/support/paying.js';
import { CONFIRMATIONS } from '../../../test/support/paying-chain.js';
import { approvePayout } from '../../payouts/accepting/approval.js';
import { cancelPayout } from '../../payouts/accepting/cancel.js';
import { PAYOUT_STATUSES, type PayoutStatus } from '../../payouts/model/payout.js';
import { failPayout } from '../../payouts/paying/ending.js';
import { checkPayouts, type PayoutMismatch } from './payout-check-queries.js';

let world: Paying;
payingInTests('treasury', (opened) => {
  world = opened;
});

type Harmless = { readonly harmless: string };
type Outcome = PayoutMismatch['problem'] | Harmless;
/** `alone`: nothing but the status was set. `careful`: and all that the program would set along with it. */
type Expected = Outcome | { readonly alone: Outcome; readonly careful: Outcome };

/** Where payouts are, with what became of them on the way. */
const PLACES = [
  'awaiting_approval',
  'queued',
  'queued, approved',
  'queued, bound to what was signed',
  'submitted',
  'in_block',
  'confirmed',
  'failed',
  'cancelled',
] as const;
type Place = (typeof PLACES)[number];

const SAME_ANCHOR: Harmless = {
  harmless: 'whoever pays does the same with both: looks for the attempts of its batch',
};
const NO_MOVE: Harmless = { harmless: 'it says so already' };
const WAITING = {
  submitted: 'stranded',
  in_block: 'not_in_block',
  confirmed: 'not_in_block',
  failed: 'not_ended',
  cancelled: 'not_ended',
} as const;
const BOUND = {
  awaiting_approval: 'not_awaiting',
  in_block: 'not_in_block',
  confirmed: 'not_in_block',
  failed: 'not_ended',
  cancelled: 'not_ended',
} as const;
const PAID = {
  awaiting_approval: 'unnoticed',
  queued: 'unnoticed',
  submitted: 'unnoticed',
  failed: 'not_ended',
  cancelled: 'not_ended',
} as const;
const ENDED = {
  awaiting_approval: 'ended',
  queued: 'ended',
  submitted: 'ended',
  in_block: 'ended',
  confirmed: 'ended',
  failed: 'ended',
  cancelled: 'ended',
} as const;

const EXPECTED: Readonly<Record<Place, Readonly<Record<PayoutStatus, Expected>>>> = {
  awaiting_approval: { ...WAITING, awaiting_approval: NO_MOVE, queued: 'not_approved' },
  queued: { ...WAITING, awaiting_approval: 'not_awaiting', queued: NO_MOVE },
  'queued, approved': { ...WAITING, awaiting_approval: 'not_awaiting', queued: NO_MOVE },
  'queued, bound to what was signed': {
    ...BOUND,
    queued: { alone: NO_MOVE, careful: 'may_land' },
    submitted: SAME_ANCHOR,
  },
  submitted: {
    ...BOUND,
    queued: { alone: SAME_ANCHOR, careful: 'may_land' },
    submitted: NO_MOVE,
  },
  in_block: { ...PAID, in_block: NO_MOVE, confirmed: 'untold' },
  confirmed: { ...PAID, in_block: 'told_confirmed', confirmed: NO_MOVE },
  failed: { ...ENDED, failed: NO_MOVE },
  cancelled: { ...ENDED, cancelled: NO_MOVE },
};

const UNPAID =
  'batch_id = null, tx_hash = null, fee_lovelace = null, block_height = null, confirmed_at = null';
const HELD = 'booked = user_id is not null, failure_reason = null';
const ALONG_WITH: Readonly<Record<PayoutStatus, string>> = {
  awaiting_approval: `${UNPAID}, ${HELD}`,
  queued: `${UNPAID}, ${HELD}`,
  submitted: `block_height = null, confirmed_at = null, ${HELD}`,
  in_block: `confirmed_at = null, ${HELD}`,
  confirmed: `confirmed_at = coalesce(confirmed_at, now()), ${HELD}`,
  failed: "booked = false, failure_reason = 'x'",
  cancelled: 'booked = false, failure_reason = null',
};

const asApprover = { kind: 'key', name: 'other' } as const;
const asOperator = { kind: 'operator', name: 'ops' } as const;
const LATER_MS = 60_000;

/** A payout of each place. */
async function makePlaces(userId: string | null): Promise<Record<Place, string>> {
  const ask = () => world.ask(20, userId);
  const paid = async () => {
    const id = await ask();
    await world.pay();
    return id;
  };
  await world.fund(...Array.from({ length: 6 }, () => 100));
  await world.give('ann', 500);
  const confirmed = await paid();
  await world.mineMany(CONFIRMATIONS);
  const inBlock = await paid();
  await world.mine();
  const submitted = await paid();
  world.knobs.fate = () => ({ type: 'refused', reason: 'no' });
  const bound = await paid();
  world.knobs.fate = () => null;
  world.knobs.aheadMs = LATER_MS;
  world.knobs.beforeSigning = () => {
    throw new Error('the signer is away');
  };
  await world.pay();
  const queued = await ask();
  const failed = await ask();
  await failPayout(world.deps(), world.term(), failed, 'it can’t be paid');
  const cancelled = await ask();
  await cancelPayout(world.pool, cancelled, asOperator, K);
  world.requireApproval(10);
  const awaiting = await ask();
  const approved = await ask();
  await approvePayout(world.pool, approved, asApprover);
  return {
    awaiting_approval: awaiting,
    queued,
    'queued, approved': approved,
    'queued, bound to what was signed': bound,
    submitted,
    in_block: inBlock,
    confirmed,
    failed,
    cancelled,
  };
}

/** What a verification names after a hand set this, which is undone. */
async function foundAfter(id: string, set: string): Promise<readonly PayoutMismatch[]> {
  const client = await world.pool.connect();
  try {
    await client.query('begin');
    await client.query(`update outbound_payments set ${set} where id = $1`, [id]);
    return (await checkPayouts(client, 100, K)).shown;
  } finally {
    await client.query('rollback');
    client.release();
  }
}

const SOMETHING = expect.any(String) as unknown;
const HANDS = ['alone', 'careful'] as const;
const outcomeOf = (expected: Expected, hand: (typeof HANDS)[number]): Outcome =>
  typeof expected === 'object' && 'alone' in expected ? expected[hand] : expected;

describe.each([
  ['the treasury', null],
  ['a user', 'ann'],
])('a status of a payout of %s that another hand sets', (_, userId) => {
  let ids: Record<Place, string>;
  beforeEach(async () => {
    ids = await makePlaces(userId);
  });

  test.each(HANDS)('is told of with both values, or is harmless: %s', async (hand) => {
    const at = await Promise.all(PLACES.map((place) => world.status(ids[place])));
    expect(at).toEqual(PLACES.map((place) => place.split(',')[0]));
    expect((await checkPayouts(world.pool, 100, K)).shown).toEqual([]);
    for (const place of PLACES) {
      for (const to of PAYOUT_STATUSES) {
        const along = hand === 'alone' ? '' : `, ${ALONG_WITH[to]}`;
        const found = await foundAfter(ids[place], `status = '${to}'${along}`);
        const outcome = outcomeOf(EXPECTED[place][to], hand);
        const where = `${place} → ${to}`;
        if (typeof outcome === 'object') {
          expect(found, `${where}: ${outcome.harmless}`).toEqual([]);
          continue;
        }
        const named = found.find(({ problem }) => problem === outcome);
        const isNamed = { payoutId: ids[place], recorded: SOMETHING, found: SOMETHING };
        expect(named, `${where}: ${JSON.stringify(found)}`).toMatchObject(isNamed);
      }
    }
  });
});
