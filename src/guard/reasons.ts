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
  /** The chain went back to `common`, over `depth` blocks. */
  | { readonly kind: 'rollback'; readonly common: number; readonly depth: number }
  /** Last too thin in the window that ends with `slot`. */
  | {
      readonly kind: 'density';
      readonly slot: number;
      readonly blocks: number;
      readonly least: number;
    };

export const REASON_KINDS = ['witness', 'rollback', 'density'] as const;

export const holds = (reasons: readonly Reason[]): boolean =>
  reasons.some((reason) => reason.released === null);

/** The same trouble goes on, whatever its figures are now. */
export const isSame = (one: Trouble, other: Trouble): boolean =>
  one.kind === 'witness' && other.kind === 'witness'
    ? one.witness === other.witness
    : one.kind === other.kind;

/** With that trouble: the same one keeps its time and its release, but a rollback is news each time. */
export function withTrouble(
  reasons: readonly Reason[],
  trouble: Trouble,
  at: string,
): readonly Reason[] {
  const before = reasons.find((reason) => isSame(reason, trouble));
  const goesOn = before !== undefined && trouble.kind !== 'rollback';
  const unsettled = before !== undefined && before.released === null;
  const next: Reason = {
    ...trouble,
    detail: describeTrouble(trouble),
    since: goesOn || unsettled ? before.since : at,
    released: goesOn ? before.released : null,
  };
  return before === undefined
    ? [...reasons, next]
    : reasons.map((reason) => (reason === before ? next : reason));
}

function describeTrouble(trouble: Trouble): string {
  switch (trouble.kind) {
    case 'witness':
      return (
        `${trouble.witness} follows another chain: above block ${trouble.common} ` +
        `there are ${trouble.ours} blocks of ours and ${trouble.theirs} of theirs`
      );
    case 'rollback':
      return `the chain went back ${trouble.depth} blocks, to block ${trouble.common}`;
    case 'density':
      return (
        `${trouble.blocks} blocks in the window up to slot ${trouble.slot}, ` +
        `where a healthy chain has at least ${trouble.least}`
      );
  }
}
