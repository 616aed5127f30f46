import type { Pool } from 'pg';
import { inTransaction, type Tx } from '../../src/database/transaction.js';
import type { ProofEvent } from '../../src/reconcile/model/proof-events.js';
import {
  type InTurn,
  type OutsideNotes,
  verifySeals,
} from '../../src/reconcile/seals/check-seals.js';
import { SEAL_CHAINS, type SealChain } from '../../src/reconcile/seals/seal.js';
import { sealAppended } from '../../src/reconcile/seals/sealing.js';

/** Leads without following a chain: its writes are transactions like any other. */
export const leadershipOf = (pool: Pool, signal = new AbortController().signal) => ({
  pool,
  signal,
  write: <T>(work: (tx: Tx, at: Date, cursor: null) => Promise<T>) =>
    inTransaction(pool, (tx) => work(tx, new Date(), null)),
});

/** Small tables are read over any number of connections. */
export const atOnce: InTurn = (work) => work();

/** What a test does to sealed tables, and to the seals. */
export function sealedTables(pool: Pool) {
  const change = (text: string, values: unknown[] = []) => pool.query(text, values);
  const seal = async (chain: SealChain): Promise<ProofEvent[]> => {
    const told: ProofEvent[] = [];
    await sealAppended(leadershipOf(pool), chain, (event) => told.push(event));
    return told;
  };
  return {
    change,
    seal,
    sealAll: async (): Promise<void> => {
      for (const chain of SEAL_CHAINS) await seal(chain);
    },
    verify: (notes: OutsideNotes = {}) => verifySeals(pool, notes, 1000, atOnce),
    clear: () => change('truncate balance_transactions, audit_log, seals restart identity'),
    enter: (rows: number) =>
      change(
        `insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
         select 'user ' || n, 'lovelace', 'available', 'credit', n, 'test' from generate_series(1, $1::int) as n`,
        [rows],
      ),
    audit: (rows: number) =>
      change(
        `insert into audit_log (action, entity_type, entity_id, actor, details)
         select 'test', 'payout', n::text, 'somebody', '{"n": 1, "a": "b"}' from generate_series(1, $1::int) as n`,
        [rows],
      ),
  };
}
