import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HttpProblem } from './problems.js';

export type Method = 'GET' | 'POST' | 'DELETE';

export type Route = {
  readonly method: Method;
  readonly url: string;
  /** Bytes; the server's default where it isn't given. */
  readonly bodyLimit?: number;
  readonly answer: (request: FastifyRequest, reply: FastifyReply) => unknown;
};

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** Adds routes, and for each of their addresses a 405 to the methods that have none: not a 404. */
export function addRoutes(app: FastifyInstance, routes: readonly Route[]): void {
  const allowed = new Map<string, Set<string>>();
  for (const { method, url, bodyLimit, answer } of routes) {
    app.route({ method, url, handler: answer, ...(bodyLimit === undefined ? {} : { bodyLimit }) });
    const methods = allowed.get(url) ?? new Set();
    methods.add(method);
    // Fastify answers HEAD wherever it answers GET.
    if (method === 'GET') methods.add('HEAD');
    allowed.set(url, methods);
  }
  for (const [url, methods] of allowed) {
    const allow = [...methods].join(', ');
    app.route({
      method: METHODS.filter((method) => !methods.has(method)),
      url,
      handler: (request) => {
        const detail = `${request.method} isn't possible here; there is ${allow}`;
        throw new HttpProblem(405, 'method-not-allowed', detail, {}, { allow });
      },
    });
  }
}
