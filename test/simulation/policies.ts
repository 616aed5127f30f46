import { createRandom, type Random } from '../../src/devnet/random.js';
import { type Books, inclusionOf, type PaymentRecord } from './books.js';
import type { World } from './state.js';

export type Policy = {
  readonly tiers: readonly { readonly fromLovelace: bigint; readonly confirmations: number }[];
  readonly minPaymentLovelace: bigint;
};

const ADA = 1_000_000n;

/** What every instance begins with, and goes by where nobody changes its settings. */
export const POLICY: Policy = {
  tiers: [
    { fromLovelace: 0n, confirmations: 3 },
    { fromLovelace: 1_000n * ADA, confirmations: 6 },
    { fromLovelace: 100_000n * ADA, confirmations: 9 },
  ],
  minPaymentLovelace: 3n * ADA,
};

const OTHERS: readonly Policy[] = [
  { tiers: [{ fromLovelace: 0n, confirmations: 2 }], minPaymentLovelace: 0n },
  {
    tiers: [
      { fromLovelace: 0n, confirmations: 4 },
      { fromLovelace: 500n * ADA, confirmations: 8 },
    ],
    minPaymentLovelace: 60n * ADA,
  },
];

/** Settings that an operator changes: instances start again with others, one after the other. */
export type Policies = {
  readonly random: Random;
  readonly used: Set<Policy>;
  /** By which policy an inclusion was booked; what was booked while another hand was at it isn't known. */
  readonly booked: Map<string, Policy>;
  /** What a restore brought isn't what was booked. */
  restores: number;
};

/** In a fifth of the worlds. */
export const createPolicies = (seed: number): Policies | null =>
  seed % 5 === 3
    ? {
        random: createRandom(`policies ${seed}`),
        used: new Set([POLICY]),
        booked: new Map(),
        restores: 0,
      }
    : null;

/** What an instance goes by that starts now. */
export function policyOfStart({ policies, tally }: World, before: Policy): Policy {
  if (policies === null || policies.random.chance(0.4)) return before;
  const drawn = policies.random.pick([POLICY, ...OTHERS]);
  policies.used.add(drawn);
  if (drawn !== before) tally.policyChanges += 1;
  return drawn;
}

/** After a commit to sound books: who booked what is new there, and by which policy. */
export function noteBooked(world: World, actor: string, before: Books | null, now: Books): void {
  const { policies, tally } = world;
  if (policies === null) return;
  if (policies.restores !== tally.restores) policies.booked.clear();
  policies.restores = tally.restores;
  const by = world.instances.find(({ name, beside }) => [name, beside].includes(actor));
  if (by === undefined) return;
  const policy = by.name === actor ? by.policy : by.besidePolicy;
  const known = new Set(before?.payments.filter(isLive).map(inclusionOf));
  for (const row of now.payments.filter(isLive)) {
    const inclusion = inclusionOf(row);
    if (!known.has(inclusion)) policies.booked.set(inclusion, policy);
  }
}

const isLive = ({ status }: PaymentRecord): boolean => status !== 'rolled_back';

/** By which policies a payment may count, and need its depth. */
export type BookedBy = (row: PaymentRecord) => {
  readonly counting: readonly Policy[];
  readonly depth: readonly Policy[];
  /** Healed with others of its block that were booked by another policy. */
  readonly isMixed: boolean;
};

export function bookedAlwaysBy(policy: Policy): BookedBy {
  const only = { counting: [policy], depth: [policy], isMixed: false };
  return () => only;
}

/** @param isMixed whether another hand changed the books, so that what was healed was booked once more */
export function bookedBy(policies: Policies | null, isMixed: boolean): BookedBy {
  if (policies === null || policies.used.size === 1) return bookedAlwaysBy(POLICY);
  const used = [...policies.used];
  return (row) => {
    const by = policies.booked.get(inclusionOf(row));
    if (by === undefined) return { counting: used, depth: used, isMixed: true };
    // What was there before keeps the depth that it needed when it was told of first.
    const depth = isMixed || row.block_hash === null ? used : [by];
    // What counted goes on to count; of what was ignored and lost nobody knows why.
    const isLost = isMixed && isDust(by, asDeposit(row));
    return { counting: isLost ? used : [by], depth, isMixed };
  };
}

type Deposit = { readonly lovelace: bigint; readonly assets: ReadonlyMap<string, bigint> };

export const isDust = ({ minPaymentLovelace }: Policy, { lovelace, assets }: Deposit): boolean =>
  ![...assets.values()].some((quantity) => quantity > 0n) && lovelace < minPaymentLovelace;

const asDeposit = (row: PaymentRecord): Deposit => ({
  lovelace: BigInt(row.amount_lovelace),
  assets: new Map(Object.entries(row.assets).map(([unit, quantity]) => [unit, BigInt(quantity)])),
});
