import { networkId } from './address.js';
import { addressBytes, networkOfAddress } from './address-bytes.js';
import { auxiliaryHash } from './auxiliary-hash.js';
import { ada, renderOutput, renderValue } from './render.js';
import type { SignedTransaction } from './signed-transaction.js';
import type { DraftOutput, Json, Reference } from './transaction.js';

/** Why a transaction isn't taken. */
export type Refusal =
  | { readonly type: 'unreadable'; readonly reason: string }
  /** `all`: not one of its inputs is there, as when it is in a block already. */
  | {
      readonly type: 'unknown_inputs';
      readonly references: readonly Reference[];
      readonly all: boolean;
    }
  /** One of Ogmios' codes; what it says besides has the shape that its schema wants. */
  | { readonly type: 'rule'; readonly code: number; readonly data?: Json };

/** What the rules were applied to. */
export type Case = {
  readonly transaction: SignedTransaction;
  readonly resolved: ReadonlyMap<Reference, DraftOutput>;
  readonly slot: number;
  readonly networkMagic: number;
};

/** Lovelace for each byte of an output, and the bytes that the ledger adds to it (CIP-55). */
const UTXO_COST_PER_BYTE = 4310n;
const UTXO_OVERHEAD_BYTES = 160n;
const VALUE_BYTES_MAX = 5000;

/** Translates the library's sentence into the code that Ogmios has for the same rule. */
export function refusalOf(reason: string, context: Case): Refusal {
  const rule = RULES.find(({ says }) => says.test(reason));
  if (rule === undefined) {
    return { type: 'rule', code: 3997, data: { error: reason.slice(0, 500) } };
  }
  const data = rule.data(context, reason);
  return { type: 'rule', code: rule.code, ...(data === undefined ? {} : { data }) };
}

type Rule = {
  readonly says: RegExp;
  readonly code: number;
  readonly data: (context: Case, reason: string) => Json | undefined;
};

const RULES: readonly Rule[] = [
  {
    says: /^Invalid verified signatures/,
    code: 3100,
    data: (_, reason) => ({ invalidSignatories: all(reason, /VKeyWitness\("([0-9a-f]{64})"/g) }),
  },
  {
    says: /^Missing key hashes/,
    code: 3101,
    data: (_, reason) => ({ missingSignatories: all(reason, /"([0-9a-f]{56})"/g) }),
  },
  {
    says: /^Missing auxiliary data hash/,
    code: 3105,
    data: ({ transaction }) => ({
      metadata: { hash: auxiliaryHash(transaction.auxiliary ?? new Uint8Array()) },
    }),
  },
  {
    says: /^Missing auxiliary data for/,
    code: 3106,
    data: (_, reason) => ({ metadata: { hash: hashAt(reason, 1) } }),
  },
  {
    says: /^Invalid auxiliary data hash/,
    code: 3107,
    data: (_, reason) => ({
      provided: { hash: hashAt(reason, 2) },
      computed: { hash: hashAt(reason, 1) },
    }),
  },
  { says: /is outside the validity interval/, code: 3118, data: outsideOfInterval },
  { says: /^Transaction size \d+ exceeds/, code: 3119, data: tooLarge },
  { says: /exceed maximum value storage size/, code: 3120, data: oversizedOutputs },
  {
    says: /fee Coin\(\d+\) is less than/,
    code: 3122,
    data: (_, reason) => ({
      minimumRequiredFee: ada(BigInt(/required Coin\((\d+)\)/.exec(reason)?.[1] ?? 0)),
      providedFee: ada(BigInt(/fee Coin\((\d+)\)/.exec(reason)?.[1] ?? 0)),
    }),
  },
  { says: /^Value not conserved/, code: 3123, data: notConserved },
  { says: /^Wrong network address/, code: 3124, data: foreignAddresses },
  {
    says: /^Wrong network id/,
    code: 3124,
    data: ({ networkMagic }) => ({
      expectedNetwork: networkName(networkMagic),
      discriminatedType: 'transaction',
    }),
  },
  { says: /^Transaction outputs are too small/, code: 3125, data: poorOutputs },
  {
    says: /^Transaction with invalid flag/,
    code: 3136,
    data: ({ transaction }) => ({
      declaredSpending: transaction.body.spends,
      mismatchReason: 'no script of it fails',
    }),
  },
];

const all = (reason: string, pattern: RegExp): string[] => [
  ...new Set([...reason.matchAll(pattern)].flatMap(([, found]) => found ?? [])),
];

/** The library names the transaction's id first, then what the sentence is about. */
const hashAt = (reason: string, place: number): string =>
  [...reason.matchAll(/"([0-9a-f]{64})"/g)][place]?.[1] ?? '';

function outsideOfInterval({ transaction, slot }: Case): Json {
  const validityInterval = transaction.body.extras.validityInterval ?? {};
  return { validityInterval, currentSlot: slot };
}

function tooLarge(_: Case, reason: string): Json {
  const [measured = 0, most = 0] = [...reason.matchAll(/size (\d+)/g)].map(([, n]) => Number(n));
  return {
    measuredTransactionSize: { bytes: measured },
    maximumTransactionSize: { bytes: most },
  };
}

function oversizedOutputs({ transaction: { body, outputBytes } }: Case): Json {
  const tooLong = (i: number): boolean => (outputBytes[i]?.value ?? 0) > VALUE_BYTES_MAX;
  return {
    excessivelyLargeOutputs: body.outputs.filter((_, i) => tooLong(i)).map(renderOutput),
  };
}

function notConserved({ transaction: { body }, resolved }: Case): Json {
  const consumed = new Map<string, bigint>();
  const produced = new Map<string, bigint>([['', body.fee]]);
  const add = (side: Map<string, bigint>, { lovelace, assets }: DraftOutput): void => {
    for (const [unit, n] of [['', lovelace] as const, ...(assets ?? [])]) {
      side.set(unit, (side.get(unit) ?? 0n) + n);
    }
  };
  for (const reference of body.inputs) {
    const output = resolved.get(reference);
    if (output !== undefined) add(consumed, output);
  }
  for (const output of body.outputs) add(produced, output);
  for (const lovelace of body.withdrawals.values()) add(consumed, { address: '', lovelace });
  for (const [unit, n] of body.mint) {
    const side = n > 0n ? consumed : produced;
    side.set(unit, (side.get(unit) ?? 0n) + (n > 0n ? n : -n));
  }
  return { valueConsumed: renderAmounts(consumed), valueProduced: renderAmounts(produced) };
}

function renderAmounts(amounts: Map<string, bigint>): Json {
  const lovelace = amounts.get('') ?? 0n;
  return renderValue(lovelace, new Map([...amounts].filter(([unit]) => unit !== '')));
}

function foreignAddresses({ transaction, networkMagic }: Case): Json {
  const { outputs } = transaction.body;
  const foreign = outputs.filter(({ address }) => {
    const named = networkOfAddress(addressBytes(address));
    return named !== undefined && named !== networkId(networkMagic);
  });
  return {
    expectedNetwork: networkName(networkMagic),
    discriminatedType: 'address',
    invalidEntities: foreign.map(({ address }) => address),
  };
}

function poorOutputs({ transaction: { body, outputBytes } }: Case): Json {
  const poor = body.outputs.flatMap((output, i) => {
    const bytes = BigInt(outputBytes[i]?.whole ?? 0);
    const least = (UTXO_OVERHEAD_BYTES + bytes) * UTXO_COST_PER_BYTE;
    return output.lovelace < least
      ? [{ output: renderOutput(output), minimumRequiredValue: ada(least) }]
      : [];
  });
  return { insufficientlyFundedOutputs: poor };
}

const networkName = (networkMagic: number): string =>
  networkId(networkMagic) === 1 ? 'mainnet' : 'testnet';
