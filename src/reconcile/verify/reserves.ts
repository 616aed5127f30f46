import type { UnitBooks } from './books-queries.js';

/** Proof of reserves of one unit, as the books have it; amounts as decimal strings. */
export type Reserve = {
  readonly unit: string;
  /** All that users have, in every bucket, less what those below zero owe. */
  readonly users: string;
  /** What payments, payouts and entries by hand make of that. */
  readonly byPaymentsAndPayouts: string;
  readonly agrees: boolean;
  /** Of what users have: left the wallet in a block that isn't deep enough yet. */
  readonly inFlight: string;
  /** What users above zero have less what is in flight: what others owe pays none of it. */
  readonly owed: string;
  readonly owedByUsers: string;
  readonly deposits: string;
  readonly hotWallet: string;
  /** What the wallets hold beyond what is owed. Below zero where money is elsewhere, or is lacking. */
  readonly treasury: string;
  readonly shortfall: boolean;
};

/** In how many units the wallets hold less than users are owed. */
export type Shortfall = {
  readonly units: number;
  /** How much of that is ada; null where an amount isn't a finite number. */
  readonly lovelace: string | null;
};

/**
 * Lovelace first, then what is short, owed by users or disagrees, before all that anybody may send here. What isn't a finite number
 * is shown as it is, and agrees with nothing.
 */
export function reservesOf(
  books: readonly UnitBooks[],
  debts: ReadonlyMap<string, string>,
): Reserve[] {
  const reserves = books.map((unit) => {
    const { total, deposits, hotWallet, inFlight } = unit;
    const made = add(unit.expected, unit.manual);
    const owedByUsers = debts.get(unit.unit) ?? '0';
    const owed = add(subtract(total, inFlight), owedByUsers);
    const treasury = subtract(add(deposits, hotWallet), owed);
    return {
      unit: unit.unit,
      users: total,
      byPaymentsAndPayouts: made,
      agrees: WHOLE.test(total) && total === made,
      inFlight,
      owed,
      owedByUsers,
      deposits,
      hotWallet,
      treasury,
      shortfall: treasury.startsWith('-') || !WHOLE.test(treasury),
    };
  });
  return reserves.toSorted(inOrder);
}

export function shortfallOf(reserves: readonly Reserve[]): Shortfall {
  const short = reserves.filter((one) => one.shortfall);
  const { treasury } = short.find(isAda) ?? { treasury: '0' };
  const lovelace = WHOLE.test(treasury) ? subtract('0', treasury) : null;
  return { units: short.length, lovelace };
}

/** Of all the units that there are, those to look at first. */
export const isTelling = (one: Reserve): boolean =>
  isAda(one) || one.shortfall || !one.agrees || one.owedByUsers !== '0';

const isAda = ({ unit }: Reserve): boolean => unit === 'lovelace';
const WHOLE = /^-?\d+$/;
const NOT_A_NUMBER = 'NaN';
const add = (a: string, b: string): string =>
  WHOLE.test(a) && WHOLE.test(b) ? (BigInt(a) + BigInt(b)).toString() : NOT_A_NUMBER;
const subtract = (a: string, b: string): string =>
  WHOLE.test(a) && WHOLE.test(b) ? (BigInt(a) - BigInt(b)).toString() : NOT_A_NUMBER;

const rank = (one: Reserve): number => {
  if (isAda(one)) return 0;
  return isTelling(one) ? 1 : 2;
};
const inOrder = (a: Reserve, b: Reserve): number => rank(a) - rank(b) || (a.unit < b.unit ? -1 : 1);
