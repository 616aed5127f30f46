import type { Pool } from 'pg';
import { type OutputReference, outputReference } from '../../chain/block.js';
import { SECURITY_PARAMETER_BLOCKS } from '../../chain/point.js';
import { createFingerprintSet } from '../../payments/fingerprint-set.js';
import type { OutputHit } from '../../payments/match.js';
import { digestTold, lowestNews, type ToldDigests } from './told.js';
import { spendable, toldBetween } from './watch-queries.js';

/** References a page. */
const PAGE_ROWS = 50_000;

/** What of that which ledgers told of is known, so that whoever goes on with a rebuild hears of the rest. */
export type KnownTold = {
  /** From that height on. */
  readonly since: number;
  readonly digests: ToldDigests;
};

/** The outputs whose spends are looked for: all that blocks may spend that are read. */
export type LearnedOutputs = {
  readonly mayHave: (reference: OutputReference) => boolean;
  readonly remember: (outputs: readonly OutputHit[]) => void;
  /** No rollback takes the books back below it: what ledgers told below is all known. */
  settled(): number;
  known(): KnownTold;
  /** The height from which on the first output counts that a ledger told of since; null where none did. */
  news(): Promise<number | null>;
  /** The same of what is looked for from now on. @param cursorHeight where the books were before this call */
  learn(cursorHeight: number): Promise<number | null>;
};

export type OutputsScope = {
  readonly partitionId: number;
  readonly jobId: string;
  /** Outputs that were spent up to there are none of the rebuild's affair. */
  readonly fromHeight: number;
  /** Where the books were when they were asked for. */
  readonly cursorHeight: number;
};

export async function learnOutputs(
  pool: Pool,
  { partitionId, jobId, fromHeight, cursorHeight }: OutputsScope,
  signal: AbortSignal,
): Promise<LearnedOutputs> {
  const outputs = createFingerprintSet();
  const sources = [
    ['payments', partitionId],
    ['wallet', partitionId],
    ['shadow', jobId],
  ] as const;
  for (const [source, of] of sources) {
    for await (const page of spendable(pool, source, of, fromHeight, PAGE_ROWS)) {
      for (const { txHash, index } of page) outputs.add(outputReference(txHash, index));
      signal.throwIfAborted();
    }
  }
  let settled = settledAt(cursorHeight);
  const told = () => toldBetween(pool, partitionId, { from: settled });
  let known: KnownTold = { since: settled, digests: {} };
  // That an output is recorded doesn't mean that it was looked for: it may have been taken back, and be told of again.
  const learn = async (): Promise<number | null> => {
    const all = await told();
    const from = lowestNews(known.digests, all);
    for (const { reference } of all) outputs.add(reference);
    known = { since: settled, digests: digestTold(all) };
    return from;
  };
  await learn();
  return {
    mayHave: outputs.mayHave,
    remember(hits) {
      for (const { txHash, output } of hits) outputs.add(outputReference(txHash, output.index));
    },
    settled: () => settled,
    known: () => known,
    news: async () => lowestNews(known.digests, await told()),
    async learn(height) {
      const from = await learn();
      settled = Math.max(settled, settledAt(height));
      return from;
    },
  };
}

const settledAt = (cursorHeight: number): number => cursorHeight - SECURITY_PARAMETER_BLOCKS;
