import type { Pool } from 'pg';
import { type OutputReference, outputReference } from '../../chain/block.js';
import { SECURITY_PARAMETER_BLOCKS } from '../../chain/point.js';
import { createFingerprintSet } from '../../payments/fingerprint-set.js';
import type { OutputHit } from '../../payments/match.js';
import { digestTold, type Told, type ToldDigests } from './told.js';
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
  /** What a ledger told of since, and isn't looked for yet. */
  news(): Promise<readonly Told[]>;
  /** The same, which is looked for from now on. @param cursorHeight where the books were before this call */
  learn(cursorHeight: number): Promise<readonly Told[]>;
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
  const isNew = ({ reference }: Told): boolean => !outputs.mayHave(reference);
  const first = await told();
  // Also what was spent up to where reading begins: it isn't new.
  for (const { reference } of first) outputs.add(reference);
  let known: KnownTold = { since: settled, digests: digestTold(first) };
  return {
    mayHave: outputs.mayHave,
    remember(hits) {
      for (const { txHash, output } of hits) outputs.add(outputReference(txHash, output.index));
    },
    settled: () => settled,
    known: () => known,
    news: async () => (await told()).filter(isNew),
    async learn(height) {
      const all = await told();
      const found = all.filter(isNew);
      for (const { reference } of found) outputs.add(reference);
      known = { since: settled, digests: digestTold(all) };
      settled = Math.max(settled, settledAt(height));
      return found;
    },
  };
}

const settledAt = (cursorHeight: number): number => cursorHeight - SECURITY_PARAMETER_BLOCKS;
