import {
  Address,
  AssetName,
  AuxiliaryData,
  hash_auxiliary_data,
  hash_transaction,
  MultiAsset,
  NetworkId,
  ScriptHash,
  Transaction,
  TransactionBody,
  TransactionHash,
  TransactionInput,
  TransactionInputList,
  TransactionOutput,
  TransactionOutputList,
  TransactionWitnessSet,
  Value,
} from '@dcspark/cardano-multiplatform-lib-nodejs';
import type { AssetUnit, Lovelace } from '../../chain/block.js';
import { type Draft, draftTransaction } from './draft.js';
import { withLibraryObjects } from './library-objects.js';
import { encodePayoutMetadata, indexIn, transactionIdIn } from './metadata.js';
import { addressBytes, POLICY_DIGITS } from './output-size.js';
import type { BuildTransaction, TransactionRequest } from './transaction.js';
import { UNSIGNED_BYTES_SAVED } from './transaction-size.js';

type Own = Parameters<Parameters<typeof withLibraryObjects>[0]>[0];

/**
 * The transaction that a request asks for. Everything about it is decided in draft.ts; here it is
 * written, by the library, and held against what was decided.
 */
export const buildTransaction: BuildTransaction = (request) => {
  const result = draftTransaction(request);
  if (!result.ok) return result;
  const { draft } = result;
  const { id, cbor } = withLibraryObjects((own) => write(own, draft, request));
  const bytes = cbor.length / 2 + UNSIGNED_BYTES_SAVED;
  // The fee was computed from these bytes: a payer that can't count must not pay.
  if (bytes !== draft.bytes) {
    throw new Error(`transaction ${id} has ${bytes} bytes, not the expected ${draft.bytes}`);
  }
  const transaction = {
    id,
    cbor,
    inputs: draft.inputs,
    anchor: draft.anchor.reference,
    payees: draft.payees.map((payee, outputIndex) => ({ ...payee, outputIndex })),
    change: draft.change.map(({ lovelace, assets }, i) => ({
      outputIndex: draft.payees.length + i,
      lovelace,
      assets,
    })),
    fee: draft.fee,
    invalidHereafter: request.invalidHereafter,
    bytes,
  };
  return { ok: true, transaction };
};

/** Payees first, then change: the metadata names payouts by their outputs' order. */
function write(own: Own, draft: Draft, { network, wallet, invalidHereafter }: TransactionRequest) {
  const outputs = own(TransactionOutputList.new());
  const paid = draft.payees.map((payee) => ({ ...payee, to: addressBytes(payee.address) }));
  const walletBytes = addressBytes(wallet);
  const returned = draft.change.map((change) => ({ ...change, to: walletBytes }));
  for (const { to, lovelace, assets } of [...paid, ...returned]) {
    const address = own(Address.from_raw_bytes(to));
    outputs.add(own(TransactionOutput.new(address, own(makeValue(own, lovelace, assets)))));
  }
  const body = own(TransactionBody.new(makeInputs(own, draft), outputs, draft.fee));
  body.set_ttl(BigInt(invalidHereafter));
  body.set_network_id(own(NetworkId.new(BigInt(network.networkId))));
  // Not owned: the transaction below takes it over, and frees it.
  const auxiliary = AuxiliaryData.from_cbor_bytes(metadataOf(draft));
  body.set_auxiliary_data_hash(own(hash_auxiliary_data(auxiliary)));
  const witnesses = own(TransactionWitnessSet.new());
  const transaction = own(Transaction.new(body, witnesses, true, auxiliary));
  return { id: own(hash_transaction(body)).to_hex(), cbor: transaction.to_cbor_hex() };
}

const metadataOf = ({ inputs, anchor, payees }: Draft): Uint8Array =>
  encodePayoutMetadata({
    anchor: inputs.indexOf(anchor),
    payoutIds: payees.map(({ payoutId }) => payoutId),
  });

function makeInputs(own: Own, { inputs }: Draft): TransactionInputList {
  const list = own(TransactionInputList.new());
  for (const { reference } of inputs) {
    const id = own(TransactionHash.from_hex(transactionIdIn(reference)));
    list.add(own(TransactionInput.new(id, BigInt(indexIn(reference)))));
  }
  return list;
}

function makeValue(own: Own, lovelace: Lovelace, assets: ReadonlyMap<AssetUnit, bigint>): Value {
  if (assets.size === 0) return Value.from_coin(lovelace);
  const tokens = own(MultiAsset.new());
  for (const [unit, quantity] of assets) {
    const policy = own(ScriptHash.from_hex(unit.slice(0, POLICY_DIGITS)));
    const name = own(AssetName.from_raw_bytes(Buffer.from(unit.slice(POLICY_DIGITS), 'hex')));
    tokens.set(policy, name, quantity);
  }
  return Value.new(lovelace, tokens);
}
