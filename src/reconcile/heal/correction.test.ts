import { describe, expect, test } from 'vitest';
import type { ChainOutput } from '../model/finding.js';
import {
  type CorrectionContext,
  correctPayment,
  type History,
  NO_HISTORY,
  type PaymentState,
  untold,
} from './correction.js';

const HERE = { blockHash: 'a'.repeat(64), height: 10, slot: 200, txPosition: 1 };
const ELSEWHERE = { ...HERE, blockHash: 'b'.repeat(64), height: 11 };

const onChain = (other: Partial<ChainOutput> = {}): ChainOutput => ({
  reference: `${'1'.repeat(64)}#0`,
  address: 'addr',
  lovelace: 5_000_000n,
  assets: new Map(),
  hasScript: false,
  placement: HERE,
  spent: 'unspent',
  ...other,
});
const row = (other: Partial<PaymentState> = {}): PaymentState => ({
  status: 'pending',
  inclusion: 1,
  placement: HERE,
  countedFrom: null,
  spent: null,
  ...other,
});
const context = (other: Partial<CorrectionContext> = {}): CorrectionContext => ({
  askedAt: 12,
  height: 12,
  cursorHeight: 12,
  confirmationsHeld: false,
  requiredConfirmations: 6,
  isDust: false,
  backfill: false,
  ...other,
});
const history = (steps: Partial<Record<'detected' | 'confirmed' | 'ended', number[]>>): History => {
  const all = Object.values(steps).flat();
  return {
    latest: Math.max(0, ...all),
    detected: new Set(steps.detected),
    confirmed: new Set(steps.confirmed),
    toldConfirmed: new Set(steps.confirmed),
    ended: new Set(steps.ended),
    toldOpen: (steps.detected ?? []).filter(
      (inclusion) => steps.ended?.includes(inclusion) !== true,
    ),
  };
};
const DETECTED = history({ detected: [1] });
const CONFIRMED = history({ detected: [1], confirmed: [1] });
const ENDED = history({ detected: [1], confirmed: [1], ended: [1] });

describe('a payment that the books lack', () => {
  test('is pending in its block until it is deep enough', () => {
    expect(correctPayment(null, onChain(), NO_HISTORY, context())).toEqual(row());
    const deep = context({ cursorHeight: 15 });
    expect(correctPayment(null, onChain(), NO_HISTORY, deep).status).toBe('confirmed');
  });

  test('isn’t confirmed while confirmations are held', () => {
    const held = context({ cursorHeight: 99, confirmationsHeld: true });
    expect(correctPayment(null, onChain(), NO_HISTORY, held).status).toBe('pending');
  });

  test('goes on where the ledger left it', () => {
    expect(correctPayment(null, onChain(), CONFIRMED, context())).toMatchObject({
      status: 'confirmed',
      inclusion: 1,
    });
    expect(correctPayment(null, onChain(), DETECTED, context()).inclusion).toBe(1);
  });

  test('begins a new life where entries alone confirmed it too early', () => {
    const early = { ...CONFIRMED, toldConfirmed: new Set<number>() };
    expect(correctPayment(null, onChain(), early, context())).toMatchObject({
      status: 'pending',
      inclusion: 2,
    });
    const deep = context({ cursorHeight: 15 });
    expect(correctPayment(null, onChain(), early, deep)).toMatchObject({
      status: 'confirmed',
      inclusion: 1,
    });
  });

  test('begins a new life where the ledger ended the last one', () => {
    expect(correctPayment(null, onChain(), ENDED, context())).toMatchObject({
      status: 'pending',
      inclusion: 2,
    });
  });

  test('counts from the look where only the ledger told of it, and only where that was asked for', () => {
    const before = onChain({ placement: null });
    const asked = context({ backfill: true });
    expect(correctPayment(null, before, NO_HISTORY, asked)).toMatchObject({
      status: 'pending',
      placement: null,
      countedFrom: 12,
    });
    expect(correctPayment(null, before, NO_HISTORY, context()).status).toBe('ignored');
  });

  test('is ignored where it is too small, unless it was booked', () => {
    const dust = context({ isDust: true });
    expect(correctPayment(null, onChain(), NO_HISTORY, dust).status).toBe('ignored');
    expect(correctPayment(null, onChain(), DETECTED, dust).status).toBe('pending');
  });
});

describe('a payment that the chain lacks', () => {
  test('is rolled back, in the inclusion that it had', () => {
    const gone = correctPayment(row({ status: 'confirmed' }), null, CONFIRMED, context());
    const nothing = { placement: null, countedFrom: null, spent: null };
    expect(gone).toEqual({ status: 'rolled_back', inclusion: 1, ...nothing });
  });
});

describe('a payment that differs', () => {
  test('gets its block where one that was followed brought it, and else keeps none', () => {
    const moved = row({ placement: ELSEWHERE });
    expect(correctPayment(moved, onChain(), DETECTED, context()).placement).toEqual(HERE);
    const before = row({ placement: null, countedFrom: 9 });
    expect(correctPayment(before, onChain(), DETECTED, context())).toMatchObject({
      placement: { height: 10 },
      countedFrom: null,
    });
    const unplaced = onChain({ placement: null });
    expect(correctPayment(before, unplaced, DETECTED, context({ backfill: true }))).toMatchObject({
      placement: null,
      countedFrom: 9,
    });
  });

  test('is ignored where it was there before and nobody asked for that, whatever was booked', () => {
    const before = row({ status: 'confirmed', placement: null, countedFrom: 9 });
    const unplaced = onChain({ placement: null });
    const statusOf = (backfill: boolean) =>
      correctPayment(before, unplaced, CONFIRMED, context({ backfill })).status;
    expect([statusOf(false), statusOf(true)]).toEqual(['ignored', 'confirmed']);
  });

  test('is spent and unspent as the chain says, and as it is recorded above', () => {
    const by = { txHash: 'c'.repeat(64), height: 12 };
    expect(correctPayment(row(), onChain({ spent: by }), DETECTED, context()).spent).toEqual(by);
    const spent = row({ spent: by });
    expect(correctPayment(spent, onChain(), DETECTED, context()).spent).toBeNull();
    const later = { ...by, height: 13 };
    const stays = correctPayment(row({ spent: later }), onChain(), DETECTED, context());
    expect(stays.spent).toEqual(later);
  });

  test('is what the ledger says it had become, whatever its status was made', () => {
    const rolledBack = row({ status: 'rolled_back', placement: null });
    expect(correctPayment(rolledBack, onChain(), CONFIRMED, context())).toMatchObject({
      status: 'confirmed',
      inclusion: 1,
    });
    const ignored = row({ status: 'ignored' });
    expect(correctPayment(ignored, onChain(), DETECTED, context()).status).toBe('pending');
    expect(correctPayment(ignored, onChain(), NO_HISTORY, context()).status).toBe('ignored');
    // An event of an inclusion that never was doesn't end the one before it.
    const invented = history({ detected: [1], confirmed: [2] });
    expect(correctPayment(ignored, onChain(), invented, context()).status).toBe('confirmed');
    const cameBackSmall = history({ detected: [1], ended: [1] });
    const again = row({ status: 'ignored', inclusion: 2 });
    expect(correctPayment(again, onChain(), cameBackSmall, context()).status).toBe('ignored');
    // A block spent it while another hand said that it was rolled back.
    const seemedPast = row({ status: 'ignored', placement: null, countedFrom: 9, inclusion: 2 });
    expect(correctPayment(seemedPast, onChain(), CONFIRMED, context()).status).toBe('pending');
    const tooSmallByNow = context({ isDust: true });
    expect(correctPayment(seemedPast, onChain(), CONFIRMED, tooSmallByNow).status).toBe('pending');
    // Nothing says that it ever counted, but for a row of its address that somebody may have dated back.
    expect(correctPayment(seemedPast, onChain(), NO_HISTORY, context()).status).toBe('ignored');
    const withoutBlock = row({ status: 'ignored', placement: null });
    expect(correctPayment(withoutBlock, onChain(), NO_HISTORY, context()).status).toBe('ignored');
    const early = row({ status: 'confirmed' });
    expect(correctPayment(early, onChain(), DETECTED, context()).status).toBe('pending');
  });
});

describe('what is told', () => {
  const keys = (after: Pick<PaymentState, 'status' | 'inclusion'>, steps: History): string[] =>
    untold('r#0', after, steps).map((event) => event.key);

  test('is what never was', () => {
    const confirmed = { status: 'confirmed', inclusion: 1 } as const;
    expect(keys(confirmed, NO_HISTORY)).toEqual([
      'payment.detected:r#0:1',
      'payment.confirmed:r#0:1',
    ]);
    expect(keys(confirmed, DETECTED)).toEqual(['payment.confirmed:r#0:1']);
    expect(keys(confirmed, CONFIRMED)).toEqual([]);
  });

  test('is the end of what was told, once', () => {
    const gone = { status: 'rolled_back', inclusion: 1 } as const;
    expect(keys(gone, CONFIRMED)).toEqual(['payment.rolled_back:r#0:1']);
    expect(keys(gone, ENDED)).toEqual([]);
    expect(keys(gone, NO_HISTORY)).toEqual([]);
  });

  test('is the end of an inclusion that only the ledger ended, before the next begins', () => {
    const bookedEnd = { ...ENDED, toldOpen: [1] };
    expect(keys({ status: 'confirmed', inclusion: 2 }, bookedEnd)).toEqual([
      'payment.rolled_back:r#0:1',
      'payment.detected:r#0:2',
      'payment.confirmed:r#0:2',
    ]);
    expect(keys({ status: 'ignored', inclusion: 2 }, bookedEnd)).toEqual([
      'payment.rolled_back:r#0:1',
    ]);
    expect(keys({ status: 'rolled_back', inclusion: 1 }, bookedEnd)).toEqual([
      'payment.rolled_back:r#0:1',
    ]);
    expect(keys({ status: 'pending', inclusion: 2 }, ENDED)).toEqual(['payment.detected:r#0:2']);
  });

  test('is nothing of what is ignored', () => {
    expect(keys({ status: 'ignored', inclusion: 1 }, NO_HISTORY)).toEqual([]);
  });
});
