import type { GuardRow } from '../guard/guard-queries.js';
import type { Reason } from '../guard/reasons.js';

/** What `/status` and `teller guard` say of the chain; null is what couldn't be read. */
export function tellGuard(guard: GuardRow | null) {
  if (guard === null) return null;
  return {
    held: guard.heldAt !== null,
    since: guard.heldAt?.toISOString() ?? null,
    reasons: guard.reasons.map(showReason),
    witnesses: guard.witnesses,
    /** Why thin hours aren't told; null where they are, or needn't be. */
    densityUnknown: guard.densityUnknown,
    lastRelease:
      guard.releasedAt === null
        ? null
        : { at: guard.releasedAt.toISOString(), by: guard.releasedBy },
  };
}

export type GuardView = ReturnType<typeof tellGuard>;

const showReason = (reason: Reason) => ({
  kind: reason.kind,
  witness: reason.kind === 'witness' ? reason.witness : null,
  detail: reason.detail,
  since: reason.since,
  /** Who let it pass: then it holds nothing. */
  released: reason.released,
});
