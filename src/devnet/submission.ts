import { failed, invalid, succeeded } from './answers.js';
import { toJson } from './json.js';
import type { Refusal } from './refusal.js';
import type { OgmiosVersion } from './render.js';
import { renderReference } from './render.js';
import type { Request } from './request.js';
import { transactionOf } from './request.js';
import { readTransaction } from './signed-transaction.js';
import type { BlockSource } from './source.js';
import type { Json } from './transaction.js';

export function submitTransaction(
  request: Request,
  { mempool }: BlockSource,
  version: OgmiosVersion,
): string {
  const cbor = transactionOf(request.params);
  if (cbor === undefined) return invalid(request.id, NO_HEX);
  if (mempool === undefined) return failed(request, 3997, MESSAGES[3997], RECORDED);
  const submission = mempool.submit(cbor);
  return submission.accepted
    ? succeeded(request, `{"transaction":{"id":"${submission.id}"}}`)
    : refused(request, submission.refusal, version);
}

/** Transactions without scripts have nothing to evaluate; the devnet runs none. */
export function evaluateTransaction(request: Request, version: OgmiosVersion): string {
  const cbor = transactionOf(request.params);
  if (cbor === undefined) return invalid(request.id, NO_HEX);
  try {
    if (!readTransaction(cbor).hasRedeemers) return succeeded(request, '[]');
    return failed(request, 3004, 'No evaluation context for this transaction.', NO_SCRIPTS);
  } catch (error) {
    return refused(request, { type: 'unreadable', reason: String(error) }, version);
  }
}

const NO_HEX = 'params.transaction.cbor must be the signed transaction, hex';
const RECORDED = '{"error":"Recorded blocks take no transactions."}';
const NO_SCRIPTS = '{"reason":"The devnet runs no scripts."}';

function refused(request: Request, refusal: Refusal, version: OgmiosVersion): string {
  const { code, data } = renderRefusal(refusal, version);
  const detail = data === undefined ? undefined : toJson(data);
  return failed(request, code, messageOf(code), detail);
}

/** The newer ledger tells at the door that nothing is left to spend; the older one looks at each input. */
function renderRefusal(
  refusal: Refusal,
  version: OgmiosVersion,
): { readonly code: number; readonly data?: Json } {
  switch (refusal.type) {
    case 'unreadable': {
      const eras = version === 6 ? ERAS_OF_6 : ERAS_OF_7;
      const data = Object.fromEntries(eras.map((era) => [era, refusal.reason]));
      return { code: -32602, data };
    }
    case 'unknown_inputs':
      return refusal.all && version === 7
        ? { code: 3997, data: { error: ALL_SPENT } }
        : {
            code: 3117,
            data: { unknownOutputReferences: refusal.references.map(renderReference) },
          };
    case 'rule':
      return refusal;
  }
}

const ERAS_OF_6 = ['shelley', 'allegra', 'mary', 'alonzo', 'babbage', 'conway'];
const ERAS_OF_7 = ['alonzo', 'babbage', 'conway', 'dijkstra'];

/** The node's words, which clients look for. */
const ALL_SPENT = 'All inputs are spent. Transaction has probably already been included';

export const messageOf = (code: number): string =>
  Object.entries(MESSAGES).find(([known]) => Number(known) === code)?.[1] ?? 'Not accepted.';

const MESSAGES = {
  [-32602]: 'The transaction can not be read in any era; see the data for each of them.',
  3100: 'Some signatures do not fit the transaction.',
  3101: 'Some signatures are missing.',
  3105: 'There are metadata, but the body does not hold their hash.',
  3106: 'The body holds the hash of metadata that are not there.',
  3107: 'The metadata have another hash than the body says.',
  3108: 'A string in the metadata is longer than 64 bytes.',
  3117: 'Some outputs that the transaction spends or refers to do not exist, or not any more.',
  3118: 'The slot is outside of the validity interval.',
  3119: 'The transaction is larger than the protocol allows.',
  3120: 'The value of some outputs is larger than the protocol allows.',
  3122: 'The fee is smaller than the protocol wants it.',
  3123: 'What the transaction spends is not what it pays.',
  3124: 'Something in the transaction belongs to another network.',
  3125: 'Some outputs hold less than the protocol wants for their size.',
  3136: 'The transaction says that a script fails, and none does.',
  3997: 'The mempool does not take the transaction; see the data.',
};
