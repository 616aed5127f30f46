import type { Registration } from './registration-request.js';

/** One time that an address was registered, as the audit log tells. */
export type AuditedRegistration = {
  readonly id: bigint;
  readonly userId: string | null;
  /** Null where the entry doesn't say it. */
  readonly reference: { readonly type: string | null; readonly id: string | null } | null;
  readonly backfill: boolean;
  /** Height above which it counts; null where whoever registered it didn't write that down. */
  readonly watchedFrom: bigint | null;
};

/** A registration whose row another hand took away: no verb does, so it holds. */
export type FormerRegistration = {
  readonly userId: string;
  readonly reference: AuditedRegistration['reference'];
  readonly backfill: boolean;
  /** Since which entry it is watched. */
  readonly since: bigint;
  readonly watchedFrom: bigint | null;
};

export type Lowering = { readonly id: bigint; readonly height: bigint };

/**
 * The registration that holds. Whose the address is, and its references, the last entry says; from when on it counts the
 * first one of those that gave it to the same user, lowered by rollbacks since.
 *
 * @param entries in their order
 * @param requests ids of entries that asked for the past of the address
 * @returns null where nobody is named
 */
export function formerOf(
  entries: readonly AuditedRegistration[],
  requests: readonly bigint[],
  lowerings: readonly Lowering[],
): FormerRegistration | null {
  const last = entries.at(-1);
  if (last === undefined || last.userId === null) return null;
  const dated = entries.filter(({ watchedFrom }) => watchedFrom !== null);
  const holder = dated.at(-1)?.userId;
  const other = dated.findLastIndex(({ userId }) => userId !== holder);
  const run = dated.length > 0 ? dated.slice(other + 1) : entries;
  const [first = last] = run;
  const heights = [
    ...run.flatMap(({ watchedFrom }) => watchedFrom ?? []),
    ...lowerings.flatMap(({ id, height }) => (id > first.id ? height : [])),
  ];
  return {
    userId: last.userId,
    reference: last.reference,
    backfill: first.backfill || requests.some((id) => id > first.id),
    since: first.id,
    watchedFrom: dated.length === 0 ? null : heights.reduce((a, b) => (a < b ? a : b)),
  };
}

/** Why what is wanted isn't what was registered; undefined where it is, or leaves open what was. */
export function conflictWith(
  wanted: Registration,
  { userId, reference }: FormerRegistration,
): string | undefined {
  if (wanted.userId !== userId) return `${BEFORE}, for another user`;
  const { referenceType, referenceId } = wanted;
  const isOpen = reference === null || (referenceType === null && referenceId === null);
  if (isOpen || (referenceType === reference.type && referenceId === reference.id))
    return undefined;
  return `${BEFORE}, with another reference`;
}
const BEFORE = 'was registered before and is missing from the books';

/** What is said where its past is asked for only now: nobody knows any more which of it was recorded as ignored. */
export const WITHOUT_PAST =
  'was registered before, without backfill: it is watched again, and what it held before stays ignored';

/** As it was registered before; metadata isn't in the audit log. */
export function asBefore(wanted: Registration, former: FormerRegistration): Registration {
  const { reference, backfill } = former;
  return {
    ...wanted,
    referenceType: wanted.referenceType ?? reference?.type ?? null,
    referenceId: wanted.referenceId ?? reference?.id ?? null,
    backfill,
  };
}
