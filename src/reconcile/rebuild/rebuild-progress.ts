import { z } from 'zod';
import type { Height, Slot } from '../../chain/point.js';
import type { Cursor } from '../../sync/events.js';
import type { Looked } from './watch.js';

export type LastLook = {
  /** By who works on it now, the one under way counted. */
  readonly comparisons: number;
  /** Read since the last of them began. */
  readonly newBlocks: number;
};

/** How far a rebuild is, as its job keeps it: all that a leader after this one needs to go on. */
export type RebuildProgress = {
  /** `waiting`: what was read lies above the books. */
  readonly stage: 'reading' | 'waiting' | 'comparing' | 'applying';
  /** What is compared, once all blocks were read; it goes on from there where blocks come, and begins again after a fork. */
  readonly last: LastLook | null;
  /** Chain facts above it are derived again. */
  readonly from: Cursor;
  /** Blocks up to here are read, and what they made and spent is written. */
  readonly at: Cursor;
  /** In those blocks; null: unknown, as in what an older version saved. */
  readonly looked: Looked | null;
  /** Counted since the beginning, over all who worked on it. */
  readonly outputs: number;
  readonly spends: number;
  readonly seconds: number;
  /** For whoever looks: blocks of how many, each second, and how long it will take. */
  readonly done: number;
  readonly total: number | null;
  readonly rate: number;
  readonly secondsLeft: number | null;
};

const point = z.object({
  slot: z.number().transform((slot) => slot as Slot),
  id: z.string(),
});
const cursor = z.object({
  point: z.union([z.literal('origin'), point]),
  height: z
    .number()
    .transform((height) => height as Height)
    .nullable(),
});
const watchId = z.string().regex(/^\d+$/);
const looked = z.object({
  addressesUpTo: watchId,
  told: z.object({ since: z.number(), digests: z.record(z.string(), z.string()) }),
  unmatched: z.array(
    z.discriminatedUnion('what', [
      z.object({ what: z.literal('addresses'), behind: watchId, matchedThrough: z.number() }),
      z.object({ what: z.literal('outputs'), from: z.number(), matchedThrough: z.number() }),
    ]),
  ),
});
const progress = z.object({
  stage: z.enum(['reading', 'waiting', 'comparing', 'applying']),
  last: z.object({ comparisons: z.number(), newBlocks: z.number() }).nullable().default(null),
  from: cursor,
  at: cursor,
  looked: looked.nullable().default(null),
  outputs: z.number(),
  spends: z.number(),
  seconds: z.number(),
  done: z.number(),
  total: z.number().nullable(),
  rate: z.number(),
  secondsLeft: z.number().nullable(),
});

/** Null where nothing was saved yet. */
export function readProgress(stored: unknown): RebuildProgress | null {
  const parsed = progress.safeParse(stored);
  return parsed.success ? parsed.data : null;
}

export const startingProgress = (from: Cursor): RebuildProgress => ({
  stage: 'reading',
  last: null,
  from,
  at: from,
  looked: null,
  outputs: 0,
  spends: 0,
  seconds: 0,
  done: 0,
  total: null,
  rate: 0,
  secondsLeft: null,
});

/** The origin is below every block. */
export const heightOf = ({ point: where, height }: Cursor): number | null =>
  where === 'origin' ? -1 : height;
