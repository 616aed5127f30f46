import type { Pool } from 'pg';
import { inTransaction } from '../../database/transaction.js';
import { createFingerprintSet } from '../../payments/fingerprint-set.js';
import { takeRegistrationLock } from '../../payments/registration-lock.js';
import { addressesBetween, lastWatchId } from '../../payments/watch-queries.js';
import { newestWatchId, walletAddresses } from './watch-queries.js';

/** Addresses a page: some 20 MB at a time. */
const PAGE_ROWS = 50_000;

/** The addresses that are looked for: all that were registered by a moment, and the wallet's. */
export type LearnedAddresses = {
  /** Watched without being registered. */
  readonly own: readonly string[];
  readonly mayHave: (address: string) => boolean;
  /** The last one, in the order of registration. */
  upTo(): bigint;
  /** Afterwards all are known that were registered before this call. */
  learn(): Promise<void>;
};

export async function learnAddresses(
  pool: Pool,
  { partitionId, hotWallet }: { readonly partitionId: number; readonly hotWallet: string | null },
  signal: AbortSignal,
): Promise<LearnedAddresses> {
  const known = createFingerprintSet();
  let upTo = 0n;
  const own = await walletAddresses(pool, partitionId);
  if (hotWallet !== null && !own.includes(hotWallet)) own.push(hotWallet);
  for (const address of own) known.add(address);
  const learn = async (): Promise<void> => {
    if ((await newestWatchId(pool, partitionId)) <= upTo) return;
    const last = await inTransaction(pool, async (tx) => {
      await takeRegistrationLock(tx, partitionId);
      return lastWatchId(tx);
    });
    while (upTo < last) {
      const page = await addressesBetween(pool, partitionId, upTo, last, PAGE_ROWS);
      for (const { address } of page) known.add(address);
      upTo = page.length < PAGE_ROWS ? last : (page.at(-1)?.watchId ?? last);
      signal.throwIfAborted();
    }
  };
  await learn();
  return { own, mayHave: known.mayHave, upTo: () => upTo, learn };
}
