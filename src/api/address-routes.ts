import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { checkAddress } from '../chain/address.js';
import type { Network } from '../chain/network.js';
import type { ApiKey } from '../config.js';
import { listAddresses, showAddress } from '../payments/reads.js';
import {
  REGISTRATIONS_PER_BATCH_MAX,
  type RegistrationDeps,
  type RegistrationResult,
  registerAddresses,
} from '../payments/registration.js';
import type { RegistrationRequest } from '../payments/registration-request.js';
import { requireScope } from './keys.js';
import { HttpProblem } from './problems.js';
import type { Route } from './routes.js';
import { addressQuery, registrationBody } from './schemas.js';
import { parseRequest, tellError, tellIssues } from './validation.js';

export type ApiDeps = {
  readonly pool: Pool;
  readonly network: Network;
  readonly partitionId: number;
  readonly hotWalletAddress: string | null;
};

/** The caller, found by the hook that runs before every route of `/v1`. */
export type KeyOf = (request: FastifyRequest) => ApiKey;

/** 10,000 registrations with references and a little metadata each. */
const BATCH_BODY_BYTES_MAX = 16 * 1024 * 1024;

export function addressRoutes(deps: ApiDeps, keyOf: KeyOf): readonly Route[] {
  const depsFor = (request: FastifyRequest): RegistrationDeps => ({
    ...deps,
    actor: `api:${keyOf(request).name}`,
  });
  return [
    {
      method: 'POST',
      url: '/v1/addresses',
      bodyLimit: BATCH_BODY_BYTES_MAX,
      answer: async (request, reply) => {
        requireScope(keyOf(request), 'write');
        const { body } = request;
        return Array.isArray(body)
          ? { items: await registerBatch(deps.pool, body, depsFor(request)) }
          : registerOne(deps.pool, body, depsFor(request), reply);
      },
    },
    {
      method: 'GET',
      url: '/v1/addresses',
      answer: (request) => {
        requireScope(keyOf(request), 'read');
        const { userId, ...page } = parseRequest(addressQuery, request.query);
        return listAddresses(deps.pool, { userId }, page);
      },
    },
    {
      method: 'GET',
      url: '/v1/addresses/:address',
      answer: async (request) => {
        requireScope(keyOf(request), 'read');
        const { address } = request.params as { address: string };
        const checked = checkAddress(address, deps.network);
        if (!checked.ok) throw new HttpProblem(404, 'not-found', `the address ${checked.problem}`);
        const found = await showAddress(deps.pool, checked.address.text);
        if (found === null)
          throw new HttpProblem(404, 'not-found', 'the address is not registered');
        return found;
      },
    },
  ];
}

async function registerOne(
  pool: Pool,
  body: unknown,
  deps: RegistrationDeps,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const parsed = registrationBody.safeParse(body);
  if (!parsed.success) {
    const errors = tellIssues(parsed.error);
    throw new HttpProblem(422, 'invalid-body', errors.map(tellError).join('; '), { errors });
  }
  const [result] = await registerAddresses(pool, [parsed.data], deps);
  if (result === undefined) throw new Error('a registration without a result');
  const { outcome, address, detail = '' } = result;
  if (outcome === 'invalid') throw new HttpProblem(422, 'invalid-address', detail);
  if (outcome === 'conflict') throw new HttpProblem(409, 'address-taken', `the address ${detail}`);
  if (outcome === 'created') void reply.code(201).header('location', `/v1/addresses/${address}`);
  return reply.send(await showAddress(pool, address));
}

/** Items that aren't even registrations are invalid like any other: the good ones are registered. */
async function registerBatch(
  pool: Pool,
  items: readonly unknown[],
  deps: RegistrationDeps,
): Promise<RegistrationResult[]> {
  if (items.length > REGISTRATIONS_PER_BATCH_MAX) {
    const detail = `${items.length} addresses; at most ${REGISTRATIONS_PER_BATCH_MAX} at once`;
    throw new HttpProblem(422, 'batch-too-large', detail);
  }
  const parsed = items.map((item) => registrationBody.safeParse(item));
  const requests = parsed.flatMap((one): RegistrationRequest[] => (one.success ? [one.data] : []));
  const results = (await registerAddresses(pool, requests, deps)).values();
  return parsed.map((one, index): RegistrationResult => {
    if (!one.success) {
      const detail = tellIssues(one.error).map(tellError).join('; ');
      return { address: addressIn(items[index]), outcome: 'invalid', detail };
    }
    const next = results.next();
    if (next.done === true) throw new Error('a registration without a result');
    return next.value;
  });
}

const addressIn = (item: unknown): string =>
  typeof item === 'object' && item !== null && 'address' in item && typeof item.address === 'string'
    ? item.address
    : '';
