import { failed, invalid, succeeded } from './answers.js';
import { toJson } from './json.js';
import type { OgmiosVersion } from './render.js';
import type { Request } from './request.js';
import { transactionIdOf } from './request.js';
import type { BlockSource } from './source.js';
import type { DevnetTransaction } from './transaction.js';

type Snapshot = { readonly transactions: readonly DevnetTransaction[]; next: number };

/** One client's look at the mempool: a snapshot, which stays as it is until the next one is taken. */
export function createMempoolReader(source: BlockSource, version: OgmiosVersion) {
  let snapshot: Snapshot | undefined;
  const parked: Request[] = [];
  const now = (): readonly DevnetTransaction[] => source.mempool?.transactions() ?? [];

  const acquire = (request: Request): string => {
    snapshot = { transactions: now(), next: 0 };
    const tip = source.tip();
    const slot = tip === 'origin' ? 0 : tip.slot + 1;
    return succeeded(request, `{"acquired":"mempool","slot":${slot}}`);
  };
  /** Whoever has a snapshot and asks for another wants one that differs. */
  const answerParked = (): string[] => {
    if (parked.length === 0) return [];
    if (snapshot !== undefined && isSame(snapshot.transactions, now())) return [];
    // The first one sees the difference; the others wait for the next.
    const request = parked.shift();
    return request === undefined ? [] : [acquire(request), ...answerParked()];
  };
  const ask = (request: Request, held: Snapshot): string => {
    switch (request.method) {
      case 'nextTransaction':
        return next(request, held, source, version);
      case 'hasTransaction':
        return has(request, held);
      case 'sizeOfMempool':
        return succeeded(request, sizeOf(held, source.mempool?.capacityBytes ?? 0));
      default:
        snapshot = undefined;
        return succeeded(request, '{"released":"mempool"}');
    }
  };
  return {
    answerParked,
    /** Undefined where the request isn't about the mempool. */
    answer: (request: Request): string[] | undefined => {
      if (request.method === 'acquireMempool') {
        parked.push(request);
        return answerParked();
      }
      if (!OF_A_SNAPSHOT.has(request.method)) return undefined;
      if (snapshot === undefined) return [failed(request, 4000, ACQUIRE_FIRST)];
      return [ask(request, snapshot)];
    },
  };
}

const OF_A_SNAPSHOT = new Set([
  'nextTransaction',
  'hasTransaction',
  'sizeOfMempool',
  'releaseMempool',
]);

const ACQUIRE_FIRST = 'A mempool snapshot must be acquired first.';

const isSame = (a: readonly DevnetTransaction[], b: readonly DevnetTransaction[]): boolean =>
  a.length === b.length && a.every(({ id }, i) => id === b[i]?.id);

function next(
  request: Request,
  held: Snapshot,
  { mempool }: BlockSource,
  version: OgmiosVersion,
): string {
  const transaction = held.transactions[held.next];
  if (transaction === undefined) return succeeded(request, '{"transaction":null}');
  held.next += 1;
  const { params } = request;
  const wantsAll =
    typeof params === 'object' && params !== null && Reflect.get(params, 'fields') === 'all';
  const shown =
    wantsAll && mempool !== undefined
      ? mempool.render(transaction, version)
      : { id: transaction.id };
  return succeeded(request, toJson({ transaction: shown }));
}

function has(request: Request, { transactions }: Snapshot): string {
  const wanted = transactionIdOf(request.params);
  if (wanted === undefined) return invalid(request.id, 'params.id must be a transaction id');
  return succeeded(request, String(transactions.some(({ id }) => id === wanted)));
}

function sizeOf({ transactions }: Snapshot, capacityBytes: number): string {
  return toJson({
    maxCapacity: { bytes: capacityBytes },
    currentSize: { bytes: transactions.reduce((sum, { signed }) => sum + (signed?.bytes ?? 0), 0) },
    transactions: { count: transactions.length },
  });
}
