import type pg from 'pg';
import type { DevnetChain } from '../../src/devnet/chain.js';

export type PayoutRecord = {
  readonly status: string;
  readonly batch_id: string | null;
  readonly tx_hash: string | null;
  readonly turn: number;
  readonly fee_lovelace: string | null;
  readonly failure_reason: string | null;
  readonly destination_address: string;
  readonly alone: boolean;
  readonly booked: boolean;
  readonly adopted: boolean;
  readonly amount_lovelace: string;
};

const PAYOUT = 'select * from outbound_payments where id = $1';
const ATTEMPTS = `
  select a.tx_hash from payout_attempts a join payout_transactions t using (tx_hash)
   where a.payout_id = $1 order by t.created_at`;
const INPUTS = `
  select input_tx_hash || '#' || input_index as reference from payout_transaction_inputs
   where tx_hash = $1 order by 1`;
const ANCHORS = `
  select anchor_tx_hash || '#' || anchor_index as reference from payout_batches order by id`;
const BALANCE = `
  select available::float8, held::float8 from user_balances
   where user_id = $1 and unit = 'lovelace'`;
const UNBALANCED = `
  select b.user_id, b.unit, b.available, b.held, e.available as entered, e.held as entered_held
    from user_balances b,
         lateral (select coalesce(sum(signed) filter (where bucket = 'available'), 0) as available,
                         coalesce(sum(signed) filter (where bucket = 'held'), 0) as held
                    from (select bucket, case type when 'credit' then amount else -amount end as signed
                            from balance_transactions t
                           where t.user_id = b.user_id and t.unit = b.unit) s) e
   where (b.available, b.held) <> (e.available, e.held)`;

/** What the books and the chain say. */
export function looksInto(pool: pg.Pool, chain: DevnetChain) {
  const query = async <R extends object>(text: string, values: unknown[] = []): Promise<R[]> =>
    (await pool.query<R>(text, values)).rows;
  const payout = async (id: string): Promise<PayoutRecord> => {
    const [row] = await query<PayoutRecord>(PAYOUT, [id]);
    if (row === undefined) throw new Error(`no payout ${id}`);
    return row;
  };
  const timesPaid = (address: string): number =>
    chain
      .blocks()
      .flatMap((block) => block.transactions)
      .flatMap((transaction) => transaction.outputs)
      .filter((output) => output.address === address).length;
  return {
    query,
    payout,
    status: async (id: string): Promise<string> => (await payout(id)).status,
    /** Transactions that would pay it, oldest first. */
    attempts: async (id: string): Promise<string[]> =>
      (await query<{ tx_hash: string }>(ATTEMPTS, [id])).map((row) => row.tx_hash),
    inputsOf: async (txHash: string): Promise<string[]> =>
      (await query<{ reference: string }>(INPUTS, [txHash])).map((row) => row.reference),
    /** Of all batches, oldest first. */
    anchors: async (): Promise<string[]> =>
      (await query<{ reference: string }>(ANCHORS)).map((row) => row.reference),
    /** How often the best chain pays it. */
    paid: async (id: string): Promise<number> => timesPaid((await payout(id)).destination_address),
    balance: async (userId: string) =>
      (await query<{ available: number; held: number }>(BALANCE, [userId]))[0],
    /** What must hold at any time; empty. */
    broken: async (): Promise<object[]> => [
      ...(await query('select * from payout_attempts_without_common_input')),
      ...(await query(UNBALANCED)),
      ...(await query<PayoutRecord>('select * from outbound_payments')).filter(
        (row) => timesPaid(row.destination_address) > 1,
      ),
    ],
  };
}
