/** A transaction's fee on its payouts: equal parts that add up, the first ones bear what is left over. */
export function shareFee(fee: bigint, payouts: number): bigint[] {
  if (payouts === 0) return [];
  const count = BigInt(payouts);
  const rest = Number(fee % count);
  return Array.from({ length: payouts }, (_, i) => fee / count + (i < rest ? 1n : 0n));
}

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
