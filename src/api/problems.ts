import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { isTransient } from '../database/pool.js';
import { CursorError } from '../payments/pages.js';
import { BooksContradict } from '../sync/contradiction.js';

/** An answer that is an error, as RFC 9457 has it. `fields` are extension members. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  constructor(
    readonly status: number,
    /** Last part of the problem type's URI; stable, for programs. */
    readonly type: string,
    readonly detail: string,
    readonly fields: Readonly<Record<string, unknown>> = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
  }
}

const TYPE_PREFIX = 'urn:chain-teller:problem:';

export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  problem: HttpProblem,
): FastifyReply {
  const { status, type, detail, fields, headers } = problem;
  return reply
    .code(status)
    .headers(headers)
    .type('application/problem+json; charset=utf-8')
    .send({
      type: TYPE_PREFIX + type,
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail,
      instance: request.url.split('?', 1)[0],
      requestId: request.id,
      ...fields,
    });
}

/** Only errors that are the caller's are explained; ours are logged, under the id that the answer names. */
export function problemOf(error: FastifyError | Error, request: FastifyRequest): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof CursorError) return new HttpProblem(400, 'invalid-cursor', error.message);
  const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
  if (status >= 400 && status < 500) {
    return new HttpProblem(status, CLIENT_ERRORS[status] ?? 'bad-request', error.message);
  }
  request.log.error({ err: error, event: 'request_failed' }, 'request failed');
  if (isTransient(error)) {
    const detail = 'the database is not reachable at the moment';
    return new HttpProblem(503, 'unavailable', detail, {}, { 'retry-after': '2' });
  }
  if (error instanceof BooksContradict) {
    const detail =
      'the books contradict themselves: this waits until an operator has looked at them';
    return new HttpProblem(503, 'books-contradict', detail, {}, { 'retry-after': '60' });
  }
  return new HttpProblem(500, 'internal', 'something went wrong here; the log has it by requestId');
}

const CLIENT_ERRORS: Readonly<Record<number, string>> = {
  400: 'bad-request',
  408: 'timeout',
  413: 'body-too-large',
  414: 'url-too-long',
  415: 'unsupported-media-type',
};
