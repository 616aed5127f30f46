import type pg from 'pg';
import { Secret } from '../../src/config.js';
import { makeAddress } from '../../src/devnet/address.js';
import { createRandom } from '../../src/devnet/random.js';
import { type AcceptOutcome, acceptPayouts } from '../../src/payouts/accepting/acceptance.js';
import { checkPayout, type PayoutBody } from '../../src/payouts/accepting/request.js';
import type { ReadIdentity } from '../../src/payouts/model/database-identity.js';
import type { PayoutPolicy } from '../../src/payouts/model/policy.js';
import { minimumLovelace } from '../../src/payouts/transaction/minimum.js';
import { NETWORK } from '../simulation/network.js';
import { ADA } from './follow.js';

const GIVE = `
  with entry as (
    insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
    values ($1, 'lovelace', 'available', 'credit', $2, 'test'))
  insert into user_balances (user_id, unit, available) values ($1, 'lovelace', $2)`;

/** Clients, each payout of whom goes to an address that nothing else is ever paid to. */
export function requestsIn(
  pool: pg.Pool,
  hotWalletAddress: string,
  fees: PayoutPolicy['fees'],
  readIdentity: ReadIdentity,
) {
  const idSecret = new Secret('a secret for tests');
  let policy: PayoutPolicy = {
    network: NETWORK,
    hotWalletAddress,
    destinations: null,
    approvalAboveLovelace: null,
    dailyLimitLovelace: null,
    fees,
    idSecret,
  };
  const destinations = createRandom('destinations');
  const request = (idempotencyKey: string, body: PayoutBody) => {
    const caller = { kind: 'key', name: 'clerk' } as const;
    const checked = checkPayout(body, {
      caller,
      idempotencyKey,
      secret: idSecret,
      network: NETWORK,
    });
    if (!checked.ok) throw new Error(checked.problem);
    return checked.request;
  };
  const post = async (idempotencyKey: string, body: PayoutBody): Promise<AcceptOutcome> => {
    const deps = { policy, minimumLovelace, seenUnits: new Set<string>(), readIdentity };
    const [outcome] = await acceptPayouts(pool, [request(idempotencyKey, body)], deps);
    if (outcome === undefined) throw new Error('no answer');
    return outcome;
  };
  let keys = 0;
  const newBody = (ada: number, userId: string | null = null): PayoutBody => ({
    destinationAddress: makeAddress('enterprise', NETWORK.magic, destinations.bytes(28)),
    amountLovelace: (BigInt(Math.round(ada * 1e6)) * 1n).toString(),
    userId,
  });
  return {
    post,
    newBody,
    /** Asks for a payout; answers its id. */
    ask: async (ada: number, userId: string | null = null): Promise<string> => {
      keys += 1;
      const body = newBody(ada, userId);
      const outcome = await post(`key-${keys}`, body);
      if (outcome.type !== 'created') throw new Error(`it was ${outcome.type}`);
      return outcome.payout.id;
    },
    /** From now on, of amounts above; null: of none. */
    requireApproval: (aboveAda: number | null): void => {
      const approvalAboveLovelace = aboveAda === null ? null : BigInt(aboveAda) * ADA;
      policy = { ...policy, approvalAboveLovelace };
    },
    give: (userId: string, ada: number) =>
      pool.query(GIVE, [userId, (BigInt(ada) * ADA).toString()]),
  };
}
