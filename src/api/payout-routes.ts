import type { FastifyReply, FastifyRequest } from 'fastify';
import { checkAddress } from '../chain/address.js';
import type { ApiKey } from '../config.js';
import { approvePayout } from '../payouts/accepting/approval.js';
import { cancelPayout } from '../payouts/accepting/cancel.js';
import {
  type Acceptance,
  createAcceptance,
  type Nudge,
  nudgeSafely,
} from '../payouts/accepting/gathering.js';
import { listPayouts, readPayout } from '../payouts/accepting/reads.js';
import {
  checkPayout,
  IDEMPOTENCY_KEY_FORM,
  isIdempotencyKey,
  type PayoutRequest,
  payoutBody,
} from '../payouts/accepting/request.js';
import { readIdentity } from '../payouts/model/database-identity.js';
import type { Caller } from '../payouts/model/identity.js';
import { showPayout } from '../payouts/model/payout.js';
import type { PayoutPolicy } from '../payouts/model/policy.js';
import { minimumLovelace } from '../payouts/transaction/minimum.js';
import type { ApiDeps, KeyOf } from './address-routes.js';
import { requireScope } from './keys.js';
import { HttpProblem } from './problems.js';
import type { Route } from './routes.js';
import { payoutQuery } from './schemas.js';
import { parseRequest, tellError, tellIssues } from './validation.js';

export type PayoutDeps = {
  readonly payouts: PayoutPolicy;
  readonly nudge: Nudge;
};

type Deps = ApiDeps & PayoutDeps;

export function payoutRoutes(deps: Deps, keyOf: KeyOf): readonly Route[] {
  const { pool, payouts: policy, nudge } = deps;
  const acceptance = createAcceptance(
    pool,
    { policy, minimumLovelace, seenUnits: new Set(), readIdentity },
    nudge,
  );
  return [
    {
      method: 'POST',
      url: '/v1/payouts',
      answer: (request, reply) => {
        const key = keyOf(request);
        requireScope(key, 'payout');
        return accept(acceptance, readPayoutRequest(request, key, policy), reply);
      },
    },
    {
      method: 'GET',
      url: '/v1/payouts',
      answer: (request) => {
        requireScope(keyOf(request), 'read');
        return list(deps, request.query);
      },
    },
    {
      method: 'GET',
      url: '/v1/payouts/:id',
      answer: async (request) => {
        requireScope(keyOf(request), 'read');
        return (await readPayout(pool, idOf(request))) ?? refuseUnknown();
      },
    },
    {
      method: 'POST',
      url: '/v1/payouts/:id/cancel',
      answer: async (request) => {
        const key = keyOf(request);
        requireScope(key, 'payout');
        const outcome = await cancelPayout(pool, idOf(request), callerOf(key));
        if (outcome.type === 'not_found') return refuseUnknown();
        if (outcome.type === 'cancelled') return showPayout(outcome.payout);
        throw new HttpProblem(409, 'payout-not-cancellable', outcome.detail);
      },
    },
    {
      method: 'POST',
      url: '/v1/payouts/:id/approve',
      answer: (request) => {
        const key = keyOf(request);
        requireScope(key, 'approve');
        return approve(deps, idOf(request), key);
      },
    },
  ];
}

const callerOf = ({ name }: ApiKey) => ({ kind: 'key', name }) as const satisfies Caller;

const idOf = (request: FastifyRequest): string => (request.params as { id: string }).id;

function refuseUnknown(): never {
  throw new HttpProblem(404, 'not-found', 'there is no such payout');
}

function readPayoutRequest(
  request: FastifyRequest,
  key: ApiKey,
  policy: PayoutPolicy,
): PayoutRequest {
  const { idSecret: secret, network } = policy;
  if (secret === null) {
    const detail = 'payouts are not accepted here: PAYOUT_ID_SECRET is not set';
    throw new HttpProblem(503, 'payouts-off', detail);
  }
  const idempotencyKey = request.headers['idempotency-key'];
  if (typeof idempotencyKey !== 'string' || !isIdempotencyKey(idempotencyKey)) {
    const detail = `the header Idempotency-Key is required: ${IDEMPOTENCY_KEY_FORM}`;
    throw new HttpProblem(400, 'idempotency-key-required', detail);
  }
  const parsed = payoutBody.safeParse(request.body);
  if (!parsed.success) {
    const errors = tellIssues(parsed.error);
    throw new HttpProblem(422, 'invalid-body', errors.map(tellError).join('; '), { errors });
  }
  const asking = { caller: callerOf(key), idempotencyKey, secret, network };
  const checked = checkPayout(parsed.data, asking);
  if (checked.ok) return checked.request;
  const { field, problem } = checked;
  const type = field === 'destinationAddress' ? 'invalid-address' : 'invalid-body';
  const errors = [{ field, problem }];
  throw new HttpProblem(422, type, errors.map(tellError).join('; '), { errors });
}

async function accept(acceptance: Acceptance, request: PayoutRequest, reply: FastifyReply) {
  const outcome = await acceptance.accept(request);
  switch (outcome.type) {
    case 'created':
      void reply.code(201).header('location', `/v1/payouts/${outcome.payout.id}`);
      return showPayout(outcome.payout);
    case 'exists':
      return showPayout(outcome.payout);
    case 'conflict':
      throw new HttpProblem(409, 'idempotency-key-reused', outcome.detail);
    case 'refused':
      throw new HttpProblem(422, outcome.refusal.type, outcome.refusal.detail);
    case 'busy': {
      const detail = 'too many payouts are being accepted at the moment';
      throw new HttpProblem(503, 'busy', detail, {}, { 'retry-after': '1' });
    }
  }
}

function list({ pool, network }: Deps, query: unknown) {
  const { limit, cursor, since, destinationAddress, ...filter } = parseRequest(payoutQuery, query);
  const checked =
    destinationAddress === undefined ? undefined : checkAddress(destinationAddress, network);
  if (checked?.ok === false) {
    throw new HttpProblem(400, 'invalid-request', `destinationAddress: ${checked.problem}`);
  }
  const whole = {
    ...filter,
    since: since === undefined ? undefined : new Date(since),
    destinationAddress: checked?.address.text,
  };
  return listPayouts(pool, whole, { limit, cursor });
}

async function approve({ pool, nudge }: Deps, id: string, key: ApiKey) {
  const outcome = await approvePayout(pool, id, callerOf(key));
  switch (outcome.type) {
    case 'approved':
      nudgeSafely(nudge, [id]);
      return showPayout(outcome.payout);
    case 'not_found':
      return refuseUnknown();
    case 'own': {
      const detail = `the key ${key.name} made this payout: another one must approve it`;
      throw new HttpProblem(403, 'approval-by-creator', detail);
    }
    case 'not_awaiting': {
      const detail = `the payout is ${outcome.status} and awaits no approval`;
      throw new HttpProblem(409, 'payout-not-awaiting-approval', detail);
    }
  }
}
