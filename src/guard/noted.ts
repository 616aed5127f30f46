import { z } from 'zod';
import type { HeardWitness } from './guard-queries.js';
import type { Reason } from './reasons.js';

const noted = {
  detail: z.string(),
  since: z.string(),
  released: z.object({ at: z.string(), by: z.string(), why: z.string() }).nullable(),
};
const height = z.number();

const REASON = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('witness'),
    witness: z.string(),
    common: height,
    between: z.tuple([height, height]).optional(),
    ours: z.number(),
    theirs: z.number(),
    wentBackTo: height.optional(),
    isUnasked: z.literal(true).optional(),
    ...noted,
  }),
  z.object({
    kind: z.literal('rollback'),
    common: height,
    depth: z.number(),
    limit: z.number().optional(),
    latest: height.optional(),
    ...noted,
  }),
  z.object({
    kind: z.literal('density'),
    slot: z.number(),
    blocks: z.number(),
    least: z.number(),
    ...noted,
  }),
  z.object({ kind: z.literal('unheard'), ...noted }),
]);

const WITNESS = z.object({
  witness: z.string(),
  agrees: z.boolean(),
  verdict: z.string(),
  heardAt: z.string(),
});

const isReason = (value: unknown): value is Reason => REASON.safeParse(value).success;
const isWitness = (value: unknown): value is HeardWitness => WITNESS.safeParse(value).success;

/** Nobody knows what was wrong, so that only a person can say that it no longer is. */
const UNREADABLE: Reason = {
  kind: 'rollback',
  common: -1,
  depth: 0,
  detail:
    'another hand changed chain_guard.reasons, and what held the chain can no longer be read: compare with other ' +
    'nodes, then `teller guard release`',
  since: new Date(0).toISOString(),
  released: null,
};

/** As they were written; what can't be read holds until a person lets it pass. */
export function readReasons(written: unknown): readonly Reason[] {
  const all: readonly unknown[] = Array.isArray(written) ? written : [written];
  const readable = all.filter(isReason);
  return readable.length === all.length ? readable : [...readable, UNREADABLE];
}

/** Without those that can't be read: they are heard again. */
export const readWitnesses = (written: unknown): readonly HeardWitness[] =>
  Array.isArray(written) ? written.filter(isWitness) : [];
