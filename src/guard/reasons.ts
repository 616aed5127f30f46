/** Why the chain can't be relied on, as it stands in the database. */
export type Reason = Trouble & {
  readonly detail: string;
  /** ISO 8601. */
  readonly since: string;
  /** A person let it pass: it holds nothing, until it is over and comes again. */
  readonly released: { readonly at: string; readonly by: string; readonly why: string } | null;
};

export type Trouble =
  /** Chains part above `common`. */
  | {
      readonly kind: 'witness';
      readonly witness: string;
      readonly common: number;
      readonly ours: number;
      readonly theirs: number;
    }
  /** The chain went back to `common`, over `depth` blocks; `latest`: where to last, where that lies higher. */
  | {
      readonly kind: 'rollback';
      readonly common: number;
      readonly depth: number;
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
 * nothing of one that still holds.
 */
export function withTrouble(
  reasons: readonly Reason[],
  trouble: Trouble,
  at: string,
): readonly Reason[] {
  const before = reasons.find((reason) => isSame(reason, trouble));
  const goesOn = before !== undefined && trouble.kind !== 'rollback';
  const unsettled = before !== undefined && before.released === null;
  const whole = unsettled ? joined(before, trouble) : trouble;
  const next: Reason = {
    ...whole,
    detail: describeTrouble(whole),
    since: goesOn || unsettled ? before.since : at,
    released: goesOn ? before.released : null,
  };
  return before === undefined
    ? [...reasons, next]
    : reasons.map((reason) => (reason === before ? next : reason));
}

/** Two rollbacks are one from the highest block that either took back to the lowest that either went to. */
function joined(before: Trouble, trouble: Trouble): Trouble {
  if (before.kind !== 'rollback' || trouble.kind !== 'rollback') return trouble;
  const common = Math.min(before.common, trouble.common);
  const top = Math.max(before.common + before.depth, trouble.common + trouble.depth);
  const whole = { kind: 'rollback', common, depth: top - common } as const;
  return trouble.common > common ? { ...whole, latest: trouble.common } : whole;
}

function describeTrouble(trouble: Trouble): string {
  switch (trouble.kind) {
    case 'witness':
      return (
        `${trouble.witness} follows another chain: above block ${trouble.common} ` +
        `there are ${trouble.ours} blocks of ours and ${trouble.theirs} of theirs`
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
