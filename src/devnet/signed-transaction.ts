import { addressText } from './address-bytes.js';
import { bytesOf, entriesOf, fieldsOf, hexOf, integerOf, listOf, setOf } from './body-fields.js';
import type { CborItem } from './cbor-tree.js';
import { readCbor } from './cbor-tree.js';
import { isValidMetadata, metadataJson } from './metadatum.js';
import { readAssets, readOutput, valueBytes } from './output-cbor.js';
import type { DevnetTransaction, DraftOutput, Json, Reference } from './transaction.js';
import { referenceOf } from './transaction.js';

/** A transaction as a wallet sends it: Conway, CBOR. All but its id, which who judges it computes. */
export type SignedTransaction = {
  readonly cbor: Uint8Array;
  readonly body: Omit<DevnetTransaction, 'id'>;
  /** Bytes of each output and of its value, as they are written. */
  readonly outputBytes: readonly { readonly whole: number; readonly value: number }[];
  readonly metadataValid: boolean;
  readonly auxiliary?: Uint8Array;
  readonly hasRedeemers: boolean;
};

/** @throws Error where it isn't one; the message says why */
export function readTransaction(cbor: Uint8Array): SignedTransaction {
  const [bodyItem, witnessItem, validItem, auxiliaryItem] = partsOf(readCbor(cbor));
  const fields = fieldsOf(bodyItem, 'body');
  const witnesses = fieldsOf(witnessItem, 'witnesses');
  const outputs = listOf(fields.get(1), 'outputs');
  const auxiliary = auxiliaryItem?.kind === 'simple' ? undefined : auxiliaryItem;
  return {
    cbor,
    body: {
      spends: isTrue(validItem) ? 'inputs' : 'collaterals',
      inputs: referencesOf(fields.get(0), 'inputs'),
      outputs: outputs.map(readOutput),
      collaterals: optional(fields.get(13), (item) => referencesOf(item, 'collaterals')) ?? [],
      ...collateralsOf(fields),
      fee: integerOf(fields.get(2), 'fee'),
      mint: optional(fields.get(9), readAssets) ?? new Map<string, bigint>(),
      withdrawals: optional(fields.get(5), withdrawalsOf) ?? new Map<string, bigint>(),
      extras: extrasOf(fields, auxiliary),
      signed: {
        // The ledger doesn't count the byte that says whether scripts succeeded.
        bytes: cbor.length - 1,
        signatories: signatoriesOf(witnesses.get(0)),
      },
    },
    outputBytes: outputs.map((item) => ({ whole: item.raw.length, value: valueBytes(item) })),
    metadataValid: auxiliary === undefined || isValidMetadata(auxiliary),
    ...(auxiliary === undefined ? {} : { auxiliary: auxiliary.raw }),
    hasRedeemers: witnesses.has(5),
  };
}

function partsOf(item: CborItem): readonly CborItem[] {
  const parts = listOf(item, 'transaction');
  if (parts.length !== 4) throw new SyntaxError('a transaction has four parts');
  return parts;
}

function isTrue(item: CborItem | undefined): boolean {
  if (item?.kind === 'simple' && typeof item.value === 'boolean') return item.value;
  throw new SyntaxError('the third part of a transaction is true or false');
}

const optional = <T>(item: CborItem | undefined, read: (item: CborItem) => T): T | undefined =>
  item === undefined ? undefined : read(item);

/** In the ledger's order, whatever order they were written in: by transaction id, then by index. */
function referencesOf(item: CborItem | undefined, what: string): Reference[] {
  const references = setOf(item, what).map((one) => {
    const [id, index] = listOf(one, what);
    return { id: hexOf(id, what, 32), index: Number(integerOf(index, what)) };
  });
  references.sort((a, b) => (a.id === b.id ? a.index - b.index : a.id < b.id ? -1 : 1));
  return references.map(({ id, index }) => referenceOf(id, index));
}

function collateralsOf(fields: ReadonlyMap<number, CborItem>): {
  collateralReturn?: DraftOutput;
  totalCollateral?: bigint;
} {
  const back = fields.get(16);
  const total = fields.get(17);
  return {
    ...(back === undefined ? {} : { collateralReturn: readOutput(back) }),
    ...(total === undefined ? {} : { totalCollateral: integerOf(total, 'total collateral') }),
  };
}

const withdrawalsOf = (item: CborItem): Map<string, bigint> =>
  new Map(
    entriesOf(item, 'withdrawals').map(([account, lovelace]) => [
      addressText(bytesOf(account, 'reward account', 29)),
      integerOf(lovelace, 'withdrawal'),
    ]),
  );

function extrasOf(
  fields: ReadonlyMap<number, CborItem>,
  auxiliary: CborItem | undefined,
): DevnetTransaction['extras'] {
  const invalidAfter = optional(fields.get(3), (item) => integerOf(item, 'upper bound'));
  const invalidBefore = optional(fields.get(8), (item) => integerOf(item, 'lower bound'));
  const references = optional(fields.get(18), (item) => referencesOf(item, 'references'));
  const network = optional(fields.get(15), (item) => integerOf(item, 'network'));
  const hash = optional(fields.get(7), (item) => hexOf(item, 'metadata hash', 32));
  return {
    ...(references === undefined ? {} : { references }),
    ...(invalidAfter === undefined && invalidBefore === undefined
      ? {}
      : {
          validityInterval: {
            ...(invalidBefore === undefined ? {} : { invalidBefore }),
            ...(invalidAfter === undefined ? {} : { invalidAfter }),
          },
        }),
    ...(network === undefined ? {} : { network: network === 1n ? 'mainnet' : 'testnet' }),
    ...(auxiliary === undefined || hash === undefined
      ? {}
      : { metadata: metadataJson(auxiliary, hash) }),
  };
}

const signatoriesOf = (item: CborItem | undefined): Json[] =>
  item === undefined
    ? []
    : setOf(item, 'signatures').map((one) => {
        const [key, signature] = listOf(one, 'signature');
        return { key: hexOf(key, 'key', 32), signature: hexOf(signature, 'signature', 64) };
      });
