import { describeParting, highest, mayBeSame, narrowed, type Parting } from './parting.js';

/** Why the chain can't be relied on, as it stands in the database. */
export type Reason = Trouble & {
  readonly detail: string;
  /** ISO 8601. */
  readonly since: string;
  /** A person let it pass: it holds nothing, until it is over and comes again, or turns out to be another. */
  readonly released: { readonly at: string; readonly by: string; readonly why: string } | null;
};

export type Trouble =
  /**
   * Chains part above `common`. `wentBackTo`: so far ours did after a person had let that pass. `isUnasked`: the
   * witness isn't set where the chain is followed now.
   */
  | (Parting & {
      readonly kind: 'witness';
      readonly witness: string;
      readonly ours: number;
      readonly theirs: number;
      readonly wentBackTo?: number;
      readonly isUnasked?: true;
    })
  /**
   * The chain went back to `common`, over `depth` blocks; `latest`: where to last, where that lies higher. `limit`:
   * what was too deep then; reasons of earlier versions have none.
   */
  | {
      readonly kind: 'rollback';
      readonly common: number;
      readonly depth: number;
      readonly limit?: number;
      readonly latest?: number;
    }
  /** Last too thin in the window that ends with `slot`. */
  | {
      readonly kind: 'density';
      readonly slot: number;
      readonly blocks: number;
      readonly least: number;
    }
  /** A term has begun, and its witnesses have yet to say what they think of our chain. */
  | { readonly kind: 'unheard' };

export const REASON_KINDS = ['witness', 'rollback', 'density'] as const;

/** Something is wrong, and somebody is to know: every term with witnesses begins unheard. */
export const isAlarm = (reason: Reason): boolean =>
  reason.released === null && reason.kind !== 'unheard';

export const holds = (reasons: readonly Reason[]): boolean =>
  reasons.some((reason) => reason.released === null);

/** The same trouble goes on, whatever its figures are now. */
export const isSame = (one: Trouble, other: Trouble): boolean =>
  one.kind === 'witness' && other.kind === 'witness'
    ? one.witness === other.witness
    : one.kind === other.kind;

/**
 * With that trouble: the same one keeps its time and its release. A rollback is news each time, but forgets
 * nothing of one that still holds; and a person let one fork pass, or saw it, not the next one.
 */
export function withTrouble(
  reasons: readonly Reason[],
  trouble: Trouble,
  at: string,
): readonly Reason[] {
  const before = reasons.find((reason) => isSame(reason, trouble));
  if (before === undefined) return [...reasons, begun(trouble, at)];
  const next = isAnother(before, trouble)
    ? begun(before.released === null ? joined(before, trouble) : trouble, at)
    : { ...begun(joined(before, trouble), before.since), released: before.released };
  return reasons.map((reason) => (reason === before ? next : reason));
}

const begun = (trouble: Trouble, since: string): Reason => ({
  ...trouble,
  detail: describeTrouble(trouble),
  since,
  released: null,
});

/** Nobody who let the one pass has said anything of the other. */
function isAnother(before: Trouble, trouble: Trouble): boolean {
  if (before.kind === 'witness' && trouble.kind === 'witness') return !mayBeSame(before, trouble);
  return trouble.kind === 'rollback';
}

function joined(before: Trouble, trouble: Trouble): Trouble {
  if (before.kind === 'rollback' && trouble.kind === 'rollback') {
    return joinedRollbacks(before, trouble);
  }
  if (before.kind !== 'witness' || trouble.kind !== 'witness' || isAnother(before, trouble)) {
    return trouble;
  }
  const { kind, witness } = trouble;
  const parting = narrowed(before, trouble);
  const below = trouble.common - parting.common;
  const ours = trouble.ours + below;
  const theirs = trouble.theirs + below;
  const { wentBackTo } = before;
  const whole = { kind, witness, ...parting, ours, theirs };
  return wentBackTo === undefined ? whole : { ...whole, wentBackTo };
}

type Rollback = Extract<Trouble, { kind: 'rollback' }>;

/** Two rollbacks are one from the highest block that either took back to the lowest that either went to. */
function joinedRollbacks(before: Rollback, trouble: Rollback): Rollback {
  const common = Math.min(before.common, trouble.common);
  const top = Math.max(before.common + before.depth, trouble.common + trouble.depth);
  const limits = [before.limit, trouble.limit].filter((one) => typeof one === 'number');
  return {
    kind: 'rollback',
    common,
    depth: top - common,
    ...(limits.length > 0 ? { limit: Math.max(...limits) } : {}),
    ...(trouble.common > common ? { latest: trouble.common } : {}),
  };
}

/** The same, each split saying whether its witness can still say otherwise. */
export const withWitnesses = (
  reasons: readonly Reason[],
  isAsked: (witness: string) => boolean,
): readonly Reason[] =>
  reasons.map((reason) => {
    if (reason.kind !== 'witness') return reason;
    const { isUnasked = false, ...asked } = reason;
    if (isUnasked === !isAsked(reason.witness)) return reason;
    const next: Reason = isUnasked ? asked : { ...asked, isUnasked: true };
    return { ...next, detail: describeTrouble(next) };
  });

/**
 * Our chain went back to that height. Whoever let a split pass vouched for our blocks above it: where these
 * are gone it holds again, until the witness vouches for what came instead.
 */
export const afterGoingBack = (
  reasons: readonly Reason[],
  height: number,
  at: string,
): readonly Reason[] =>
  reasons.map((reason) => {
    if (reason.kind !== 'witness' || reason.released === null) return reason;
    if (height > highest(reason)) return reason;
    const { kind, witness } = reason;
    const common = Math.min(reason.common, height);
    const theirs = reason.theirs + reason.common - common;
    return begun({ kind, witness, common, ours: 0, theirs, wentBackTo: height }, at);
  });

const UNASKED =
  '; the witness that disagreed is not configured where the chain is followed now: this stays until it is and ' +
  'agrees, until all that are configured agree, or until a person lets it pass';

function describeTrouble(trouble: Trouble): string {
  switch (trouble.kind) {
    case 'witness':
      return (
        `${trouble.witness} follows another chain: above ${describeParting(trouble)} ` +
        `there are ${trouble.ours} blocks of ours and ${trouble.theirs} of theirs` +
        (trouble.wentBackTo === undefined
          ? ''
          : `; ours went back to ${describeParting({ common: trouble.wentBackTo })} after it was let pass`) +
        (trouble.isUnasked === true ? UNASKED : '')
      );
    case 'rollback':
      return (
        `the chain went back ${trouble.depth} blocks, to block ${trouble.common}` +
        (trouble.latest === undefined ? '' : `, and again to block ${trouble.latest}`)
      );
    case 'density':
      return (
        `${trouble.blocks} blocks in the window up to slot ${trouble.slot}, ` +
        `where a healthy chain has at least ${trouble.least}`
      );
    case 'unheard':
      return 'a leader has just begun, and waits for what its witnesses say of our chain';
  }
}
