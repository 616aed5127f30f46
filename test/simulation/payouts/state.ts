import { Secret } from '../../../src/config.js';
import { createRandom, type Random } from '../../../src/devnet/random.js';
import type { Refusal } from '../../../src/devnet/refusal.js';
import type { PayoutRequest } from '../../../src/payouts/accepting/request.js';
import type { PayoutPolicy } from '../../../src/payouts/model/policy.js';
import type { PaymentRecord } from '../books.js';
import { NETWORK } from '../network.js';
import type { PayoutRecord } from './invariants.js';
import type { Snapshot } from './restore.js';
import { drawWallet, type HotWallet } from './wallet.js';

const ADA = 1_000_000n;

/** k of these worlds: their chains never fork deeper than this below what was once the tip. */
export const SECURITY_PARAMETER = 14;
export const CONFIRMATIONS = 3;
/** Slots, at some twenty a block: short enough to pass often. */
export const VALIDITY_SECONDS = 160;

/** A person who appears when all faults are over. */
export const OPERATOR = 'operator';

export type Row = Readonly<Record<string, unknown>>;

/** What another hand made of a payout, until a person puts it right. */
export type Alteration = {
  readonly what: string;
  readonly id: string;
  /** Its row as it was, and as the hand left it; null where there was none. */
  readonly old: Row | null;
  readonly row: Row;
  /** The same as books are looked at. */
  readonly before: PayoutRecord | undefined;
  readonly after: PayoutRecord | undefined;
  /** How many transactions had been signed for it. */
  readonly signed: number;
};

/** What somebody asked for, and was told. */
export type Asked = { readonly request: PayoutRequest; accepted: boolean };

/** What a world with payouts has besides. */
export type PayoutWorld = {
  readonly wallet: HotWallet;
  readonly policy: PayoutPolicy;
  readonly payers: readonly string[];
  readonly clients: readonly string[];
  readonly asked: Map<string, Asked>;
  readonly destinations: Set<string>;
  /** How this world's backups are made; `copy` is by other means than the product's. */
  readonly restoredFrom: 'copy' | 'all' | 'critical';
  /** How often the database was restored from a copy: a part of its identity. */
  generation: number;
  /** Where the product's backups lie; null until there is one. */
  backupDirectory: string | null;
  /** Headers below this height are gone. */
  prunedBelow: number;
  /** What the last restore left out and its job gives back; null where nothing is missing. */
  filling: { readonly jobId: string; readonly leftOut: readonly PaymentRecord[] } | null;
  payerLock: string | null;
  /** Chance of the hand that changes payouts, and what it changed last; null where all are as they were asked for. */
  readonly hand: Random;
  altered: Alteration | null;
  snapshot: Snapshot | null;
  /** The highest that the chain ever was. */
  highest: number;
  /** All that was ever submitted: whoever relayed it may send it again, at any time. */
  readonly relayed: Uint8Array[];
  /** What the devnet refused of what was submitted: for looking at, not for checking. */
  readonly refusals: Refusal[];
};

export function createPayoutWorld(random: Random, seed: number): PayoutWorld {
  const wallet = drawWallet(random);
  return {
    wallet,
    policy: {
      network: NETWORK,
      hotWalletAddress: wallet.address,
      destinations: null,
      approvalAboveLovelace: random.pick([null, 30n * ADA]),
      dailyLimitLovelace: null,
      fees: random.pick(['treasury', 'user']),
      idSecret: new Secret('a secret that every seed shares'),
    },
    payers: ['payer-1', 'payer-2'],
    clients: ['client-1', 'client-2'],
    asked: new Map(),
    destinations: new Set(),
    restoredFrom: seed % 2 === 0 ? 'critical' : seed % 4 === 3 ? 'all' : 'copy',
    generation: 1,
    backupDirectory: null,
    prunedBelow: Number.NEGATIVE_INFINITY,
    filling: null,
    payerLock: null,
    hand: createRandom(`other hand ${seed}`),
    altered: null,
    snapshot: null,
    highest: 0,
    relayed: [],
    refusals: [],
  };
}
