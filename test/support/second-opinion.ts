import { createRequire } from 'node:module';
import type * as Library from '@emurgo/cardano-serialization-lib-nodejs';
import scalus from 'scalus';

/**
 * Two judges that share no code with the library that builds transactions, nor with each other: one reads
 * what was written and counts for itself, the other holds it against the ledger's rules.
 */
export type ResolvedInput = {
  readonly reference: string;
  readonly address: string;
  readonly lovelace: bigint;
  readonly assets: ReadonlyMap<string, bigint>;
};

export type Judgement = { readonly ok: true } | { readonly ok: false; readonly problem: string };

/** What the first judge read. */
export type ReadTransaction = {
  readonly id: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly {
    readonly address: string;
    readonly lovelace: bigint;
    readonly assets: ReadonlyMap<string, bigint>;
    /** The least that the judge would ask of it. */
    readonly minimum: bigint;
  }[];
  readonly fee: bigint;
  readonly invalidHereafter: bigint | null;
  readonly networkId: number | null;
  /** JSON with a schema, by label. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly witnesses: number;
};

// It is CommonJS, and its names are found by its types only.
const csl = createRequire(import.meta.url)(
  '@emurgo/cardano-serialization-lib-nodejs',
) as typeof Library;

const [FEE_PER_BYTE, FEE_CONSTANT, UTXO_COST_PER_BYTE] = [44n, 155_381n, 4_310n];
const TRANSACTION_BYTES_MAX = 16_384;

/** Whether the ledger takes the transaction at `slot`, by mainnet's parameters. */
export function judgeTransaction(
  signedCbor: Uint8Array,
  resolvedInputs: readonly ResolvedInput[],
  slot: number,
): Judgement {
  try {
    const problem =
      problemByCounting(signedCbor, resolvedInputs, slot) ??
      problemByLedger(signedCbor, resolvedInputs, slot);
    return problem === null ? { ok: true } : { ok: false, problem };
  } catch (error) {
    // Its own errors quote megabytes.
    const text = error instanceof Error ? error.message : String(error);
    return { ok: false, problem: `unreadable: ${text.slice(0, 500)}` };
  }
}

export function readBySecondLibrary(signedCbor: Uint8Array): ReadTransaction {
  const transaction = csl.FixedTransaction.from_bytes(signedCbor);
  const body = transaction.body();
  const ttl = body.ttl_bignum();
  const network = body.network_id();
  const read = {
    id: transaction.transaction_hash().to_hex(),
    inputs: listOf(body.inputs()).map(
      (input) => `${input.transaction_id().to_hex()}#${input.index()}`,
    ),
    outputs: listOf(body.outputs()).map(readOutput),
    fee: BigInt(body.fee().to_str()),
    invalidHereafter: ttl === undefined ? null : BigInt(ttl.to_str()),
    networkId: network === undefined ? null : network.kind(),
    metadata: readMetadata(transaction.auxiliary_data()),
    witnesses: transaction.witness_set().vkeys()?.len() ?? 0,
  };
  transaction.free();
  return read;
}

function problemByCounting(
  signedCbor: Uint8Array,
  resolvedInputs: readonly ResolvedInput[],
  slot: number,
): string | null {
  const read = readBySecondLibrary(signedCbor);
  const bytes = signedCbor.length - 1;
  const known = new Map(resolvedInputs.map((input) => [input.reference, input]));
  const spent = read.inputs.flatMap((reference) => known.get(reference) ?? []);
  const poor = read.outputs.findIndex(({ lovelace, minimum }) => lovelace < minimum);
  const problems: [boolean, string][] = [
    [spent.length !== read.inputs.length, 'an input is unknown'],
    [new Set(read.inputs).size !== read.inputs.length, 'an input is spent twice'],
    [bytes > TRANSACTION_BYTES_MAX, `${bytes} bytes are too many`],
    [poor >= 0, `output ${poor} holds too little`],
    [read.fee < FEE_CONSTANT + FEE_PER_BYTE * BigInt(bytes), `the fee ${read.fee} is too low`],
    [(read.invalidHereafter ?? 0n) <= BigInt(slot), 'it has expired, or never would'],
    [!conserves(spent, read), 'more or less comes out than goes in'],
    [!hasWholeAuxiliaryData(signedCbor), "the metadata isn't what the body says"],
    [!isSigned(signedCbor, spent), 'a signature is missing or wrong'],
  ];
  return problems.find(([isProblem]) => isProblem)?.[1] ?? null;
}

/** Every unit that goes in comes out, in outputs or as fee. */
function conserves(spent: readonly ResolvedInput[], { outputs, fee }: ReadTransaction): boolean {
  const balance = new Map<string, bigint>([['lovelace', -fee]]);
  const add = (unit: string, amount: bigint) =>
    balance.set(unit, (balance.get(unit) ?? 0n) + amount);
  for (const { lovelace, assets } of spent) {
    add('lovelace', lovelace);
    for (const [unit, quantity] of assets) add(unit, quantity);
  }
  for (const { lovelace, assets } of outputs) {
    add('lovelace', -lovelace);
    for (const [unit, quantity] of assets) add(unit, -quantity);
  }
  return [...balance.values()].every((rest) => rest === 0n);
}

function hasWholeAuxiliaryData(signedCbor: Uint8Array): boolean {
  const transaction = csl.FixedTransaction.from_bytes(signedCbor);
  const stated = transaction.body().auxiliary_data_hash()?.to_hex();
  const auxiliary = transaction.auxiliary_data();
  return stated === (auxiliary && csl.hash_auxiliary_data(auxiliary).to_hex());
}

/** By every key that an input asks for. */
function isSigned(signedCbor: Uint8Array, spent: readonly ResolvedInput[]): boolean {
  const transaction = csl.FixedTransaction.from_bytes(signedCbor);
  const id = transaction.transaction_hash().to_bytes();
  const witnesses = transaction.witness_set().vkeys();
  const signers = new Set(
    Array.from({ length: witnesses?.len() ?? 0 }, (_, i) => witnesses?.get(i))
      .filter((witness) => witness?.vkey().public_key().verify(id, witness.signature()))
      .map((witness) => witness?.vkey().public_key().hash().to_hex()),
  );
  return spent.every(({ address }) =>
    signers.has(csl.Address.from_bech32(address).payment_cred()?.to_keyhash()?.to_hex()),
  );
}

function problemByLedger(
  signedCbor: Uint8Array,
  resolvedInputs: readonly ResolvedInput[],
  slot: number,
): string | null {
  const slots = new scalus.SlotConfig(0, 0, 1000);
  const emulator = new scalus.Emulator(encodeUtxo(resolvedInputs), slots);
  emulator.setSlot(slot);
  const result = emulator.submitTx(signedCbor);
  return result.isSuccess ? null : `the ledger says: ${(result.error ?? '?').slice(0, 500)}`;
}

/** A map of inputs to outputs; CSL has no such type, so its head is written here. */
function encodeUtxo(resolvedInputs: readonly ResolvedInput[]): Uint8Array {
  const head = Buffer.from([0xb9, resolvedInputs.length >> 8, resolvedInputs.length & 0xff]);
  const entries = resolvedInputs.flatMap(({ reference, address, lovelace, assets }) => {
    const [id = '', index = ''] = reference.split('#');
    const input = csl.TransactionInput.new(csl.TransactionHash.from_hex(id), Number(index));
    const value = csl.Value.new(csl.BigNum.from_str(lovelace.toString()));
    if (assets.size > 0) value.set_multiasset(encodeAssets(assets));
    const output = csl.TransactionOutput.new(csl.Address.from_bech32(address), value);
    return [input.to_bytes(), output.to_bytes()];
  });
  return Buffer.concat([head, ...entries]);
}

function encodeAssets(assets: ReadonlyMap<string, bigint>): Library.MultiAsset {
  const tokens = csl.MultiAsset.new();
  for (const [unit, quantity] of assets) {
    tokens.set_asset(
      csl.ScriptHash.from_hex(unit.slice(0, 56)),
      csl.AssetName.new(Buffer.from(unit.slice(56), 'hex')),
      csl.BigNum.from_str(quantity.toString()),
    );
  }
  return tokens;
}

function readOutput(output: Library.TransactionOutput) {
  const assets = new Map<string, bigint>();
  const tokens = output.amount().multiasset();
  for (const policy of listOf(tokens?.keys())) {
    const names = tokens?.get(policy);
    for (const name of listOf(names?.keys())) {
      const unit = policy.to_hex() + Buffer.from(name.name()).toString('hex');
      assets.set(unit, BigInt(names?.get(name)?.to_str() ?? '0'));
    }
  }
  const cost = csl.DataCost.new_coins_per_byte(csl.BigNum.from_str(UTXO_COST_PER_BYTE.toString()));
  const address = output.address();
  return {
    address: csl.ByronAddress.from_address(address)?.to_base58() ?? address.to_bech32(),
    lovelace: BigInt(output.amount().coin().to_str()),
    assets,
    minimum: BigInt(csl.min_ada_for_output(output, cost).to_str()),
  };
}

function readMetadata(auxiliary: Library.AuxiliaryData | undefined): Record<string, unknown> {
  const metadata = auxiliary?.metadata();
  return Object.fromEntries(
    listOf(metadata?.keys()).map((label) => {
      const content = metadata?.get(label);
      if (content === undefined) return [label.to_str(), null];
      const json = csl.decode_metadatum_to_json_str(content, csl.MetadataJsonSchema.DetailedSchema);
      return [label.to_str(), JSON.parse(json) as unknown];
    }),
  );
}

function listOf<T>(list: { len(): number; get(index: number): T } | undefined): T[] {
  return Array.from({ length: list?.len() ?? 0 }, (_, i) => list?.get(i)).filter(
    (item): item is T => item !== undefined,
  );
}
