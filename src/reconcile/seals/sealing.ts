import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { isTransient } from '../../database/pool.js';
import { inTransaction } from '../../database/transaction.js';
import type { Leadership, LeadingTask } from '../../sync/leadership.js';
import type { ObserveProof } from '../model/proof-events.js';
import { linkSeals, SEAL_CHAINS, type SealChain } from './seal.js';
import { holdWriters, newestId, piecesBetween, sealHead, storeSeals } from './seal-queries.js';

/** Seldom enough that writers don't notice, soon enough that little is without a seal. */
const EVERY_MS = 10_000;
/** One partition's leader seals for all: there is one ledger. */
const SEALING_PARTITION = 0;

/** Seals what was appended, a moment later, for as long as a term lasts. */
export const sealing =
  (observe: ObserveProof, everyMs: number = EVERY_MS): LeadingTask =>
  async (leadership) => {
    const { partitionId, signal } = leadership;
    if (partitionId !== SEALING_PARTITION) return;
    while (!signal.aborted) {
      for (const chain of SEAL_CHAINS) {
        await sealAppended(leadership, chain, observe).catch((error: unknown) => {
          // The rows stay; the next round comes.
          if (!isTransient(error)) throw error;
        });
      }
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  };

/**
 * Seals all that is decided by now. What is hashed can't change any more, so that takes no lock; ended
 * in between, whoever leads next goes on from the last seal that was stored.
 */
export async function sealAppended(
  { pool, signal, write }: Pick<Leadership, 'pool' | 'signal' | 'write'>,
  chain: SealChain,
  observe: ObserveProof,
): Promise<void> {
  let head = await sealHead(pool, chain);
  const newest = await newestId(pool, chain);
  if (newest === null || newest <= head.lastId) return;
  const upTo = await decidedUpTo(pool, chain);
  while (!signal.aborted) {
    const pieces = await piecesBetween(pool, chain, head.lastId, upTo);
    if (pieces.length === 0) return;
    const seals = linkSeals(chain, head, pieces);
    const stored = await write((tx, at) => storeSeals(tx, at, chain, seals));
    // Another one sealed meanwhile: what it did is seen in the next round.
    if (stored === 0) return;
    head = await sealHead(pool, chain);
    observe({ type: 'sealed', chain, seal: head.seal });
  }
}

/** No row with an id up to this one will ever be added by the program. */
async function decidedUpTo(pool: Pool, chain: SealChain): Promise<bigint> {
  const newest = await inTransaction(pool, async (tx) => {
    await holdWriters(tx, chain);
    return newestId(tx, chain);
  });
  return newest ?? 0n;
}
