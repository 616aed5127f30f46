import { type Books, inclusionOf, referenceOf } from './books.js';
import type { Check } from './check.js';
import type { Expectation } from './invariants.js';
import { isDust, type Policy } from './policies.js';
import type { ExpectedOutput } from './truth.js';

/** Each counts, and needs the depth, as the policy of whoever booked it says. */
export function checkPayments(
  books: Books,
  deposits: readonly ExpectedOutput[],
  height: number,
  { policies, owners, asksForPast, confirmedBefore, mayBeLate = false }: Expectation,
  check: Check,
): void {
  const together = sums(deposits, owners);
  const rows = new Map(books.payments.map((row) => [referenceOf(row), row]));
  for (const output of deposits) {
    const row = rows.get(output.reference);
    if (row === undefined) continue;
    const user = owners.get(output.address);
    check(
      row.user_id === user,
      `3: ${output.reference} belongs to ${row.user_id}, should to ${user}`,
    );
    const { counting, depth, isMixed } = policies(row);
    const isPast = output.block === null && !asksForPast(output.address);
    const mayCount = !isPast && counting.some((policy) => !isDust(policy, output));
    const mayNot = isPast || counting.some((policy) => isDust(policy, output));
    if (!mayCount || (mayNot && row.status === 'ignored')) {
      check(row.status === 'ignored', `${output.reference} doesn't count and is ${row.status}`);
      continue;
    }
    const depths = isMixed
      ? depth.flatMap(({ tiers }) => tiers.map(({ confirmations }) => confirmations))
      : depth.map((policy) => depthBy(policy, output, together(policy, output)));
    check(
      depths.some((needed) =>
        // What was there before counts together with what its user's others of the same question bring.
        output.block === null
          ? needed <= row.required_confirmations
          : needed === row.required_confirmations,
      ),
      `${output.reference} needs ${row.required_confirmations} confirmations, should ${depths.join()}`,
    );
    const from = output.block?.height ?? output.countedFrom ?? 0;
    const deep = height - from + 1 >= row.required_confirmations;
    // Confirmed once is confirmed until its own block goes.
    const expected = deep || confirmedBefore.has(inclusionOf(row)) ? 'confirmed' : 'pending';
    const isLate = mayBeLate && row.status === 'pending' && !confirmedBefore.has(inclusionOf(row));
    check(
      row.status === expected || isLate,
      `${output.reference} is ${row.status}, should be ${expected}`,
    );
    check(
      (row.confirmed_at !== null) === (row.status === 'confirmed'),
      `${output.reference} is ${row.status} with confirmed_at ${row.confirmed_at}`,
    );
  }
}

/** What a user's counted payments of one block bring together, by the policy. */
function sums(deposits: readonly ExpectedOutput[], owners: Expectation['owners']) {
  const made = new Map<Policy, Map<string, bigint>>();
  const keyOf = (output: ExpectedOutput): string =>
    `${owners.get(output.address)} ${output.block?.id}`;
  const make = (policy: Policy): Map<string, bigint> => {
    const found = new Map<string, bigint>();
    for (const output of deposits) {
      if (isDust(policy, output) || output.block === null) continue;
      found.set(keyOf(output), (found.get(keyOf(output)) ?? 0n) + output.lovelace);
    }
    made.set(policy, found);
    return found;
  };
  return (policy: Policy, output: ExpectedOutput): bigint =>
    (made.get(policy) ?? make(policy)).get(keyOf(output)) ?? output.lovelace;
}

function depthBy({ tiers }: Policy, { assets }: ExpectedOutput, together: bigint): number {
  const hasAssets = [...assets.values()].some((quantity) => quantity > 0n);
  const tier = tiers.filter((one) => hasAssets || one.fromLovelace <= together).at(-1);
  return tier?.confirmations ?? 1;
}
