import {
  Address,
  AuxiliaryData,
  Credential,
  EnterpriseAddress,
  hash_auxiliary_data as hashAuxiliaryData,
  hash_transaction as hashTransaction,
  make_vkey_witness as makeWitness,
  NetworkId,
  PrivateKey,
  Transaction,
  TransactionBody,
  TransactionHash,
  TransactionInput,
  TransactionInputList,
  TransactionOutput,
  TransactionOutputList,
  TransactionWitnessSet,
  Value,
  VkeywitnessList,
} from '@dcspark/cardano-multiplatform-lib-nodejs';

/** What a test wants of a transaction, right or wrong; nothing is balanced or corrected. */
export type Wish = {
  /** `ID#INDEX`, in the order in which they are written. */
  readonly spend: readonly string[];
  readonly pay: readonly { readonly address: string; readonly lovelace: bigint }[];
  readonly fee?: bigint;
  readonly invalidAfter?: bigint;
  readonly invalidBefore?: bigint;
  /** Auxiliary data, CBOR in hex, and what becomes of them besides being hashed into the body. */
  readonly auxiliary?: string;
  readonly auxiliaryGoes?: 'unhashed' | 'missing' | { readonly insteadOf: string };
  readonly onMainnet?: boolean;
  /** Who signs; the wallet by default. */
  readonly keys?: readonly PrivateKey[];
  /** Signs something else than the body. */
  readonly forged?: boolean;
};

/** A key with its address on a test network, made of a seed. CML's memory is the test process's. */
export function makeWallet(seed: number) {
  const key = PrivateKey.from_normal_bytes(new Uint8Array(32).fill(seed));
  const credential = Credential.new_pub_key(key.to_public().hash());
  const address = EnterpriseAddress.new(0, credential).to_address().to_bech32();
  const keyHash = key.to_public().hash().to_hex();
  return { key, keyHash, address, sign: (wish: Wish) => sign(wish, wish.keys ?? [key]) };
}

function sign(wish: Wish, keys: readonly PrivateKey[]): { id: string; cbor: Buffer } {
  const body = bodyOf(wish);
  const hash = hashTransaction(body);
  const witnesses = TransactionWitnessSet.new();
  const list = VkeywitnessList.new();
  const signed = wish.forged === true ? TransactionHash.from_hex('ab'.repeat(32)) : hash;
  for (const key of keys) list.add(makeWitness(signed, key));
  if (keys.length > 0) witnesses.set_vkeywitnesses(list);
  const transaction = Transaction.new(body, witnesses, true, attached(wish));
  const result = { id: hash.to_hex(), cbor: Buffer.from(transaction.to_cbor_bytes()) };
  for (const one of [body, hash, witnesses, list, transaction]) one.free();
  return result;
}

function bodyOf(wish: Wish): TransactionBody {
  const inputs = TransactionInputList.new();
  for (const reference of wish.spend) {
    const [id = '', index = ''] = reference.split('#');
    inputs.add(TransactionInput.new(TransactionHash.from_hex(id), BigInt(index)));
  }
  const outputs = TransactionOutputList.new();
  for (const { address, lovelace } of wish.pay) {
    outputs.add(
      TransactionOutput.new(Address.from_bech32(address), Value.from_coin(lovelace), undefined),
    );
  }
  const body = TransactionBody.new(inputs, outputs, wish.fee ?? 200_000n);
  if (wish.invalidAfter !== undefined) body.set_ttl(wish.invalidAfter);
  if (wish.invalidBefore !== undefined) body.set_validity_interval_start(wish.invalidBefore);
  if (wish.onMainnet === true) body.set_network_id(NetworkId.mainnet());
  if (wish.auxiliary !== undefined && wish.auxiliaryGoes !== 'unhashed') {
    body.set_auxiliary_data_hash(hashAuxiliaryData(AuxiliaryData.from_cbor_hex(wish.auxiliary)));
  }
  return body;
}

function attached({ auxiliary, auxiliaryGoes }: Wish): AuxiliaryData | undefined {
  if (auxiliary === undefined || auxiliaryGoes === 'missing') return undefined;
  const other = typeof auxiliaryGoes === 'object' ? auxiliaryGoes.insteadOf : auxiliary;
  return AuxiliaryData.from_cbor_hex(other);
}
