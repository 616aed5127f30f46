import type { Block, ChainEvent, Output, OutputReference, Transaction, Value } from './block.js';
import { NO_ASSETS, outputReference } from './block.js';
import { exactInteger, parseExactJson } from './exact-json.js';
import {
  type Fields,
  fieldsOf,
  hashOf,
  heightOf,
  listOf,
  ProtocolError,
  quantityOf,
  slotOf,
  textOf,
} from './fields.js';
import type { PointOrOrigin, TipOrOrigin } from './point.js';
import { refuseUnknownValue } from './unknown-fields.js';

/** Turns one answer to `nextBlock` into a chain event, exactly, or throws a ProtocolError. */
export type DecodeNextBlock = (frame: string) => ChainEvent;

/**
 * The plain decoder: materialises the whole block. It is the reference for any faster one.
 * Shapes: https://ogmios.dev/api/ (`nextBlock`), versions 6 and 7.
 */
export const decodeNextBlock: DecodeNextBlock = (frame) => {
  let message: unknown;
  try {
    message = parseExactJson(frame);
  } catch {
    throw new ProtocolError('an answer to nextBlock is not JSON', frame);
  }
  const result = fieldsOf(fieldsOf(message, 'the answer').result, 'the result of nextBlock');
  const tip = decodeTip(result.tip);
  switch (result.direction) {
    case 'forward':
      return { type: 'forward', block: decodeBlock(result.block), tip };
    case 'backward':
      return { type: 'backward', point: decodePoint(result.point), tip };
    default:
      throw new ProtocolError('direction must be forward or backward', result.direction);
  }
};

export function decodePoint(value: unknown): PointOrOrigin {
  if (value === 'origin') return 'origin';
  const point = fieldsOf(value, 'a point');
  return { slot: slotOf(point.slot, 'slot'), id: hashOf(point.id, 'id') };
}

export function decodeTip(value: unknown): TipOrOrigin {
  if (value === 'origin') return 'origin';
  const tip = fieldsOf(value, 'the tip');
  return {
    slot: slotOf(tip.slot, "the tip's slot"),
    id: hashOf(tip.id, "the tip's id"),
    height: heightOf(tip.height, "the tip's height"),
  };
}

const BLOCK_FIELDS = new Set(
  'type era id ancestor height slot size transactions issuer protocol nonce delegate operationalCertificates'.split(
    ' ',
  ),
);

const SHARED_TRANSACTION_FIELDS =
  'id inputs references outputs certificates withdrawals credits validityInterval mint network scriptIntegrityHash requiredExtraSignatories requiredExtraScripts guards proposals votes treasury accountBalanceIntervals metadata signatories scripts datums redeemers cbor';
const TRANSACTION_FIELDS = new Set(
  `${SHARED_TRANSACTION_FIELDS} spends collaterals totalCollateral collateralReturn fee subTransactions`.split(
    ' ',
  ),
);
const SUB_TRANSACTION_FIELDS = new Set(`${SHARED_TRANSACTION_FIELDS} topLevelGuards`.split(' '));
export const OUTPUT_FIELDS: ReadonlySet<string> = new Set(
  'address value datumHash datum script'.split(' '),
);

function decodeBlock(value: unknown): Block {
  const block = fieldsOf(value, 'the block');
  refuseUnknownValue(block, BLOCK_FIELDS, 'the block');
  const header = {
    era: textOf(block.era, "the block's era"),
    id: hashOf(block.id, "the block's id"),
    ancestor: textOf(block.ancestor, "the block's ancestor"),
    height: heightOf(block.height, "the block's height"),
  };
  const type = block.type;
  switch (type) {
    case 'ebb':
      if (block.transactions !== undefined) {
        throw new ProtocolError('a boundary block has no transactions', block.transactions);
      }
      return { ...header, type, slot: null, transactions: [] };
    case 'bft':
    case 'praos':
      return {
        ...header,
        type,
        slot: slotOf(block.slot, "the block's slot"),
        transactions: optionalList(block.transactions, 'transactions').flatMap(decodeTransaction),
      };
    default:
      throw new ProtocolError("the block's type must be ebb, bft or praos", type);
  }
}

/** A transaction and, before it, its sub-transactions (Dijkstra), whose effects stand on their own. */
function decodeTransaction(value: unknown): Transaction[] {
  const fields = fieldsOf(value, 'a transaction');
  refuseUnknownValue(fields, TRANSACTION_FIELDS, 'a transaction');
  const id = hashOf(fields.id, "a transaction's id");
  switch (fields.spends) {
    case 'inputs':
      return [
        ...optionalList(fields.subTransactions, 'subTransactions').map(decodeSubTransaction),
        decodeEffects(id, fields),
      ];
    case 'collaterals':
      return [decodeFailedEffects(id, fields)];
    default:
      throw new ProtocolError(`transaction ${id} must spend inputs or collaterals`, fields.spends);
  }
}

function decodeSubTransaction(value: unknown): Transaction {
  const fields = fieldsOf(value, 'a sub-transaction');
  refuseUnknownValue(fields, SUB_TRANSACTION_FIELDS, 'a sub-transaction');
  return decodeEffects(hashOf(fields.id, "a sub-transaction's id"), fields);
}

const decodeEffects = (id: string, fields: Fields): Transaction => ({
  id,
  spends: listOf(fields.inputs, 'inputs').map(decodeReference),
  outputs: optionalList(fields.outputs, 'outputs').map((output, index) =>
    decodeOutput(output, index, id),
  ),
  labels: labelsOf(fields.metadata),
  invalidHereafter: upperBoundOf(fields.validityInterval),
});

/** Anybody's data, and no money moves by it: an odd one is none, and never stops the chain. */
const labelsOf = (metadata: unknown): unknown => (isObject(metadata) ? metadata.labels : undefined);

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

/** Bounds are 64 bits wide: one beyond 2^53 is reached by no chain, which is to have none. */
function upperBoundOf(interval: unknown): number | null {
  const bound = isObject(interval) ? exactInteger(interval.invalidAfter) : undefined;
  return bound !== undefined && bound <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(bound) : null;
}

/**
 * A failed script: the declared outputs do not exist and its sub-transactions didn't happen. What is
 * spent are the collaterals; what exists is the collateral return, indexed behind the declared outputs.
 */
function decodeFailedEffects(id: string, fields: Fields): Transaction {
  const declared = optionalList(fields.outputs, 'outputs').length;
  const change = fields.collateralReturn;
  return {
    id,
    spends: optionalList(fields.collaterals, 'collaterals').map(decodeReference),
    outputs: change === undefined ? [] : [decodeOutput(change, declared, id)],
    // It paid nobody whom it names.
    labels: undefined,
    invalidHereafter: upperBoundOf(fields.validityInterval),
  };
}

/**
 * An output as it stands in a transaction.
 *
 * @param known names of its fields, and of those that stand beside them
 */
export function decodeOutput(
  value: unknown,
  index: number,
  txHash: string,
  known: ReadonlySet<string> = OUTPUT_FIELDS,
): Output {
  const where = `output ${index} of ${txHash}`;
  const output = fieldsOf(value, where);
  refuseUnknownValue(output, known, where);
  return {
    index,
    address: textOf(output.address, 'address'),
    value: decodeValue(output.value),
    hasScript: output.script !== undefined && output.script !== null,
  };
}

const POLICY_ID = /^[0-9a-f]{56}$/;
const ASSET_NAME = /^[0-9a-f]{0,64}$/;

function decodeValue(value: unknown): Value {
  const policies = fieldsOf(value, 'a value');
  const ada = fieldsOf(policies.ada, 'ada');
  if (Object.keys(ada).some((field) => field !== 'lovelace'))
    throw new ProtocolError('ada holds more than lovelace', ada);
  const lovelace = quantityOf(ada.lovelace, 'lovelace');
  const ids = Object.keys(policies);
  if (ids.length === 1) return { lovelace, assets: NO_ASSETS };
  const assets = new Map<string, bigint>();
  for (const policy of ids) {
    if (policy === 'ada') continue;
    if (!POLICY_ID.test(policy))
      throw new ProtocolError('a policy id must be 56 hex digits', policy);
    const held = fieldsOf(policies[policy], 'the assets of a policy');
    for (const [name, amount] of Object.entries(held)) {
      if (!ASSET_NAME.test(name)) throw new ProtocolError('an asset name must be hex', name);
      const quantity = quantityOf(amount, 'an asset quantity');
      if (quantity > 0n) assets.set(policy + name, quantity);
    }
  }
  return { lovelace, assets };
}

function decodeReference(value: unknown): OutputReference {
  const reference = fieldsOf(value, 'an input');
  const transaction = fieldsOf(reference.transaction, "an input's transaction");
  return outputReference(
    hashOf(transaction.id, "an input's transaction id"),
    quantityOf(reference.index, "an input's index"),
  );
}

/** Ogmios 7 leaves empty lists out. */
const optionalList = (value: unknown, what: string): readonly unknown[] =>
  value === undefined ? [] : listOf(value, what);
