import { beforeEach } from 'vitest';
import { buildHttp } from '../../src/api/server.js';
import type { PayoutView } from '../../src/payouts/model/payout.js';
import type { PayoutPolicy } from '../../src/payouts/model/policy.js';
import { longAddress } from './addresses.js';
import { PAYOUT_POLICY, serveInTests } from './http.js';

const CLEAR = `
  truncate outbound_payments, user_balances, balance_transactions, payout_batches, wallet_outputs, audit_log cascade`;
const RESET = `
  update payout_control
     set paused_at = null, paused_by = null, pause_reason = null, held_at = null, hold_reason = null,
         fence_requested_at = null, fence_requested_by = null, fence_generation = 0, identity = null,
         protocol_parameters = null`;
const GIVE = `
  with entry as (
    insert into balance_transactions (user_id, unit, bucket, type, amount, reason)
    values ($1, $2, 'available', 'credit', $3, 'test'))
  insert into user_balances (user_id, unit, available) values ($1, $2, $3)`;

export type Asked = { readonly key?: string; readonly idempotencyKey?: string };
export type Answer = {
  readonly status: number;
  readonly type: string | null;
  readonly detail: string;
  readonly payout: PayoutView;
};

export const DESTINATION = longAddress(500);
export const UNIT = `${'ab'.repeat(28)}746f6b`;

/** Payouts over real sockets, with the policy that a test sets, on a database that is empty before each. */
export function payoutsInTests() {
  const { under } = serveInTests();
  const served = { policy: PAYOUT_POLICY, nudged: [] as string[] };
  beforeEach(async () => {
    served.policy = PAYOUT_POLICY;
    served.nudged = [];
    await under.database.pool.query(CLEAR);
    await under.database.pool.query(RESET);
  });
  /** Another server on the same database: an instance. */
  const start = (policy: Partial<PayoutPolicy> = {}) => {
    served.policy = { ...PAYOUT_POLICY, ...policy };
    const nudge = (ids: readonly string[]): void => void served.nudged.push(...ids);
    return buildHttp({ ...under.deps, payouts: served.policy, nudge });
  };
  const serve = async <T>(
    policy: Partial<PayoutPolicy>,
    work: (url: string) => Promise<T>,
  ): Promise<T> => {
    const app = start(policy);
    try {
      return await work(await app.listen({ port: 0 }));
    } finally {
      await app.close();
    }
  };
  return {
    under,
    served,
    serve,
    query: async <R extends object>(text: string, values?: unknown[]): Promise<R[]> =>
      (await under.database.pool.query<R>(text, values)).rows,
    give: (userId: string, amount: bigint | number, unit = 'lovelace') =>
      under.database.pool.query(GIVE, [userId, unit, amount.toString()]),
  };
}

let keys = 0;

export const ask = (url: string, body: object, asked: Asked = {}): Promise<Answer> => {
  keys += 1;
  const { key = 'key-of-payer', idempotencyKey = `made-up-${keys}` } = asked;
  return call(`${url}/v1/payouts`, key, { body, headers: { 'idempotency-key': idempotencyKey } });
};

export const act = (url: string, id: string, action: string, key: string): Promise<Answer> =>
  call(`${url}/v1/payouts/${id}/${action}`, key, { headers: {} });

type Sent = { readonly body?: object; readonly headers: Record<string, string> };

async function call(url: string, key: string, { body, headers }: Sent): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as PayoutView & { type?: string; detail?: string };
  const { type, detail = '' } = answer;
  return {
    status: response.status,
    type: type === undefined ? null : type.replace('urn:chain-teller:problem:', ''),
    detail,
    payout: answer,
  };
}

export const wanted = (more: object = {}) => ({
  destinationAddress: DESTINATION,
  amountLovelace: '2000000',
  ...more,
});
