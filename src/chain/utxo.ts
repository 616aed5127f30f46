import type { Output } from './block.js';
import { decodeOutput } from './decode.js';
import { fieldsOf, hashOf, listOf, ProtocolError, quantityOf } from './fields.js';

/** An output that nobody has spent yet. */
export type UnspentOutput = { readonly txHash: string; readonly output: Output };

/** The ledger's own bound: indexes are 16 bits wide. */
const INDEX_MAX = 65_535n;

/** Answer to `queryLedgerState/utxo`: https://ogmios.dev/api/ */
export const decodeUtxo = (result: unknown): UnspentOutput[] =>
  listOf(result, 'the unspent outputs').map((value) => {
    const { transaction, index, ...output } = fieldsOf(value, 'an unspent output');
    const txHash = hashOf(fieldsOf(transaction, 'its transaction').id, "its transaction's id");
    const position = quantityOf(index, 'its index');
    if (position > INDEX_MAX) throw new ProtocolError('no output has such an index', index);
    return { txHash, output: decodeOutput(output, Number(position), txHash) };
  });
