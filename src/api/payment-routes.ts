import { checkAddress } from '../chain/address.js';
import { readBalances, readLedger } from '../payments/balance-reads.js';
import { listPayments, readPayment } from '../payments/reads.js';
import type { ApiDeps, KeyOf } from './address-routes.js';
import { requireScope } from './keys.js';
import { HttpProblem } from './problems.js';
import type { Route } from './routes.js';
import { pageQuery, paymentParameter, paymentQuery, userParameter } from './schemas.js';
import { parseRequest } from './validation.js';

/** Payments, balances and ledgers: all of it only reads. */
export function paymentRoutes(deps: ApiDeps, keyOf: KeyOf): readonly Route[] {
  const { pool, network } = deps;
  return [
    {
      method: 'GET',
      url: '/v1/payments',
      answer: (request) => {
        requireScope(keyOf(request), 'read');
        const { limit, cursor, since, address, ...filter } = parseRequest(
          paymentQuery,
          request.query,
        );
        const checked = address === undefined ? undefined : checkAddress(address, network);
        if (checked?.ok === false) {
          throw new HttpProblem(400, 'invalid-request', `address: ${checked.problem}`);
        }
        const detectedFrom = since === undefined ? undefined : new Date(since);
        const whole = { ...filter, since: detectedFrom, address: checked?.address.text };
        return listPayments(pool, whole, { limit, cursor });
      },
    },
    {
      method: 'GET',
      url: '/v1/payments/:txHash/:outputIndex',
      answer: async (request) => {
        requireScope(keyOf(request), 'read');
        const reference = paymentParameter.safeParse(request.params);
        const found = reference.success
          ? await readPayment(pool, reference.data.txHash, reference.data.outputIndex)
          : null;
        if (found === null) throw new HttpProblem(404, 'not-found', 'there is no such payment');
        return found;
      },
    },
    {
      method: 'GET',
      url: '/v1/users/:userId/balances',
      answer: async (request) => {
        requireScope(keyOf(request), 'read');
        const { userId } = parseRequest(userParameter, request.params);
        return { balances: await readBalances(pool, userId) };
      },
    },
    {
      method: 'GET',
      url: '/v1/users/:userId/ledger',
      answer: (request) => {
        requireScope(keyOf(request), 'read');
        const { userId } = parseRequest(userParameter, request.params);
        return readLedger(pool, userId, parseRequest(pageQuery, request.query));
      },
    },
  ];
}
