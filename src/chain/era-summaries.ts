import { exactInteger } from './exact-json.js';
import { type Fields, fieldsOf, listOf, ProtocolError, slotOf } from './fields.js';
import type { Slot, TipOrOrigin } from './point.js';

/** A stretch of the chain with one slot length. Times are milliseconds since the network's start. */
export type Era = {
  readonly startMs: number;
  readonly startSlot: Slot;
  /** Null where the node doesn't tell an end. */
  readonly endSlot: Slot | null;
  readonly slotMs: number;
  /** Slots above the ledger's tip in which no hard fork can come unannounced; null: none ever does. */
  readonly safeZoneSlots: number | null;
};

/** Answer to `queryLedgerState/eraSummaries`, oldest first: https://ogmios.dev/api/ */
export function decodeEraSummaries(result: unknown): readonly Era[] {
  const eras = listOf(result, 'the era summaries').map(decodeEra);
  if (eras.length === 0) throw new ProtocolError('there must be an era', result);
  for (const [i, era] of eras.entries()) {
    const next = eras[i + 1];
    if (next !== undefined && era.endSlot !== next.startSlot) {
      throw new ProtocolError('an era must begin where the one before it ends', result);
    }
  }
  return eras;
}

function decodeEra(value: unknown): Era {
  const era = fieldsOf(value, 'an era');
  const start = fieldsOf(era.start, "an era's start");
  const parameters = fieldsOf(era.parameters, "an era's parameters");
  const slotMs = millisecondsOf(parameters.slotLength, 'the slot length');
  if (slotMs === 0) throw new ProtocolError('a slot must have a length', value);
  const { safeZone } = parameters;
  return {
    startMs: millisecondsOf(start.time, "an era's start"),
    startSlot: slotOf(start.slot, "an era's first slot"),
    endSlot: absent(era.end) ? null : endSlotOf(fieldsOf(era.end, "an era's end")),
    slotMs,
    safeZoneSlots: absent(safeZone) ? null : safeZoneOf(safeZone),
  };
}

const absent = (value: unknown): value is null | undefined => value === null || value === undefined;
const endSlotOf = (end: Fields): Slot => slotOf(end.slot, "an era's end");

/** It may be 64 bits wide, which is as good as for ever. */
function safeZoneOf(value: unknown): number {
  const slots = exactInteger(value);
  if (slots === undefined || slots < 0n) throw new ProtocolError('odd safe zone', value);
  return Number(slots);
}

/** `{"seconds": 20}` or `{"milliseconds": 1000}`: versions differ in which of them stands where. */
function millisecondsOf(value: unknown, what: string): number {
  const { seconds, milliseconds } = fieldsOf(value, what);
  const ms = typeof seconds === 'number' ? Math.round(seconds * 1000) : milliseconds;
  if (typeof ms !== 'number' || !Number.isSafeInteger(ms) || ms < 0) {
    throw new ProtocolError(`${what} must be seconds or milliseconds`, value);
  }
  return ms;
}

/** When a slot begins. @throws RangeError beyond what the summaries tell */
export function slotTimeMs(eras: readonly Era[], slot: number): number {
  const era = eras.find(({ endSlot }) => endSlot === null || slot < endSlot) ?? eras.at(-1);
  if (era === undefined || slot < era.startSlot || (era.endSlot !== null && slot > era.endSlot)) {
    throw new RangeError(`slot ${slot} is in none of the eras that the node tells of`);
  }
  return era.startMs + (slot - era.startSlot) * era.slotMs;
}

/**
 * The slot that begins at most so many seconds after the tip's slot, by each era's own slot length.
 *
 * @throws RangeError beyond what the node can foresee from its tip: a hard fork may change slots there
 */
export function slotAfter(eras: readonly Era[], tip: TipOrOrigin, seconds: number): Slot {
  if (!(seconds >= 0)) throw new RangeError(`${seconds} seconds after the tip is before it`);
  const tipSlot = tip === 'origin' ? 0 : tip.slot;
  const atMs = slotTimeMs(eras, tipSlot) + seconds * 1000;
  const slotIn = (era: Era): number =>
    era.startSlot + Math.floor((atMs - era.startMs) / era.slotMs);
  const era = eras.find((one) => one.endSlot === null || slotIn(one) < one.endSlot) ?? eras.at(-1);
  const horizon = horizonOf(eras, tipSlot);
  const slot = era === undefined ? Number.NaN : slotIn(era);
  if (!(slot <= horizon)) {
    throw new RangeError(
      `${seconds} seconds after slot ${tipSlot} is slot ${slot}, but no slot after ${horizon} is certain`,
    );
  }
  return slot as Slot;
}

/** The last era's end is a forecast where it is told; where it isn't, the safe zone bounds it. */
function horizonOf(eras: readonly Era[], tipSlot: number): number {
  const last = eras.at(-1);
  if (last === undefined) return -1;
  if (last.endSlot !== null) return last.endSlot;
  return last.safeZoneSlots === null ? Number.POSITIVE_INFINITY : tipSlot + last.safeZoneSlots;
}
