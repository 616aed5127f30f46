import { describe, expect, test } from 'vitest';
import { sharedIsThere, vectors } from '../../test/conformance/shared-material.js';
import { decodeEraSummaries, slotAfter, slotTimeMs } from './era-summaries.js';
import { parseExactJson } from './exact-json.js';
import { fieldsOf, ProtocolError } from './fields.js';
import type { Height, Slot } from './point.js';

const era = (
  start: [ms: number, slot: number],
  end: number | null,
  slotLength: unknown,
  safeZone: unknown = null,
) => ({
  start: { time: { seconds: start[0] / 1000 }, slot: start[1], epoch: 0 },
  ...(end === null ? {} : { end: { time: { seconds: 0 }, slot: end, epoch: 1 } }),
  parameters: { epochLength: 100, slotLength, safeZone },
});

/** 100 slots of 20 s, an era that never was, then slots of 1 s. */
const eras = (last: unknown) =>
  decodeEraSummaries([
    era([0, 0], 100, { milliseconds: 20_000 }),
    era([2_000_000, 100], 100, { milliseconds: 20_000 }),
    last,
  ]);
const OPEN = era([2_000_000, 100], null, { milliseconds: 1_000 }, 500);
const FORECAST = era([2_000_000, 100], 700, { milliseconds: 1_000 }, 500);
const tip = (slot: number) => ({ slot: slot as Slot, id: 'a'.repeat(64), height: 1 as Height });

describe('slots and times', () => {
  test('a slot begins where its era’s slot length puts it', () => {
    expect([0, 99, 100, 101].map((slot) => slotTimeMs(eras(OPEN), slot))).toEqual([
      0, 1_980_000, 2_000_000, 2_001_000,
    ]);
  });

  test.each([
    [0, 0, 0],
    [0, 19, 0],
    [0, 20, 1],
    [99, 19, 99],
    // Across the fork: the last long slot has 20 s left, the rest is of 1 s.
    [99, 20, 100],
    [95, 130, 130],
    [100, 7.5, 107],
  ])('from slot %i, %d s later it is slot %i', (from, seconds, slot) => {
    expect(slotAfter(eras(OPEN), tip(from), seconds)).toBe(slot);
  });

  test('a chain without blocks counts from its start', () => {
    expect(slotAfter(eras(OPEN), 'origin', 40)).toBe(2);
  });

  test('nothing is told beyond the safe zone, or beyond the forecast where there is one', () => {
    expect(slotAfter(eras(OPEN), tip(200), 500)).toBe(700);
    expect(() => slotAfter(eras(OPEN), tip(200), 501)).toThrow(RangeError);
    expect(slotAfter(eras(FORECAST), tip(300), 400)).toBe(700);
    expect(() => slotAfter(eras(FORECAST), tip(300), 401)).toThrow(/no slot after 700 is certain/);
    const endless = eras(era([2_000_000, 100], null, { milliseconds: 1_000 }));
    expect(slotAfter(endless, tip(200), 1e9)).toBe(1e9 + 200);
    expect(() => slotAfter(eras(OPEN), tip(200), -1)).toThrow(RangeError);
    expect(() => slotAfter(eras(OPEN), tip(200), Number.NaN)).toThrow(RangeError);
    expect(() => slotTimeMs(eras(FORECAST), 701)).toThrow(RangeError);
  });

  test('a slot length of 1 s is one of 1000 ms', () => {
    const seconds = eras(era([2_000_000, 100], null, { seconds: 1 }, 500));
    expect(seconds).toEqual(eras(OPEN));
    const quick = eras(era([2_000_000, 100], null, { milliseconds: 100 }));
    expect(slotAfter(quick, tip(100), 2)).toBe(120);
  });

  test('a safe zone of 64 bits is read', () => {
    const [first] = decodeEraSummaries(
      parseExactJson(
        JSON.stringify([era([0, 0], null, { milliseconds: 1 }, '@')]).replace(
          '"@"',
          '18446744073709551615',
        ),
      ),
    );
    expect(first?.safeZoneSlots).toBe(2 ** 64);
  });

  test.each([
    ['no era', []],
    ['a gap', [era([0, 0], 100, { milliseconds: 1 }), era([0, 101], null, { milliseconds: 1 })]],
    ['an end before the last', [era([0, 0], null, { milliseconds: 1 }), OPEN]],
    ['no slot length', [era([0, 0], null, { milliseconds: 0 })]],
    ['a slot length of unknown unit', [era([0, 0], null, { hours: 1 })]],
  ])('summaries with %s are refused', (_, summaries) => {
    expect(() => decodeEraSummaries(summaries)).toThrow(ProtocolError);
  });

  test.skipIf(!sharedIsThere)('every official answer, all random, is read or refused', () => {
    const answers = vectors('QueryLedgerStateEraSummaries');
    expect(answers).toHaveLength(10);
    for (const [, text] of answers) {
      const { result } = fieldsOf(parseExactJson(text), 'answer');
      try {
        decodeEraSummaries(result);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }
  });
});
