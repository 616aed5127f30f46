import { type OutputReference, outputReference } from '../chain/block.js';
import { type Point, samePoint } from '../chain/point.js';
import type { UnspentOutput } from '../chain/utxo.js';
import type { Queryable } from '../database/transaction.js';
import type { BooksBetween } from '../sync/between.js';
import { isOurs } from '../sync/queries.js';

/**
 * A question by address may take a node longer than a block takes to come. So it is asked in two steps:
 * what was unspent at some point, however long that takes; and then, quickly, which of it still is where
 * the books are by now. Only the second is repeated while blocks come in between. What was made since
 * that point came in followed blocks, as long as the point is on our chain.
 */
export type Asked = {
  readonly point: Point;
  readonly addresses: readonly string[];
  readonly found: readonly UnspentOutput[];
};

export async function askLedger(books: BooksBetween, addresses: readonly string[]): Promise<Asked> {
  const { point } = books;
  const unspent = await books.unspentAt(addresses);
  // A node that answers more than it was asked for must not make others' money ours.
  const wanted = new Set(addresses);
  return { point, addresses, found: unspent.filter(({ output }) => wanted.has(output.address)) };
}

/** Whether the answer still tells of our chain. */
export const stands = (db: Queryable, partitionId: number, { point }: Asked): Promise<boolean> =>
  isOurs(db, partitionId, point.id);

/** As many as a node tells of within a moment. */
const REFERENCES_AT_ONCE = 5_000;

/** Those of the found outputs that are unspent where the books are. */
export async function stillUnspent(
  books: BooksBetween,
  asked: Asked,
  outputs: readonly UnspentOutput[],
): Promise<readonly UnspentOutput[]> {
  if (samePoint(books.point, asked.point)) return outputs;
  const unspent = new Set<OutputReference>();
  for (let from = 0; from < outputs.length; from += REFERENCES_AT_ONCE) {
    const some = outputs.slice(from, from + REFERENCES_AT_ONCE).map(referenceTo);
    for (const output of await books.unspentAmong(some)) unspent.add(referenceTo(output));
  }
  return outputs.filter((output) => unspent.has(referenceTo(output)));
}

export const referenceTo = ({ txHash, output }: UnspentOutput): OutputReference =>
  outputReference(txHash, output.index);
