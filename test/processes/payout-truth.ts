import type pg from 'pg';
import type { DevnetChain } from '../../src/devnet/chain.js';
import { effectOf } from '../../src/devnet/transaction.js';
import { TEST_WALLET } from '../support/payout-wallet.js';

/** What somebody was told will be paid. */
export type Promised = {
  readonly destination: string;
  readonly lovelace: bigint;
  readonly userId: string | null;
};

const DEPOSITED = 1_000_000_000n;

/** Held against the ledger of the chain itself: what was paid to whom, in all its blocks. */
export function wronglyPaid(chain: DevnetChain, promised: readonly Promised[]): string[] {
  const paid = new Map<string, bigint[]>();
  const created = chain
    .blocks()
    .flatMap(({ transactions }) => transactions.flatMap((one) => effectOf(one).created));
  for (const [, { address, lovelace }] of created) {
    paid.set(address, [...(paid.get(address) ?? []), lovelace]);
  }
  return promised.flatMap(({ destination, lovelace }) => {
    const got = paid.get(destination) ?? [];
    const isRight = got.length === 1 && got[0] === lovelace;
    return isRight ? [] : [`${destination} was to get ${lovelace}, and got [${got.join()}]`];
  });
}

const BOOKS = `
  select (select coalesce(jsonb_agg(v), '[]') from payout_attempts_without_common_input v) as "apart",
         (select coalesce(jsonb_agg(destination_address order by destination_address), '[]')
            from outbound_payments where status = 'confirmed') as confirmed,
         (select count(*)::int from outbound_payments) as payouts,
         (select coalesce(sum(fee_lovelace), 0)::text from payout_transactions
            where block_height is not null) as fees,
         (select coalesce(sum(amount_lovelace), 0)::text from outbound_payments
            where status = 'confirmed') as amounts,
         (select coalesce(jsonb_agg(tx_hash || '#' || output_index), '[]')
            from wallet_outputs where spent_by is null) as unspent,
         (select coalesce(jsonb_object_agg(user_id,
                   jsonb_build_array(available::text, held::text, pending::text)), '{}')
            from user_balances where unit = 'lovelace') as balances,
         (select coalesce(jsonb_agg(distinct action), '[]') from audit_log
           where action in ('payout.paid_twice', 'payout.paid_after_end')) as alarms`;

type Books = {
  readonly apart: readonly unknown[];
  readonly confirmed: readonly string[];
  readonly payouts: number;
  readonly fees: string;
  readonly amounts: string;
  readonly unspent: readonly string[];
  readonly balances: Readonly<Record<string, readonly [string, string, string]>>;
  readonly alarms: readonly string[];
};

/** What the books say otherwise than what was promised, and than the chain. */
export async function booksDiffer(
  pool: pg.Pool,
  chain: DevnetChain,
  promised: readonly Promised[],
): Promise<string[]> {
  const { rows } = await pool.query<Books>(BOOKS);
  const [books] = rows;
  if (books === undefined) throw new Error('a select of aggregates returned nothing');
  const wanted = promised.map(({ destination }) => destination).sort();
  const wallet = walletOf(chain);
  const problems: string[] = [];
  const expectSame = (what: string, got: unknown, right: unknown): void => {
    const [a, b] = [JSON.stringify(got), JSON.stringify(right)];
    if (a !== b) problems.push(`${what}: the books say ${a}, right is ${b}`);
  };
  expectSame('attempts without a common input', books.apart, []);
  expectSame('alarms', books.alarms, []);
  expectSame('payouts', books.payouts, promised.length);
  expectSame('confirmed', [...books.confirmed].sort(), wanted);
  expectSame('unspent outputs', [...books.unspent].sort(), [...wallet.unspent].sort());
  const left = wallet.given - BigInt(books.amounts) - BigInt(books.fees);
  expectSame('what the wallet has left', left.toString(), wallet.has.toString());
  for (const [userId, buckets] of Object.entries(books.balances)) {
    const own = promised.filter((one) => one.userId === userId);
    const spent = own.reduce((sum, one) => sum + one.lovelace, 0n);
    expectSame(`balance of ${userId}`, buckets, [(DEPOSITED - spent).toString(), '0', '0']);
  }
  return problems;
}

function walletOf(chain: DevnetChain) {
  const { tip } = chain;
  const found = chain.unspentAt(tip === 'origin' ? tip : tip.id, [TEST_WALLET]);
  const own = new Map<string, bigint>();
  let given = 0n;
  for (const transaction of chain.blocks().flatMap((block) => block.transactions)) {
    const { spent, created } = effectOf(transaction);
    const out = spent.reduce((sum, reference) => sum + (own.get(reference) ?? 0n), 0n);
    const back = created.filter(([, { address }]) => address === TEST_WALLET);
    for (const [reference, { lovelace }] of back) own.set(reference, lovelace);
    // What wasn't submitted is the doing of others: deposits, and a rival's theft.
    if (transaction.signed !== undefined) continue;
    given += back.reduce((sum, [, { lovelace }]) => sum + lovelace, 0n) - out;
  }
  return {
    unspent: [...found.keys()],
    has: [...found.values()].reduce((sum, { lovelace }) => sum + lovelace, 0n),
    given,
  };
}
