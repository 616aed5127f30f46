import type { BuildResult, UnsignedTransaction, WalletOutput } from '../transaction/transaction.js';
import { describeProblem } from './paying.js';

/** Well below what fits; where tokens make it too many all the same, a group is split. */
const INPUTS_MAX = 60;

export type Sweeps =
  | { readonly transactions: readonly UnsignedTransaction[] }
  | { readonly problem: string };

/**
 * Transactions of the wallet to itself that spend all of these. Small outputs are dealt to large ones,
 * which pay their fees.
 */
export function buildSweeps(
  outputs: readonly WalletOutput[],
  build: (group: readonly WalletOutput[]) => BuildResult,
): Sweeps {
  const groups = Array.from(
    { length: Math.ceil(outputs.length / INPUTS_MAX) },
    () => [] as WalletOutput[],
  );
  const largestFirst = [...outputs].sort((a, b) => (a.lovelace > b.lovelace ? -1 : 1));
  for (const [i, output] of largestFirst.entries()) groups[i % groups.length]?.push(output);
  const transactions: UnsignedTransaction[] = [];
  for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
    const built = build(group);
    if (built.ok) transactions.push(built.transaction);
    else if (built.problem.type === 'too_large' && group.length > 1) groups.push(...halves(group));
    else return { problem: describeProblem(built.problem) };
  }
  return { transactions };
}

const halves = (group: readonly WalletOutput[]): WalletOutput[][] => [
  group.filter((_, i) => i % 2 === 0),
  group.filter((_, i) => i % 2 === 1),
];
