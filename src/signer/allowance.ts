import type { AssetUnit, Lovelace } from '../chain/block.js';
import type { ReadTransaction } from '../payouts/signing/read-body.js';
import { METADATA_LABEL } from '../payouts/transaction/metadata.js';

/** What whoever runs the signer lets the worker do, whatever the worker says. Null: no limit. */
export type Allowance = {
  readonly wallet: string;
  readonly lovelacePerTransactionMax: Lovelace | null;
  /** In any 24 hours. */
  readonly lovelacePerDayMax: Lovelace | null;
  readonly feeLovelaceMax: Lovelace;
  /** Besides the wallet itself. */
  readonly destinations: ReadonlySet<string> | null;
  /** A limit in ADA bounds no tokens: they leave only where that is wanted. */
  readonly letsTokensLeave: boolean;
};

/** What a transaction does to the wallet, as its own body tells it. */
export type Statement = {
  readonly id: string;
  /** All that isn't the wallet's afterwards, the fee included. */
  readonly leaving: Lovelace;
  readonly payees: readonly {
    readonly address: string;
    readonly lovelace: Lovelace;
    readonly assets: ReadonlyMap<AssetUnit, bigint>;
  }[];
  readonly fee: Lovelace;
  readonly invalidHereafter: bigint;
  readonly payoutIds: readonly string[];
};

export type Verdict =
  | { readonly type: 'sign' }
  /** For what the transaction is. */
  | { readonly type: 'refuse'; readonly problem: string }
  /** For what was signed in the last 24 hours. */
  | { readonly type: 'later'; readonly problem: string };

/**
 * Every output that isn't exactly the wallet's address leaves, also one of the same key with another stake
 * part. What inputs hold isn't asked: the ledger sees to it that a transaction makes what it spends less the
 * fee that its body names, so that a claim about inputs could only mislead.
 */
export function stateOf(read: ReadTransaction, wallet: string): Statement {
  const payees = read.outputs.filter(({ address }) => address !== wallet);
  return {
    id: read.id,
    leaving: payees.reduce((sum, { lovelace }) => sum + lovelace, read.fee),
    payees,
    fee: read.fee,
    invalidHereafter: read.invalidHereafter,
    payoutIds: payoutIdsOf(read),
  };
}

/** @param signedToday what left by other transactions that were signed in the last 24 hours */
export function judge(statement: Statement, allowance: Allowance, signedToday: Lovelace): Verdict {
  const { leaving } = statement;
  const { lovelacePerDayMax: perDay } = allowance;
  const problem = problemOf(statement, allowance);
  if (problem !== null) return { type: 'refuse', problem };
  if (perDay === null || signedToday + leaving <= perDay) return { type: 'sign' };
  return {
    type: 'later',
    problem:
      `${signedToday} lovelace were signed away in the last 24 hours, and ${leaving} more would be ` +
      `beyond the ${perDay} that are allowed`,
  };
}

function problemOf(statement: Statement, allowance: Allowance): string | null {
  const { leaving, fee, payees } = statement;
  const { lovelacePerTransactionMax, lovelacePerDayMax, destinations } = allowance;
  const foreign = destinations && payees.find(({ address }) => !destinations.has(address));
  if (foreign) return `${foreign.address} is not among the destinations that are allowed`;
  if (fee > allowance.feeLovelaceMax) {
    return `the fee of ${fee} lovelace is beyond the ${allowance.feeLovelaceMax} that are allowed`;
  }
  if (!allowance.letsTokensLeave && payees.some(({ assets }) => assets.size > 0)) {
    return 'native tokens would leave the wallet, which is not allowed';
  }
  const limit = least(lovelacePerTransactionMax, lovelacePerDayMax);
  if (limit === null || leaving <= limit) return null;
  return `${leaving} lovelace would leave the wallet, ${limit} are allowed`;
}

/** What is beyond a day's limit all by itself will never fit: no reason to ask again. */
const least = (a: Lovelace | null, b: Lovelace | null): Lovelace | null =>
  a === null || (b !== null && b < a) ? b : a;

/** For the log: which payouts the worker means, if it says so the usual way. */
function payoutIdsOf({ metadata }: ReadTransaction): string[] {
  const content = metadata.get(METADATA_LABEL);
  const ids: unknown = Array.isArray(content) ? content[2] : null;
  if (!Array.isArray(ids)) return [];
  return ids.flatMap((id) => (id instanceof Uint8Array ? [Buffer.from(id).toString('hex')] : []));
}
