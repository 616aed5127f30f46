import type { AddressKind } from './address.js';
import { makeAddress, makeStakeAddress } from './address.js';
import type { TransactionDraft } from './draft.js';
import type { Ledger } from './ledger.js';
import { makeMetadata } from './metadata.js';
import type { Random } from './random.js';
import type { Assets, DevnetTransaction, DraftOutput, Extras, Reference } from './transaction.js';
import { effectOf } from './transaction.js';

export type ContentOptions = {
  /** Transactions in a random block; default 0 to 12. */
  readonly transactions?: { readonly least: number; readonly most: number };
  /** Addresses that random content pays and spends from; more can be watched at any time. */
  readonly watched?: readonly string[];
  /** How likely an output goes to a watched address; default 0.1. */
  readonly watchedShare?: number;
  /** How likely a random transaction's script fails; default 0.05. */
  readonly failedShare?: number;
  /** How likely a rolled-back transaction is in the next block; default 0.7. */
  readonly comeBackShare?: number;
};

/** Random content of blocks, like a public chain's and worse; see `metadata.ts` for the worst. */
export type ContentSource = {
  readonly watch: (addresses: readonly string[]) => void;
  readonly transactionCount: () => number;
  readonly comesBack: () => boolean;
  /** @param inBlock what the block has so far: it may be spent at once */
  readonly draft: (
    ledger: Ledger,
    inBlock: readonly DevnetTransaction[],
    slot: number,
    era: string,
  ) => TransactionDraft;
  /** A transaction whose metadata alone takes this many bytes. */
  readonly filler: (bytes: number) => TransactionDraft;
};

const ADA = 1_000_000n;
const ACTORS = 40;
const ACTOR_KINDS: readonly AddressKind[] = [
  'base',
  'base',
  'base',
  'enterprise',
  'enterprise',
  'script',
  'base-script',
  'base-stake-script',
  'pointer',
  'byron',
];
/** The most that one output can hold of an asset whose whole supply was minted at once. */
const MINT_MAX = 2n ** 63n - 1n;

/** Empty, plain, NUL bytes, not UTF-8, CIP-68, as long as it gets. */
const NAMES = ['', '546f6b656e', '00000000', 'ff80c3fe', '000de1404e4654', 'e2'.repeat(32)];

export function createContent(
  random: Random,
  networkMagic: number,
  options: ContentOptions = {},
): ContentSource {
  const watched: string[] = [];
  // Tens of thousands may be watched: asking the list would take their square.
  const players = new Set<string>();
  const count = options.transactions ?? { least: 0, most: 12 };
  const actors = Array.from({ length: ACTORS }, () =>
    makeAddress(random.pick(ACTOR_KINDS), networkMagic, random.bytes(28), random.bytes(28)),
  );
  const policies = Array.from({ length: 6 }, () => random.hex(28));
  const stake = makeStakeAddress(networkMagic, random.bytes(28));
  const payee = (): string =>
    watched.length > 0 && random.chance(options.watchedShare ?? 0.1)
      ? random.pick(watched)
      : random.pick(actors);
  const watch = (addresses: readonly string[]): void => {
    for (const address of addresses) {
      if (players.has(address)) continue;
      players.add(address);
      watched.push(address);
    }
  };
  for (const actor of actors) players.add(actor);
  watch(options.watched ?? []);
  const traits: Traits = { random, payee, actors, watched, players, policies, stake };
  return {
    watch,
    transactionCount: () => random.between(count.least, count.most),
    comesBack: () => random.chance(options.comeBackShare ?? 0.7),
    draft: (ledger, inBlock, slot, era) => {
      if (era === 'byron') return { pay: makeOutputs(traits, undefined, false) };
      const spend = chooseInputs(traits, ledger, inBlock);
      const budget = spend.reduce((sum, one) => sum + (ledger.utxo.get(one)?.lovelace ?? 0n), 0n);
      const rich = budget >= 20n * ADA;
      const failed = random.chance(options.failedShare ?? 0.05);
      return {
        pay: makeOutputs(traits, rich ? budget - 10n * ADA : undefined, true),
        ...(rich ? { spend, change: random.pick(actors) } : {}),
        ...(failed ? { failed } : {}),
        ...(random.chance(0.1) ? { burn: everything(ledger, spend) } : {}),
        ...(failed || random.chance(0.1) ? collateral(traits, ledger) : {}),
        ...(random.chance(0.03)
          ? { withdrawals: new Map([[stake, random.bigBelow(50n * ADA)]]) }
          : {}),
        extras: makeExtras(traits, ledger, slot, failed),
      };
    },
    filler: (bytes) => ({
      pay: [{ address: payee(), lovelace: 2n * ADA }],
      extras: { metadata: fillerMetadata(random, bytes) },
    }),
  };
}

type Traits = {
  readonly random: Random;
  readonly payee: () => string;
  readonly actors: readonly string[];
  readonly watched: readonly string[];
  /** Actors and watched addresses: all but the devnet's own. */
  readonly players: ReadonlySet<string>;
  readonly policies: readonly string[];
  readonly stake: string;
};

/** Sweeps of watched addresses, chains within the block, actors that pay; none is the faucet's turn. */
function chooseInputs(
  { random, actors, watched, players }: Traits,
  ledger: Ledger,
  inBlock: readonly DevnetTransaction[],
): Reference[] {
  const last = inBlock.at(-1);
  if (last !== undefined && random.chance(0.25)) {
    // The faucet's change stays the faucet's: spent here it would dry up.
    const theirs = ({ address }: DraftOutput) => players.has(address);
    const fresh = effectOf(last).created.filter(([, output]) => theirs(output));
    return fresh.flatMap(([one]) => (ledger.utxo.has(one) ? [one] : [])).slice(0, 2);
  }
  if (watched.length > 0 && random.chance(0.15)) return oldest(ledger, random.pick(watched), 4);
  return random.chance(0.7) ? oldest(ledger, random.pick(actors), random.between(1, 3)) : [];
}

/** All assets that these outputs hold: what isn't paid to somebody is burnt. */
function everything(ledger: Ledger, spend: readonly Reference[]): Assets {
  const held = new Map<string, bigint>();
  for (const reference of spend) {
    for (const [unit, n] of ledger.utxo.get(reference)?.assets ?? []) {
      held.set(unit, (held.get(unit) ?? 0n) + n);
    }
  }
  return held;
}

function oldest(ledger: Ledger, address: string, most: number): Reference[] {
  const found: Reference[] = [];
  for (const reference of ledger.at(address)) {
    if (found.length === most) break;
    found.push(reference);
  }
  return found;
}

/** @param budget lovelace to spend at most; undefined where the faucet pays */
function makeOutputs(traits: Traits, budget: bigint | undefined, shelley: boolean): DraftOutput[] {
  const { random } = traits;
  const wanted = random.chance(0.03) ? random.between(30, 90) : random.between(1, 6);
  const outputs: DraftOutput[] = [];
  let left = budget;
  for (let i = 0; i < wanted && (left === undefined || left > 2n * ADA); i += 1) {
    const amount = 2n * ADA + random.bigBelow(10n ** BigInt(random.between(1, 11)));
    const lovelace = left === undefined || amount < left ? amount : left;
    if (left !== undefined) left -= lovelace;
    outputs.push({ address: traits.payee(), lovelace, ...(shelley ? makeBurden(traits) : {}) });
  }
  const first = outputs[0];
  // One transaction may pay one address in several outputs.
  if (first !== undefined && left === undefined && random.chance(0.1)) outputs.push(first);
  return outputs;
}

function makeBurden({ random, policies }: Traits): Partial<DraftOutput> {
  return {
    ...(random.chance(0.15) ? { assets: makeAssets(random, policies) } : {}),
    ...makeDatum(random),
    ...(random.chance(0.02) ? { script: { language: 'plutus:v3', cbor: '46010000222601' } } : {}),
  };
}

/** By hash or inline, never both. */
function makeDatum(random: Random): Pick<DraftOutput, 'datum' | 'datumHash'> {
  if (random.chance(0.05)) return { datumHash: random.hex(32) };
  return random.chance(0.05) ? { datum: `d8799f5820${random.hex(32)}ff` } : {};
}

function makeAssets(random: Random, policies: readonly string[]): Assets {
  const assets = new Map<string, bigint>();
  const kinds = random.chance(0.02) ? random.between(50, 200) : random.between(1, 4);
  for (let i = 0; i < kinds; i += 1) {
    const policy = random.pick(policies);
    if (random.chance(0.2))
      assets.set(`${policy}${random.hex(12)}`, MINT_MAX - random.bigBelow(9n));
    else assets.set(`${policy}${random.pick(NAMES)}`, 1n + random.bigBelow(10n ** 9n));
  }
  return assets;
}

/** Put up by failed and good scripts alike; only the failed ones lose it, and only theirs returns. */
function collateral(
  { random, actors, payee }: Traits,
  ledger: Ledger,
): Pick<TransactionDraft, 'collaterals' | 'collateralReturn'> {
  const collaterals = oldest(ledger, random.pick(actors), random.between(1, 2));
  const collateralReturn = random.chance(0.2) ? false : payee();
  return collaterals.length === 0 ? {} : { collaterals, collateralReturn };
}

function makeExtras(traits: Traits, ledger: Ledger, slot: number, failed: boolean): Extras {
  const { random, actors, policies } = traits;
  const far = random.chance(0.1);
  return {
    ...(random.chance(0.3) ? { metadata: makeMetadata(random) } : {}),
    ...(random.chance(0.1) ? { references: oldest(ledger, random.pick(actors), 1) } : {}),
    ...(random.chance(0.4)
      ? {
          validityInterval: {
            ...(random.chance(0.3) ? { invalidBefore: BigInt(Math.max(0, slot - 600)) } : {}),
            invalidAfter: far ? 6_666_666_666_666n : BigInt(slot + 7200),
          },
        }
      : {}),
    ...(random.chance(0.05) ? { certificates: [delegation(random)] } : {}),
    ...(failed ? failedScript(random, random.pick(policies)) : {}),
  };
}

const delegation = (random: Random) => ({
  type: 'stakeCredentialRegistration',
  from: 'verificationKey',
  credential: random.hex(28),
});

const failedScript = (random: Random, hash: string): Extras => ({
  scripts: { [hash]: { language: 'plutus:v2', cbor: '46010000222601' } },
  redeemers: [
    {
      redeemer: '187b',
      executionUnits: { memory: random.below(1_000_000), cpu: random.below(1_000_000_000) },
      validator: { index: 0, purpose: 'spend' },
    },
  ],
});

/** Strings of 64 bytes, the longest that metadata allows. */
function fillerMetadata(random: Random, bytes: number) {
  const json = Array.from({ length: Math.ceil(bytes / 67) }, () => random.hex(32));
  return { hash: random.hex(32), labels: { '0': { json } } };
}
