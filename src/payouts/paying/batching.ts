export type BatchPolicy = {
  /** Payouts in one transaction at most. */
  readonly payoutsMax: number;
  /** How long the first one waits for others. */
  readonly waitMs: number;
};

/** How many of the queue go now, first come first served; 0: more may come. */
export function closeBatch(
  queue: readonly { readonly createdAt: Date }[],
  policy: BatchPolicy,
  now: Date,
): number {
  const [first] = queue;
  if (first === undefined) return 0;
  if (queue.length >= policy.payoutsMax) return policy.payoutsMax;
  return now.getTime() - first.createdAt.getTime() >= policy.waitMs ? queue.length : 0;
}
