import { randomUUID } from 'node:crypto';
import {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify';
import type { ApiKey } from '../config.js';
import type { Logger } from '../health/logging.js';
import { type ApiDeps, addressRoutes, type KeyOf } from './address-routes.js';
import { type HealthDeps, healthRoutes } from './health-routes.js';
import { authenticate } from './keys.js';
import { openApiDocument } from './openapi.js';
import { paymentRoutes } from './payment-routes.js';
import { type PayoutDeps, payoutRoutes } from './payout-routes.js';
import { HttpProblem, problemOf, sendProblem } from './problems.js';
import { addRoutes } from './routes.js';

export type HttpDeps = Omit<HealthDeps, 'network'> &
  ApiDeps &
  PayoutDeps & {
    /** Null or empty: `/v1` is off. */
    readonly apiKeys: readonly ApiKey[] | null;
    readonly log: Logger;
  };

const BODY_BYTES_MAX = 64 * 1024;
/** A whole request must have arrived by then, and its headers earlier: slow senders hold no sockets. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
/** Longer than the 60 s after which load balancers drop idle connections, so that they do it first. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** Percent-encoded user ids of 200 characters; fastify's default of 100 would refuse base addresses. */
const PARAMETER_LENGTH_MAX = 2_400;

/** The HTTP side of an instance. Not listening yet; `close` waits for the answers under way. */
export function buildHttp(deps: HttpDeps): FastifyInstance {
  const log: FastifyBaseLogger = deps.log;
  const app = fastify({
    loggerInstance: log,
    // Ours says less and names the key.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX },
    // A proxy's id is kept if it looks like one, so that its log and ours can be joined.
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && /^[\w.-]{8,64}$/.test(given) ? given : randomUUID();
    },
    frameworkErrors: (error, request, reply) => {
      void sendProblem(request, reply, problemOf(error, request));
    },
  });
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  app.setErrorHandler((error: FastifyError, request, reply) =>
    sendProblem(request, reply, problemOf(error, request)),
  );
  app.setNotFoundHandler((request, reply) => {
    const off = !deps.apiKeys?.length && /^\/v1(?:\/|$)/.test(request.url);
    const detail = off ? '/v1 is off: API_KEYS is not set' : 'there is nothing at this address';
    return sendProblem(request, reply, new HttpProblem(404, 'not-found', detail));
  });
  addRoutes(app, healthRoutes({ ...deps, network: deps.network.name }));
  if (deps.apiKeys?.length) addVersionOne(app, deps, deps.apiKeys);
  return app;
}

function addVersionOne(app: FastifyInstance, deps: HttpDeps, keys: readonly ApiKey[]): void {
  const callers = new WeakMap<FastifyRequest, ApiKey>();
  const keyOf: KeyOf = (request) => {
    const key = callers.get(request);
    if (key === undefined) throw new Error('a route of /v1 outside of its hook');
    return key;
  };
  // Before the body is read: nobody without a key makes us parse 16 MB.
  void app.register((scope, _, registered) => {
    scope.addHook('onRequest', (request, _reply, done) => {
      callers.set(request, authenticate(keys, request.headers.authorization));
      done();
    });
    scope.addHook('onResponse', (request, reply, done) => {
      const fields = {
        event: 'request',
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        duration_ms: Math.round(reply.elapsedTime),
        key: callers.get(request)?.name,
      };
      request.log.debug(fields, 'request answered');
      done();
    });
    acceptEmptyJson(scope);
    const document = openApiDocument(deps.version);
    addRoutes(scope, [
      ...addressRoutes(deps, keyOf),
      ...paymentRoutes(deps, keyOf),
      ...payoutRoutes(deps, keyOf),
      { method: 'GET', url: '/v1/openapi.json', answer: () => document },
    ]);
    registered();
  });
}

/** Clients that say `application/json` with every POST say so of calls without a body too. */
function acceptEmptyJson(scope: FastifyInstance): void {
  const parse = scope.getDefaultJsonParser('error', 'error');
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parse(request, String(body), done);
  });
}
