import { setTimeout as sleep } from 'node:timers/promises';
import type { Leadership, LeadingTask } from '../sync/leadership.js';
import { withTimeLimit } from '../sync/time-limit.js';
import { createDensityStudy } from './density-study.js';
import type { GuardEvent } from './events.js';
import { oursAmong, readGuard } from './guard-queries.js';
import { createLook } from './look.js';
import type { Heard } from './notes.js';
import {
  afterRollback,
  awaitsSecondSight,
  type Hearing,
  isHeard,
  isOfOurs,
  isSplit,
  type Testimony,
  testify,
} from './testimony.js';
import { hearWitness, type Witness, WitnessSilent } from './witness.js';

export type WatchDeps = {
  /** Opened for a term, and closed with it. */
  readonly openWitnesses: () => readonly Witness[];
  readonly splitDepth: number;
  readonly rollbackDepth: number | null;
  /** Share of slots that have a block, as the node tells; null: density isn't watched. */
  readonly activeSlots: ((signal: AbortSignal) => Promise<number>) | null;
  readonly observe: (event: GuardEvent) => void;
  /** Between two looks. */
  readonly checkMs: number;
  readonly now: () => Date;
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
};

const HEAR_MS_MAX = 30_000;
/** A block may come at any moment, and with it a confirmation: a split is seen for the second time before. */
const SECOND_SIGHT_MS = 500;
/** A name behind which several nodes answer, each of another chain, isn't asked like that for ever. */
const HURRIES_MAX = 3;
/** A node that doesn't say how dense a healthy chain is won't say it a moment later either. */
const SELDOM_MS = 60_000;

/** Looks after the chain for as long as a term lasts: witnesses, density, and the end of what held. */
export const watchChain =
  (deps: WatchDeps): LeadingTask =>
  async (leadership) => {
    const witnesses = deps.openWitnesses();
    if (witnesses.length === 0 && deps.rollbackDepth === null && deps.activeSlots === null) {
      const left = await readGuard(leadership.pool, leadership.partitionId);
      const isBlank = left.reasons.length === 0 && left.witnesses.length === 0;
      if (isBlank && left.densityUnknown === null) return;
    }
    const heard = new Map<string, Heard>();
    const again = (work: () => Promise<Pace>): Promise<void> => repeat(deps, leadership, work);
    const density = createDensityStudy(deps, leadership);
    const names = witnesses.map(({ name }) => name);
    const learned = { heard, leastBlocks: density.leastBlocks };
    const look = oneAtATime(createLook(deps, leadership, names, learned));
    try {
      await Promise.all([
        again(() => look().then(() => 'usual')),
        again(() => density.study().then((isDone) => (isDone ? 'done' : 'seldom'))),
        ...witnesses.map((witness) =>
          again(async () => {
            const isNews = await hear(deps, leadership, witness, heard);
            // What confirming and paying wait for, or must not go on with, is looked at without delay.
            if (isNews) await look();
            const testimony = heard.get(witness.name)?.testimony;
            const isDoubtful =
              testimony !== undefined && awaitsSecondSight(testimony, deps.splitDepth);
            return isDoubtful ? 'soon' : 'usual';
          }),
        ),
      ]);
    } finally {
      for (const witness of witnesses) witness.close();
    }
  };

function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return () => {
    last = last.catch(() => undefined).then(work);
    return last;
  };
}

/** When to do it again. */
type Pace = 'soon' | 'usual' | 'seldom' | 'done';

/** A database or a node that is away for a moment must not end the watch for the rest of a term. */
async function repeat(
  { checkMs, observe, pause = realPause }: WatchDeps,
  { signal }: Leadership,
  work: () => Promise<Pace>,
): Promise<void> {
  let failed = false;
  let hurries = 0;
  const tell = (error: unknown): Pace => {
    if (!failed && !signal.aborted) {
      observe({ type: 'chain_guard_failed', reason: describe(error) });
    }
    failed = true;
    return 'usual';
  };
  while (!signal.aborted) {
    const pace = await work().then((next) => {
      failed = false;
      return next;
    }, tell);
    if (pace === 'done') return;
    hurries = pace === 'soon' && hurries < HURRIES_MAX ? hurries + 1 : 0;
    const inHurry = hurries > 0 ? Math.min(checkMs, SECOND_SIGHT_MS) : checkMs;
    await pause(pace === 'seldom' ? SELDOM_MS : inHurry, signal).catch(() => undefined);
  }
}

const realPause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal });

/** Whether it said enough for the first time in the term, or tells a split, also one that it told before. */
async function hear(
  deps: WatchDeps,
  leadership: Leadership,
  witness: Witness,
  heard: Map<string, Heard>,
): Promise<boolean> {
  const { signal } = leadership;
  const hearing = await withTimeLimit(signal, HEAR_MS_MAX, (limited) =>
    hearWitness(witness, leadership, limited),
  ).catch(silentBecause);
  if (hearing === null || signal.aborted) return false;
  const before = heard.get(witness.name) ?? null;
  const testimony = testify(before && (await ofOurChain(before.testimony, leadership)), hearing);
  const wasHeard = before?.wasHeard ?? false;
  const isHeardNow = wasHeard || isHeard(testimony, deps.splitDepth);
  heard.set(witness.name, { testimony, at: deps.now(), wasHeard: isHeardNow });
  const { verdict } = hearing;
  if (before?.testimony.verdict.type !== verdict.type) {
    deps.observe({ type: 'witness_heard', witness: witness.name, verdict });
  }
  return isSplit(testimony, deps.splitDepth) || (isHeardNow && !wasHeard);
}

/**
 * A row of agreements ends with the chain that it was given on. Unlike `whatStands` this asks for no more: what it
 * says of a fork is taken from what was just heard, and a fork that stood until now left no row.
 */
async function ofOurChain(
  testimony: Testimony,
  { pool, partitionId }: Leadership,
): Promise<Testimony> {
  const { on } = testimony;
  const ours = await oursAmong(pool, partitionId, on === null ? [] : [on.hash]);
  return isOfOurs(testimony, ours) ? testimony : afterRollback(testimony);
}

function silentBecause(error: unknown): Hearing {
  if (!(error instanceof WitnessSilent)) throw error;
  return { verdict: { type: 'silent', reason: error.message }, on: null, lacks: null };
}

const describe = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
