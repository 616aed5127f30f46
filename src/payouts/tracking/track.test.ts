import { describe, expect, test } from 'vitest';
import { QUEUED_PAYOUT } from '../../../test/support/sample-payout.js';
import { deltasOf, type Entry } from '../../payments/ledger.js';
import { MOVES, PAYOUT_STATUSES, type Payout, type PayoutStatus } from '../model/payout.js';
import {
  type PayoutEffects,
  payoutAmended,
  payoutsConfirmed,
  payoutsIncluded,
  payoutsRolledBack,
} from './track.js';

const NOW = new Date('2026-11-21T08:00:00Z');
const PAYER_TX = 'aa'.repeat(32);
const OTHER_TX = 'bb'.repeat(32);
const WHERE = new Map([
  [PAYER_TX, { txHash: PAYER_TX, blockHash: 'cc'.repeat(32), height: 77, slot: 1_540 }],
]);

/** A payout as the database would hold it in each status. */
const IN: Readonly<Record<PayoutStatus, Payout>> = {
  awaiting_approval: { ...QUEUED_PAYOUT, status: 'awaiting_approval' },
  queued: QUEUED_PAYOUT,
  submitted: { ...QUEUED_PAYOUT, status: 'submitted', txHash: PAYER_TX, feeLovelace: 170_000n },
  in_block: {
    ...QUEUED_PAYOUT,
    status: 'in_block',
    txHash: PAYER_TX,
    feeLovelace: 170_000n,
    blockHeight: 77,
  },
  confirmed: {
    ...QUEUED_PAYOUT,
    status: 'confirmed',
    txHash: PAYER_TX,
    feeLovelace: 170_000n,
    blockHeight: 77,
    confirmedAt: NOW,
  },
  failed: { ...QUEUED_PAYOUT, status: 'failed', booked: false, failureReason: 'too small' },
  cancelled: { ...QUEUED_PAYOUT, status: 'cancelled', booked: false },
};

const include = (payout: Payout, paidBy = PAYER_TX, feeShare = 168_500n): PayoutEffects =>
  payoutsIncluded([{ payout, paidBy, feeShare }], WHERE);
const afterwards = ({ moves }: PayoutEffects): Payout | undefined => moves[0]?.after;
const changes = (entries: readonly Entry[]) => deltasOf(entries)[0];
const legs = (entries: readonly Entry[]): string[] =>
  entries.map((one) => `${one.reason}: ${one.type} ${one.bucket} ${one.amount}`);
const turnsOf = (entries: readonly Entry[]) =>
  entries.map(({ cause }) => ('turn' in cause ? cause.turn : null));

describe('a transaction in a block', () => {
  const open = ['awaiting_approval', 'queued', 'submitted'] as const;

  test.each(open)('pays what was %s', (status) => {
    const effects = include(IN[status]);
    expect(afterwards(effects)).toEqual({
      ...IN[status],
      status: 'in_block',
      txHash: PAYER_TX,
      feeLovelace: 168_500n,
      blockHeight: 77,
    });
    expect(effects).toMatchObject({ entries: [], events: [], afterEnd: [], twice: [] });
    expect(effects.moves[0]?.before).toBe(IN[status]);
  });

  test.each(['failed', 'cancelled'] as const)(
    'pays what had %s, holds its amount again under the next turn and says so',
    (status) => {
      const effects = include({ ...IN[status], turn: 4 });
      expect(afterwards(effects)).toMatchObject({
        status: 'in_block',
        turn: 5,
        booked: true,
        failureReason: null,
      });
      expect(changes(effects.entries)).toMatchObject({ available: -5_200_000n, held: 5_200_000n });
      expect(turnsOf(effects.entries)).toEqual([5, 5]);
      expect(effects.afterEnd).toEqual([afterwards(effects)]);
    },
  );

  test('holds what wasn’t held yet', () => {
    const effects = include({ ...IN.submitted, booked: false });
    expect(afterwards(effects)?.booked).toBe(true);
    expect(changes(effects.entries)).toMatchObject({ available: -5_200_000n, held: 5_200_000n });
    expect(effects.afterEnd).toEqual([]);
  });

  test('has nothing to hold of the treasury’s', () => {
    const effects = include({ ...IN.queued, userId: null, booked: false });
    expect(afterwards(effects)).toMatchObject({ status: 'in_block', booked: false });
    expect(effects.entries).toEqual([]);
  });

  test.each(['in_block', 'confirmed'] as const)('changes nothing of what it paid: %s', (status) => {
    expect(include(IN[status])).toEqual({
      moves: [],
      entries: [],
      events: [],
      afterEnd: [],
      twice: [],
    });
  });

  test.each(['in_block', 'confirmed'] as const)(
    'raises the loudest alarm where another one had paid: %s',
    (status) => {
      const effects = include({ ...IN[status], txHash: OTHER_TX });
      expect(effects.moves).toEqual([]);
      expect(effects.twice).toHaveLength(1);
    },
  );

  test('beside another one that pays the same: the first counts, the other is the loudest alarm', () => {
    const one = { payout: IN.submitted, paidBy: PAYER_TX, feeShare: 1n };
    const effects = payoutsIncluded([one, { ...one, feeShare: 2n }], WHERE);
    expect(effects.moves).toHaveLength(1);
    expect(afterwards(effects)?.feeLovelace).toBe(1n);
    expect(effects.twice.map(({ feeShare }) => feeShare)).toEqual([2n]);
  });

  test('without a block is a mistake', () => {
    expect(() => include(IN.submitted, OTHER_TX)).toThrow(OTHER_TX);
  });
});

describe('deep enough', () => {
  test('the amount and the fee leave, the rest of the estimate comes back', () => {
    const effects = payoutsConfirmed([IN.in_block], NOW);
    expect(afterwards(effects)).toEqual(IN.confirmed);
    expect(legs(effects.entries)).toEqual([
      'payout_confirmed: debit held 5000000',
      'payout_fee: debit held 170000',
      'payout_released: debit held 30000',
      'payout_released: credit available 30000',
    ]);
    expect(effects.events.map(({ type, key }) => [type, key])).toEqual([
      ['payout.confirmed', `payout.confirmed:${QUEUED_PAYOUT.id}:0`],
    ]);
    expect(effects.events[0]?.view).toMatchObject({ status: 'confirmed' });
  });

  test('they are told in the order of their blocks, then of their ids', () => {
    const one = (id: string, blockHeight: number) => ({ ...IN.in_block, id, blockHeight });
    const due = [one('c', 8), one('b', 9), one('d', 7), one('a', 8)];
    const effects = payoutsConfirmed(due, NOW);
    expect(effects.moves.map((move) => move.after.id)).toEqual(['d', 'a', 'c', 'b']);
    expect(effects.events.map((event) => event.view.id)).toEqual(['d', 'a', 'c', 'b']);
  });
});

describe('rolled back', () => {
  test('what was in a block is submitted again, the same transaction, and nothing is booked', () => {
    const effects = payoutsRolledBack([IN.in_block]);
    expect(afterwards(effects)).toEqual({ ...IN.submitted, turn: 1 });
    expect(effects.entries).toEqual([]);
    expect(effects.events[0]?.key).toBe(`payout.rolled_back:${QUEUED_PAYOUT.id}:0`);
  });

  test('what was confirmed is held again under the turn that it was taken in', () => {
    const effects = payoutsRolledBack([{ ...IN.confirmed, turn: 2 }]);
    expect(afterwards(effects)).toEqual({ ...IN.submitted, turn: 3 });
    expect(changes(effects.entries)).toMatchObject({ available: -30_000n, held: 5_200_000n });
    expect(turnsOf(effects.entries)).toEqual([2, 2]);
    expect(effects.events.map(({ key }) => key)).toEqual([
      `payout.rolled_back:${QUEUED_PAYOUT.id}:2`,
    ]);
  });

  test('each time it is told anew', () => {
    const again = afterwards(payoutsRolledBack([IN.in_block])) ?? QUEUED_PAYOUT;
    const included = afterwards(include(again)) ?? QUEUED_PAYOUT;
    const keys = [IN.in_block, included].map((one) => payoutsRolledBack([one]).events[0]?.key);
    expect(new Set(keys).size).toBe(2);
  });
});

describe('what the chain paid otherwise than the books say', () => {
  const paid = {
    destinationAddress: 'addr_test1other',
    amountLovelace: 7_000_000n,
    assets: new Map([['ab'.repeat(28), 3n]]),
  };

  test('becomes what the books say, and what is held', () => {
    const effects = payoutAmended(IN.submitted, paid);
    expect(afterwards(effects)).toEqual({ ...IN.submitted, ...paid, turn: 1 });
    const [lovelace, token] = deltasOf(effects.entries).sort((a) =>
      a.unit === 'lovelace' ? -1 : 1,
    );
    expect(lovelace).toMatchObject({ available: -2_000_000n, held: 2_000_000n });
    expect(token).toMatchObject({ unit: 'ab'.repeat(28), available: -3n, held: 3n });
    // Given back as it was held, held as it is now: neither collides with what was booked before.
    expect(turnsOf(effects.entries)).toEqual([0, 0, 1, 1, 1, 1]);
  });

  test('books nothing of what isn’t held', () => {
    const { entries } = payoutAmended({ ...IN.submitted, userId: null, booked: false }, paid);
    expect(entries).toEqual([]);
  });
});

describe('the table of moves', () => {
  /** What the chain does to a payout, by where it takes it. */
  const CHAIN_MOVES: Partial<Record<PayoutStatus, (payout: Payout) => PayoutEffects>> = {
    in_block: (payout) => include(payout),
    confirmed: (payout) => payoutsConfirmed([payout], NOW),
    submitted: (payout) => payoutsRolledBack([payout]),
  };
  const all = Object.entries(CHAIN_MOVES).flatMap(([to, act]) =>
    PAYOUT_STATUSES.map((from) => ({ from, to, act })),
  );
  const allows = (from: PayoutStatus, to: string): boolean => {
    const allowed: readonly string[] = MOVES[from];
    return allowed.includes(to);
  };

  /** Signing does that, not the chain. */
  const isPayers = (from: PayoutStatus, to: string) => from === 'queued' && to === 'submitted';

  test.each(all.filter(({ from, to }) => allows(from, to) && !isPayers(from, to)))(
    'lets the chain take $from to $to',
    ({ from, to, act }) => {
      expect(afterwards(act(IN[from]))?.status).toBe(to);
    },
  );

  test.each(all.filter(({ from, to }) => !allows(from, to) && from !== to && to !== 'in_block'))(
    'forbids $from to $to, and then nothing may be written',
    ({ from, to, act }) => {
      expect(() => act(IN[from])).toThrow(`can't go from ${from} to ${to}`);
    },
  );

  test('is exactly this, and nobody leaves it', () => {
    expect(MOVES).toEqual({
      awaiting_approval: ['queued', 'in_block', 'failed', 'cancelled'],
      queued: ['submitted', 'in_block', 'failed', 'cancelled'],
      submitted: ['queued', 'in_block', 'failed'],
      in_block: ['submitted', 'confirmed'],
      confirmed: ['submitted'],
      failed: ['in_block'],
      cancelled: ['in_block'],
    });
    expect(Object.keys(MOVES).sort()).toEqual([...PAYOUT_STATUSES].sort());
  });
});
