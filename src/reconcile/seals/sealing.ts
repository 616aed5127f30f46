import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { describeDatabaseError, isTransient } from '../../database/pool.js';
import { inTransaction } from '../../database/transaction.js';
import { TermOver } from '../../sync/follower.js';
import type { Leadership, LeadingTask } from '../../sync/leadership.js';
import type { ObserveProof } from '../model/proof-events.js';
import { linkSeals, SEAL_CHAINS, type SealChain } from './seal.js';
import { holdWriters, newestId, piecesBetween, sealHead, storeSeals } from './seal-queries.js';

/** Seldom enough that writers don't notice, soon enough that little is without a seal. */
const EVERY_MS = 10_000;
/** One partition's leader seals for all: there is one ledger. */
const SEALING_PARTITION = 0;

/** Seals what was appended, a moment later, for as long as a term lasts, whatever fails in between. */
export const sealing =
  (observe: ObserveProof, everyMs: number = EVERY_MS): LeadingTask =>
  async (leadership) => {
    const { partitionId, signal } = leadership;
    if (partitionId !== SEALING_PARTITION) return;
    const told = new Map<SealChain, string>();
    while (!signal.aborted) {
      for (const chain of SEAL_CHAINS) {
        const reason = await trySealing(leadership, chain, observe);
        // Each time that it is another one: every ten seconds the same would drown the log.
        if (reason !== null && reason !== told.get(chain)) {
          observe({ type: 'sealing_failed', chain, reason });
        }
        if (reason === null) told.delete(chain);
        else told.set(chain, reason);
      }
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  };

/** @returns why it failed, where another try alone may not help; the rows stay, and the next round comes */
async function trySealing(
  leadership: Leadership,
  chain: SealChain,
  observe: ObserveProof,
): Promise<string | null> {
  try {
    await sealAppended(leadership, chain, observe);
    return null;
  } catch (error) {
    if (leadership.signal.aborted || error instanceof TermOver) return null;
    return isTransient(error) ? null : describeDatabaseError(error);
  }
}

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
