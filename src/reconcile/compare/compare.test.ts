import { describe, expect, test } from 'vitest';
import type { ChainOutput, Placement } from '../model/finding.js';
import { compareOutput } from './compare-output.js';
import { type Doubtful, explain, isExplained, lookAbove } from './explain-suspect.js';
import { judgeStatus, type StatusEvidence } from './ledger-status.js';
import type { Recorded } from './recorded-queries.js';
import { isCovered } from './watching.js';

describe('from when on an address counts', () => {
  test('unknown outputs prove something once its past was asked for, at or below the point', () => {
    const watched = (backfilledHeight: number | null) => ({ watchedFrom: 1, backfilledHeight });
    expect([null, 11, 10].map((height) => isCovered(watched(height), 10))).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe('a status against what was booked', () => {
  const evidence = (wishes: Partial<StatusEvidence>): StatusEvidence => ({
    status: 'confirmed',
    lovelace: 5n,
    booked: { pending: 0n, available: 5n },
    isDeep: true,
    wasTold: true,
    seemsPast: false,
    ...wishes,
  });
  const PAST = { status: 'ignored', seemsPast: true } as const;
  const PENDING = { pending: 5n, available: 0n };
  const NOTHING = { pending: 0n, available: 0n };
  const ODD = { pending: 1n, available: 2n };
  test.each<[string, Partial<StatusEvidence>, ReturnType<typeof judgeStatus>]>([
    ['confirmed and booked so', {}, 'fits'],
    ['confirmed before its depth', { booked: PENDING, isDeep: false }, 'repairable'],
    ['confirmed, and the ledger lacks it', { booked: PENDING }, 'fits'],
    ['confirmed, told of, its entries gone', { booked: NOTHING }, 'fits'],
    ['confirmed, and never counted', { booked: NOTHING, wasTold: false }, 'unclear'],
    ['confirmed, booked oddly', { booked: ODD }, 'fits'],
    ['pending after it was confirmed', { status: 'pending' }, 'repairable'],
    [
      'pending, and never counted',
      { status: 'pending', booked: NOTHING, wasTold: false },
      'unclear',
    ],
    ['ignored, and booked', { status: 'ignored', booked: PENDING }, 'repairable'],
    ['ignored, and not booked', { status: 'ignored', booked: NOTHING }, 'fits'],
    ['ignored as the past, booked and told of', PAST, 'unclear'],
    ['ignored as the past, booked and never told of', { ...PAST, wasTold: false }, 'repairable'],
    ['rolled back, which the chain says', { status: 'rolled_back' }, 'fits'],
  ])('%s', (_what, wishes, verdict) => {
    expect(judgeStatus(evidence(wishes))).toBe(verdict);
  });
});

describe('what blocks say of a doubtful output', () => {
  const HASH = 'ab'.repeat(32);
  const REFERENCE = `${HASH}#0`;
  const placed = (height: number): Placement => ({
    blockHash: HASH,
    height,
    slot: height * 20,
    txPosition: 0,
  });
  const row = (wishes: Partial<Recorded> = {}): Recorded => ({
    kind: 'payment',
    reference: REFERENCE,
    address: 'a',
    lovelace: 5n,
    assets: new Map(),
    userId: 'ann',
    status: 'confirmed',
    placement: placed(30),
    countedFrom: null,
    spent: null,
    inclusion: 1,
    requiredConfirmations: 1,
    ...wishes,
  });
  const made = (height: number, spent: ChainOutput['spent'] = 'gone'): ChainOutput => ({
    reference: REFERENCE,
    address: 'a',
    lovelace: 5n,
    assets: new Map(),
    hasScript: false,
    placement: placed(height),
    spent,
  });
  const held: ChainOutput = { ...made(0, 'unspent'), placement: null };
  const doubtful = (wishes: Partial<Doubtful> = {}): Doubtful => ({
    doubt: 'gone',
    reference: REFERENCE,
    recorded: row(),
    onChain: null,
    countedAbove: 10,
    ...wishes,
  });
  const SPEND = { txHash: 'cd'.repeat(32), height: 40 };
  const evidence = (output: ChainOutput | null, isSpent: boolean) => ({
    created: new Map(output === null ? [] : [[REFERENCE, output]]),
    spent: new Map(isSpent ? [[REFERENCE, SPEND]] : []),
  });
  const surroundings = {
    height: 50,
    hotWallet: null,
    confirmationsHeld: false,
    watched: new Map([
      ['a', { address: 'a', userId: 'ann', watchedFrom: 10, backfilledHeight: 10, backfill: true }],
    ]),
  };
  const BEFORE = { placement: null, countedFrom: 10 };

  test.each<[string, Doubtful, ReturnType<typeof evidence>, number | null, unknown[]]>([
    ['was spent', doubtful(), evidence(made(30), true), null, [['spent_mismatch', false]]],
    ['was never made', doubtful(), evidence(null, false), -1, [['extra_in_db', false]]],
    ['may have been made below', doubtful(), evidence(null, false), 29, [['extra_in_db', true]]],
    [
      'was made elsewhere',
      doubtful({ onChain: held }),
      evidence(made(31), false),
      null,
      [['status_mismatch', false]],
    ],
    [
      'is spent by nobody who was seen',
      doubtful(),
      evidence(made(30), false),
      -1,
      [['spent_mismatch', true]],
    ],
    [
      'was there before, and was spent',
      doubtful({ recorded: row(BEFORE) }),
      evidence(null, true),
      10,
      [['spent_mismatch', false]],
    ],
    [
      'was said to be there before, and never was',
      doubtful({ recorded: row(BEFORE) }),
      evidence(null, false),
      10,
      [['extra_in_db', false]],
    ],
    [
      'is missing, with its block',
      doubtful({ recorded: null, onChain: held }),
      evidence(made(20), false),
      null,
      [['missing_in_db', false]],
    ],
    [
      'is missing, from before',
      doubtful({ recorded: null, onChain: held }),
      evidence(null, false),
      10,
      [['missing_in_db', false]],
    ],
    [
      'is missing, and nothing was read',
      doubtful({ recorded: null, onChain: held }),
      evidence(null, false),
      null,
      [['missing_in_db', true]],
    ],
    ['is right after all', doubtful({ onChain: held }), evidence(made(30), false), null, []],
  ])('it %s', (_what, one, seen, readAbove, expected) => {
    const findings = explain(one, seen, readAbove, -1, surroundings);
    expect(findings.map(({ type, unexplained }) => [type, unexplained !== null])).toEqual(expected);
  });

  test.each([
    [true, false, ['amount_mismatch']],
    [false, true, ['amount_mismatch']],
    [true, true, []],
    [undefined, true, []],
  ])('a script counts where its row says %s, and the chain %s', (said, hasScript, types) => {
    const recorded = row(said === undefined ? {} : { hasScript: said });
    const onChain = { ...made(30, 'unspent'), hasScript };
    const given = { height: 50, owner: 'ann', backfill: true, confirmationsHeld: false };
    expect(compareOutput(recorded, onChain, given)).toEqual(types);
  });

  test('of what was spent and there before, the row is believed to say whether it had a script', () => {
    const wallet = { kind: 'wallet', userId: null, status: null, hasScript: true } as const;
    const spent = row({ ...BEFORE, ...wallet, spent: SPEND });
    const found = explain(doubtful({ recorded: spent }), evidence(null, true), 10, -1, {
      ...surroundings,
      hotWallet: 'a',
    });
    expect(found).toEqual([]);
  });

  test('what was made before its address counted has no block in the books', () => {
    const missing = doubtful({ recorded: null, onChain: held });
    const [finding] = explain(missing, evidence(made(10), false), null, -1, surroundings);
    expect(finding?.onChain?.placement).toBeNull();
  });

  test('is looked for from where its row says, else from where its address counts', () => {
    expect(lookAbove(doubtful(), 50)).toBe(29);
    expect(lookAbove(doubtful({ recorded: row(BEFORE) }), 50)).toBe(10);
    expect(lookAbove(doubtful({ recorded: null, onChain: held, countedAbove: 12 }), 50)).toBe(12);
    expect(lookAbove(doubtful({ recorded: row({ placement: placed(900) }) }), 50)).toBe(49);
  });

  test('is looked for until its making and its end are known', () => {
    expect(isExplained(doubtful(), evidence(made(30), false))).toBe(false);
    expect(isExplained(doubtful(), evidence(made(30), true))).toBe(true);
    expect(isExplained(doubtful({ onChain: held }), evidence(made(30), false))).toBe(true);
    expect(isExplained(doubtful({ recorded: row(BEFORE) }), evidence(null, true))).toBe(true);
  });
});
