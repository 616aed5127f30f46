import type { UnitExpected, UnitTotals } from './ledger-queries.js';
import type { Holdings } from './reserve-queries.js';

/** Proof of reserves of one unit, as the books have it; amounts as decimal strings. */
export type Reserve = {
  readonly unit: string;
  /** All that users have, in every bucket. */
  readonly users: string;
  /** What payments, payouts and entries by hand make of that. */
  readonly byPaymentsAndPayouts: string;
  readonly agrees: boolean;
  /** Of what users have: left the wallet in a block that isn't deep enough yet. */
  readonly inFlight: string;
  /** What users have less what is in flight. */
  readonly owed: string;
  readonly deposits: string;
  readonly hotWallet: string;
  /** What the wallets hold beyond what is owed. Below zero where money is elsewhere, or is lacking. */
  readonly treasury: string;
  readonly shortfall: boolean;
};

/** Lovelace first. What isn't a finite number is shown as it is, and agrees with nothing. */
export function reservesOf(
  balances: readonly UnitTotals[],
  expected: readonly UnitExpected[],
  holdings: readonly Holdings[],
): Reserve[] {
  const byUnit = new Map([...balances.map((one) => [one.unit, one] as const)]);
  const expectedOf = new Map(expected.map((one) => [one.unit, one.expected]));
  const holdingsOf = new Map(holdings.map((one) => [one.unit, one]));
  const units = new Set([...byUnit.keys(), ...expectedOf.keys(), ...holdingsOf.keys()]);
  return [...units].sort(inOrder).map((unit) => {
    const { total = '0', manual = '0' } = byUnit.get(unit) ?? {};
    const { deposits = '0', hotWallet = '0', inFlight = '0' } = holdingsOf.get(unit) ?? {};
    const made = add(expectedOf.get(unit) ?? '0', manual);
    const owed = subtract(total, inFlight);
    const treasury = subtract(add(deposits, hotWallet), owed);
    return {
      unit,
      users: total,
      byPaymentsAndPayouts: made,
      agrees: WHOLE.test(total) && total === made,
      inFlight,
      owed,
      deposits,
      hotWallet,
      treasury,
      shortfall: treasury.startsWith('-') || !WHOLE.test(treasury),
    };
  });
}

const WHOLE = /^-?\d+$/;
const NOT_A_NUMBER = 'NaN';
const add = (a: string, b: string): string =>
  WHOLE.test(a) && WHOLE.test(b) ? (BigInt(a) + BigInt(b)).toString() : NOT_A_NUMBER;
const subtract = (a: string, b: string): string =>
  WHOLE.test(a) && WHOLE.test(b) ? (BigInt(a) - BigInt(b)).toString() : NOT_A_NUMBER;

const inOrder = (a: string, b: string): number =>
  Number(a !== 'lovelace') - Number(b !== 'lovelace') || (a < b ? -1 : 1);
