import type { Output } from './block.js';
import { decodeOutput, OUTPUT_FIELDS } from './decode.js';
import { fieldsOf, hashOf, listOf, ProtocolError, quantityOf } from './fields.js';

/** An output that nobody has spent yet. */
export type UnspentOutput = { readonly txHash: string; readonly output: Output };

/** The ledger's own bound: indexes are 16 bits wide. */
const INDEX_MAX = 65_535n;

const UNSPENT_FIELDS: ReadonlySet<string> = new Set(['transaction', 'index', ...OUTPUT_FIELDS]);

/** Answer to `queryLedgerState/utxo`: https://ogmios.dev/api/ */
export const decodeUtxo = (result: unknown): UnspentOutput[] =>
  listOf(result, 'the unspent outputs').map((value) => {
    const fields = fieldsOf(value, 'an unspent output');
    const transaction = fieldsOf(fields.transaction, 'its transaction');
    const txHash = hashOf(transaction.id, "its transaction's id");
    const position = quantityOf(fields.index, 'its index');
    if (position > INDEX_MAX) throw new ProtocolError('no output has such an index', fields.index);
    return { txHash, output: decodeOutput(fields, Number(position), txHash, UNSPENT_FIELDS) };
  });
