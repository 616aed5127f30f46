import type { Stretch } from '../../payments/digest/check-digest.js';

/** Each is looked at by statements of its own; where there are more, those that lie closest become one. */
export const STRETCHES_MAX = 50;

/** The same heights in ascending stretches that don't touch, and at most so many, which may hold others too. */
export function joinStretches(
  stretches: readonly Stretch[],
  most: number = STRETCHES_MAX,
): readonly Stretch[] {
  const joined: Stretch[] = [];
  for (const stretch of [...stretches].sort((a, b) => a.above - b.above)) {
    const last = joined.at(-1);
    if (stretch.above >= stretch.upTo) continue;
    if (last === undefined || stretch.above > last.upTo) joined.push(stretch);
    else joined[joined.length - 1] = { ...last, upTo: Math.max(last.upTo, stretch.upTo) };
  }
  if (joined.length <= most) return joined;
  const gaps = joined
    .slice(1)
    .map(({ above }, at) => ({ after: at, size: above - upToOf(joined, at) }));
  const widest = gaps.sort((a, b) => b.size - a.size).slice(0, most - 1);
  const ends = [...widest.map(({ after }) => after), joined.length - 1].sort((a, b) => a - b);
  return ends.flatMap((end, at) => {
    const first = joined[at === 0 ? 0 : (ends[at - 1] ?? 0) + 1];
    return first === undefined ? [] : [{ above: first.above, upTo: upToOf(joined, end) }];
  });
}

const upToOf = (stretches: readonly Stretch[], at: number): number => stretches[at]?.upTo ?? 0;

/** Heights as they are come across, in any number. */
export function collectStretches() {
  let found: readonly Stretch[] = [];
  return {
    add(more: readonly Stretch[]): void {
      found = [...found, ...more];
      if (found.length > 2 * STRETCHES_MAX) found = joinStretches(found);
    },
    result: (): readonly Stretch[] => joinStretches(found),
  };
}

/** A single block. */
export const blockAt = (height: number): Stretch => ({ above: height - 1, upTo: height });
