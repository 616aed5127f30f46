import { encode, Token, Type } from 'cborg';
import { addressBytes, addressText } from './address-bytes.js';
import { bytesOf, entriesOf, fieldsOf, hexOf, integerOf, listOf } from './body-fields.js';
import type { CborItem } from './cbor-tree.js';
import { readCbor } from './cbor-tree.js';
import type { Assets, DraftOutput, Json, Reference } from './transaction.js';

/** An output of a transaction's body: a list up to Alonzo, a map or a list since Babbage. */
export function readOutput(item: CborItem): DraftOutput {
  if (item.kind === 'list') {
    const [address, value, datumHash] = item.items;
    return {
      ...readPayment(address, value),
      ...(datumHash === undefined ? {} : { datumHash: hexOf(datumHash, 'datum hash', 32) }),
    };
  }
  const fields = fieldsOf(item, 'output');
  return {
    ...readPayment(fields.get(0), fields.get(1)),
    ...readDatum(fields.get(2)),
    ...readScript(fields.get(3)),
  };
}

/** Bytes that an output's value takes, which the ledger limits. */
export function valueBytes(item: CborItem): number {
  const value = item.kind === 'list' ? item.items[1] : fieldsOf(item, 'output').get(1);
  return value?.raw.length ?? 0;
}

/** Assets by policy and name as outputs and mints write them. */
export function readAssets(item: CborItem): Assets {
  const assets = new Map<string, bigint>();
  for (const [policy, names] of entriesOf(item, 'assets')) {
    const id = hexOf(policy, 'policy id', 28);
    for (const [name, quantity] of entriesOf(names, 'assets')) {
      const unit = `${id}${hexOf(name, 'asset name')}`;
      assets.set(unit, (assets.get(unit) ?? 0n) + integerOf(quantity, 'quantity'));
    }
  }
  return assets;
}

/** Outputs of the ledger with their references, as the map that a transaction is judged against. */
export function writeUtxo(utxo: Iterable<readonly [Reference, DraftOutput]>): Uint8Array {
  const entries = [...utxo].map(([reference, output]) => {
    const [id = '', index = ''] = reference.split('#');
    return [[Buffer.from(id, 'hex'), Number(index)], writeOutput(output)] as const;
  });
  // In the order of the entries: cborg can't sort keys that are lists, and nobody needs it to.
  return encode(new Map(entries), {
    typeEncoders: { Object: encodeEmbedded },
    mapSorter: () => 0,
  });
}

function readPayment(address: CborItem | undefined, value: CborItem | undefined) {
  const to = addressText(bytesOf(address, 'address'));
  if (value?.kind === 'integer') return { address: to, lovelace: value.value };
  const [lovelace, assets] = listOf(value, 'value');
  if (assets === undefined) throw new SyntaxError('value: assets are missing');
  return {
    address: to,
    lovelace: integerOf(lovelace, 'lovelace'),
    assets: readAssets(assets),
  };
}

function readDatum(item: CborItem | undefined): Pick<DraftOutput, 'datum' | 'datumHash'> {
  if (item === undefined) return {};
  const [kind, content] = listOf(item, 'datum');
  if (integerOf(kind, 'datum') === 0n) return { datumHash: hexOf(content, 'datum hash', 32) };
  return { datum: embedded(content).toString('hex') };
}

const LANGUAGES = ['native', 'plutus:v1', 'plutus:v2', 'plutus:v3', 'plutus:v4'];

function readScript(item: CborItem | undefined): { script?: Json } {
  if (item === undefined) return {};
  const [kind, content] = listOf(readCbor(embedded(item)), 'reference script');
  const language = LANGUAGES[Number(integerOf(kind, 'reference script'))];
  // The devnet's client is told that there is one; native scripts would need their JSON.
  if (language === undefined || language === 'native') {
    throw new SyntaxError('reference script: only Plutus ones are read here');
  }
  return { script: { language, cbor: hexOf(content, 'reference script') } };
}

/** Bytes inside tag 24. */
function embedded(item: CborItem | undefined): Buffer {
  if (item?.kind !== 'tag' || item.tag !== 24) throw new SyntaxError('embedded CBOR is missing');
  return Buffer.from(bytesOf(item.content, 'embedded CBOR'));
}

function writeOutput({ address, lovelace, assets, datum, datumHash, script }: DraftOutput) {
  const fields = new Map<number, unknown>([
    [0, addressBytes(address)],
    [1, assets === undefined || assets.size === 0 ? lovelace : [lovelace, byPolicy(assets)]],
  ]);
  if (datumHash !== undefined) fields.set(2, [0, Buffer.from(datumHash, 'hex')]);
  if (datum !== undefined) fields.set(2, [1, new Embedded(Buffer.from(datum, 'hex'))]);
  const bytes = writeScript(script);
  if (bytes !== undefined) fields.set(3, new Embedded(bytes));
  return fields;
}

function writeScript(script: Json | undefined): Uint8Array | undefined {
  if (typeof script !== 'object' || script === null) return undefined;
  const language = LANGUAGES.indexOf(String(Reflect.get(script, 'language')));
  const cbor = Buffer.from(String(Reflect.get(script, 'cbor')), 'hex');
  return language < 1 ? undefined : encode([language, cbor]);
}

function byPolicy(assets: Assets): Map<Uint8Array, Map<Uint8Array, bigint>> {
  const policies = new Map<string, Map<Uint8Array, bigint>>();
  for (const [unit, quantity] of assets) {
    const policy = unit.slice(0, 56);
    const names = policies.get(policy) ?? new Map<Uint8Array, bigint>();
    policies.set(policy, names.set(Buffer.from(unit.slice(56), 'hex'), quantity));
  }
  return new Map([...policies].map(([policy, names]) => [Buffer.from(policy, 'hex'), names]));
}

class Embedded {
  constructor(readonly bytes: Uint8Array) {}
}

/** cborg knows no tags unless it is told. */
const encodeEmbedded = (value: unknown): Token[] | null =>
  value instanceof Embedded ? [new Token(Type.tag, 24), new Token(Type.bytes, value.bytes)] : null;
