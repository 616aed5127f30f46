import type { Leadership } from '../sync/leadership.js';
import { type GuardRow, type HeardWitness, lockGuard, saveWitnesses } from './guard-queries.js';
import { agreesWith, describeVerdict } from './judge.js';
import type { Testimony } from './testimony.js';

/** `wasHeard`: it said enough, at least once in this term. */
export type Heard = {
  readonly testimony: Testimony;
  readonly at: Date;
  readonly wasHeard: boolean;
};

type NotesDeps = { readonly splitDepth: number; readonly now: () => Date };

/** Whoever reads how things stand sees at least so often that somebody looks. */
const WRITTEN_EVERY_MS = 60_000;
/** Whoever has to decide must not be shown the figures of a minute ago. */
const WRITTEN_EVERY_MS_IN_TROUBLE = 10_000;

/**
 * Writes what the witnesses said, for whoever asks how things stand: when it changes, together with what holds,
 * and now and then.
 */
export function createNotes(
  { splitDepth, now }: NotesDeps,
  leadership: Leadership,
  names: readonly string[],
  heard: ReadonlyMap<string, Heard>,
): (guard: GuardRow, isNews: boolean) => Promise<void> {
  let written: { readonly at: number; readonly kinds: string } | null = null;
  return async (guard, isNews) => {
    const shown = [...heard].map((one) => showHeard(one, splitDepth));
    const unheard = guard.witnesses.filter(
      ({ witness }) => names.includes(witness) && !heard.has(witness),
    );
    const hasStrangers = guard.witnesses.some(({ witness }) => !names.includes(witness));
    const kinds = [...heard].map(([name, one]) => name + one.testimony.verdict.type).join();
    const at = now().getTime();
    const everyMs = isTense(guard, heard) ? WRITTEN_EVERY_MS_IN_TROUBLE : WRITTEN_EVERY_MS;
    const isFresh = written !== null && at - written.at < everyMs && !isNews;
    const isKnown = kinds === (written?.kinds ?? '') && (isFresh || shown.length === 0);
    if (isKnown && !hasStrangers) return;
    const { partitionId } = leadership;
    await leadership.write(async (tx, time) => {
      await lockGuard(tx, partitionId);
      await saveWitnesses(tx, partitionId, time, [...shown, ...unheard]);
    });
    written = { at, kinds };
  };
}

const isTense = ({ heldAt }: GuardRow, heard: ReadonlyMap<string, Heard>): boolean =>
  heldAt !== null ||
  [...heard.values()].some(({ testimony }) => testimony.verdict.type === 'forked');

const showHeard = (
  [witness, { testimony, at }]: readonly [string, Heard],
  splitDepth: number,
): HeardWitness => ({
  witness,
  agrees: agreesWith(testimony.verdict, splitDepth),
  verdict: describeVerdict(testimony.verdict),
  heardAt: at.toISOString(),
});
