/** A transaction's fee on its payouts: equal parts that add up, the first ones bear what is left over. */
export function shareFee(fee: bigint, payouts: number): bigint[] {
  if (payouts === 0) return [];
  const count = BigInt(payouts);
  const rest = Number(fee % count);
  return Array.from({ length: payouts }, (_, i) => fee / count + (i < rest ? 1n : 0n));
}
