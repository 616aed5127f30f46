import { z } from 'zod';
import type { ApiScope } from '../config.js';
import { payoutBody } from '../payouts/accepting/request.js';
import {
  addressQuery,
  addressView,
  balancesView,
  ledgerEntryView,
  pageQuery,
  paymentQuery,
  paymentView,
  payoutQuery,
  payoutView,
  problemView,
  registrationBody,
  registrationItems,
} from './schemas.js';

type Operation = {
  readonly summary: string;
  readonly scope: ApiScope;
  readonly query?: z.ZodObject;
  /** Header that must be sent, and what it is. */
  readonly header?: { readonly name: string; readonly description: string };
  readonly body?: z.ZodType;
  readonly answers: Readonly<Record<number, z.ZodType>>;
};

const pageOf = (item: z.ZodType): z.ZodType =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

/** Paths with their operations, as the routes answer them. A test holds this against the routes. */
const OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  '/v1/addresses': {
    post: {
      summary: 'Register an address to watch, or up to 10,000 of them',
      scope: 'write',
      body: z.union([registrationBody, z.array(registrationBody).max(10_000)]),
      answers: { 200: z.union([addressView, registrationItems]), 201: addressView },
    },
    get: {
      summary: 'Registered addresses, in the order of their registration',
      scope: 'read',
      query: addressQuery,
      answers: { 200: pageOf(addressView) },
    },
  },
  '/v1/addresses/{address}': {
    get: { summary: 'One registered address', scope: 'read', answers: { 200: addressView } },
  },
  '/v1/payments': {
    get: {
      summary: 'Payments, oldest first',
      scope: 'read',
      query: paymentQuery,
      answers: { 200: pageOf(paymentView) },
    },
  },
  '/v1/payments/{txHash}/{outputIndex}': {
    get: { summary: 'One payment', scope: 'read', answers: { 200: paymentView } },
  },
  '/v1/users/{userId}/balances': {
    get: { summary: 'Balances of a user', scope: 'read', answers: { 200: balancesView } },
  },
  '/v1/users/{userId}/ledger': {
    get: {
      summary: 'Every ledger entry of a user, oldest first',
      scope: 'read',
      query: pageQuery,
      answers: { 200: pageOf(ledgerEntryView) },
    },
  },
  '/v1/payouts': {
    post: {
      summary: 'Ask for a payout; the same key and body again answers the same payout',
      scope: 'payout',
      header: {
        name: 'Idempotency-Key',
        description: '1 to 255 visible characters, one for each payout; kept for good',
      },
      body: payoutBody,
      answers: { 200: payoutView, 201: payoutView },
    },
    get: {
      summary: 'Payouts, oldest first',
      scope: 'read',
      query: payoutQuery,
      answers: { 200: pageOf(payoutView) },
    },
  },
  '/v1/payouts/{id}': {
    get: { summary: 'One payout', scope: 'read', answers: { 200: payoutView } },
  },
  '/v1/payouts/{id}/cancel': {
    post: {
      summary: 'End a payout that surely was never submitted',
      scope: 'payout',
      answers: { 200: payoutView },
    },
  },
  '/v1/payouts/{id}/approve': {
    post: {
      summary: 'Approve a payout that another key asked for',
      scope: 'approve',
      answers: { 200: payoutView },
    },
  },
};

export function openApiDocument(version: string): Record<string, unknown> {
  return {
    openapi: '3.1.0',
    info: { title: 'chain-teller', version, description: 'Amounts are decimal strings.' },
    security: [{ key: [] }],
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    paths: Object.fromEntries(
      Object.entries(OPERATIONS).map(([path, operations]) => [
        path,
        Object.fromEntries(
          Object.entries(operations).map(([method, one]) => [method, show(path, one)]),
        ),
      ]),
    ),
  };
}

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): unknown =>
  Object.fromEntries(
    // OpenAPI 3.1 names its dialect once for the whole document.
    Object.entries(z.toJSONSchema(schema, { io, unrepresentable: 'any' })).filter(
      ([name]) => name !== '$schema',
    ),
  );

function show(path: string, operation: Operation): Record<string, unknown> {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(operation.query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema: schemaOf(schema as z.ZodType, 'input'),
  }));
  const inHeader =
    operation.header === undefined
      ? []
      : [{ ...operation.header, in: 'header', required: true, schema: { type: 'string' } }];
  const answers = Object.entries(operation.answers).map(([status, schema]) => [
    status,
    {
      description: 'Done',
      content: { 'application/json': { schema: schemaOf(schema, 'output') } },
    },
  ]);
  const problem = {
    description: 'Not done; the body says why (RFC 9457)',
    content: { 'application/problem+json': { schema: schemaOf(problemView, 'output') } },
  };
  return {
    summary: operation.summary,
    description: `Needs the scope \`${operation.scope}\`.`,
    parameters: [...inPath, ...inQuery, ...inHeader],
    ...(operation.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(operation.body, 'input') } },
          },
        }),
    responses: { ...Object.fromEntries(answers), default: problem },
  };
}
