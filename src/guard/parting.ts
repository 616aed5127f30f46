/** Where two chains part. */
export type Parting = {
  /** Height of the last block that both have. */
  readonly common: number;
  /** Where that isn't known to the block, as below all headers that are kept: from which to which it may be. */
  readonly between?: readonly [number, number];
};

/**
 * Whether this may be one and the same fork. A height is enough: as long as our chain doesn't go back below
 * it, it is one block of ours for good.
 */
export const mayBeSame = (one: Parting, other: Parting): boolean =>
  lowest(one) <= highest(other) && lowest(other) <= highest(one);

/** What is known of one fork, by both: it only ever gets more exact, also when headers are dropped. */
export function narrowed(one: Parting, other: Parting): Parting {
  const from = Math.max(lowest(one), lowest(other));
  const to = Math.min(highest(one), highest(other));
  return partingAt(Math.min(Math.max(other.common, from), to), from, to);
}

/** @param common the best guess from the lowest that it may be to the highest */
export const partingAt = (common: number, from: number, to: number): Parting =>
  from === to ? { common } : { common, between: [from, to] };

/** That alone of what is known of a fork. */
export const partingOf = (one: Parting): Parting =>
  partingAt(one.common, lowest(one), highest(one));

const lowest = ({ common, between }: Parting): number => between?.[0] ?? common;

/** All blocks of ours above that one are ours alone. */
export const highest = ({ common, between }: Parting): number => between?.[1] ?? common;

export function describeParting({ common, between }: Parting): string {
  if (between === undefined) return common < 0 ? 'the origin' : `block ${common}`;
  const [from, to] = between;
  return from < 0 ? `some block up to ${to}` : `some block from ${from} to ${to}`;
}
