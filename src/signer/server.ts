import { STATUS_CODES } from 'node:http';
import { TLSSocket } from 'node:tls';
import fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Network } from '../chain/network.js';
import type { Logger } from '../health/logging.js';
import type { Keyholder } from '../payouts/signing/file-signer.js';
import { readTransaction } from '../payouts/signing/read-body.js';
import {
  KEY_PATH,
  LIMIT_REACHED_TYPE,
  PROTOCOL_VERSION,
  REFUSED_TYPE,
  SIGN_PATH,
  SIGN_REQUEST,
} from '../payouts/signing/signer-protocol.js';
import { type Allowance, judge, type Statement, stateOf } from './allowance.js';
import type { Journal } from './journal.js';

export type SignerDeps = {
  readonly network: Network;
  readonly holder: Keyholder;
  readonly allowance: Allowance;
  readonly journal: Journal;
  readonly log: Logger;
  readonly now: () => Date;
  /** PEM. Only clients with a certificate by `ca` are let in. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string };
};

type Answer =
  | { readonly status: 200; readonly body: object }
  | { readonly status: number; readonly type: string; readonly detail: string };

/** A whole transaction as hex, and a line for each of its inputs. */
const BODY_BYTES_MAX = 1_048_576;
const REQUEST_MS_MAX = 10_000;

/** HTTPS with mutual authentication, in the protocol of docs/signer-protocol.md. */
export function buildSignerServer(deps: SignerDeps) {
  const { cert, key, ca } = deps.tls;
  const app = fastify({
    https: {
      cert,
      key,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      handshakeTimeout: REQUEST_MS_MAX,
    },
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    connectionTimeout: 2 * REQUEST_MS_MAX,
    forceCloseConnections: true,
  });
  const decide = oneAtATime((body: unknown, client: string) => sign(deps, body, client));
  app.get(KEY_PATH, () => ({
    version: PROTOCOL_VERSION,
    network: deps.network.name,
    publicKey: Buffer.from(deps.holder.publicKey).toString('hex'),
    keyHash: deps.holder.keyHash,
    address: deps.allowance.wallet,
  }));
  app.post(SIGN_PATH, async (request, reply) => {
    const answer = await decide(request.body, clientOf(request));
    return 'body' in answer ? reply.send(answer.body) : sendProblem(reply, answer);
  });
  app.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, { status: 404, type: 'about:blank', detail: 'there is nothing here' }),
  );
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) {
      return sendProblem(reply, { status, type: 'about:blank', detail: error.message });
    }
    deps.log.error({ event: 'signer_failed', err: error }, 'nothing was signed');
    const detail = 'the signer has a trouble of its own; its log has it, and nothing was signed';
    return sendProblem(reply, { status: 500, type: 'about:blank', detail });
  });
  return app;
}

function sendProblem(
  reply: FastifyReply,
  { status, type, detail }: { status: number; type: string; detail: string },
): FastifyReply {
  return reply
    .code(status)
    .type('application/problem+json; charset=utf-8')
    .send({ type, title: STATUS_CODES[status] ?? 'Error', status, detail });
}

/** What is signed away is summed up before each signature: two at once would both find room. */
function oneAtATime<A extends readonly unknown[], R>(
  act: (...given: A) => Promise<R>,
): (...given: A) => Promise<R> {
  let last: Promise<unknown> = Promise.resolve();
  return (...given) => {
    const next = last.then(() => act(...given));
    last = next.catch(() => undefined);
    return next;
  };
}

async function sign(deps: SignerDeps, body: unknown, client: string): Promise<Answer> {
  const { network, allowance, journal, holder, log } = deps;
  const request = SIGN_REQUEST.safeParse(body);
  if (!request.success) {
    const where = request.error.issues[0]?.path.join('.');
    return {
      status: 400,
      type: 'about:blank',
      detail: `not a request to sign: ${where || 'body'}`,
    };
  }
  const refuse = (problem: string, statement: object = { id: request.data.id }): Answer => {
    log.warn({ event: 'signing_refused', client, reason: problem, ...statement }, 'not signed');
    return { status: 422, type: REFUSED_TYPE, detail: problem };
  };
  if (request.data.network !== network.name) return refuse(`this signs for ${network.name}`);
  const result = readTransaction(request.data.transaction, network);
  if (!result.ok) return refuse(`the transaction ${result.problem}`);
  const statement = stateOf(result.transaction, allowance.wallet);
  if (statement.id !== request.data.id) return refuse(`the transaction has the id ${statement.id}`);
  const now = deps.now();
  const signedToday = journal.signedToday(now, statement.id);
  const verdict = judge(statement, allowance, signedToday);
  if (verdict.type === 'refuse') return refuse(verdict.problem, show(statement));
  if (verdict.type === 'later') {
    refuse(verdict.problem, show(statement));
    return { status: 429, type: LIMIT_REACHED_TYPE, detail: verdict.problem };
  }
  // On the disk before the signature exists: what isn't remembered isn't signed.
  await journal.record({ id: statement.id, at: now, leaving: statement.leaving });
  const today = (signedToday + statement.leaving).toString();
  log.info({ event: 'signed', client, signed_today: today, ...show(statement) }, 'signed');
  const { publicKey, signature } = holder.witness(statement.id);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const answer = { publicKey: hex(publicKey), signature: hex(signature) };
  return { status: 200, body: { version: PROTOCOL_VERSION, ...answer } };
}

/** For the log: everything that is signed, so that a person can follow it. */
const show = (statement: Statement) => ({
  id: statement.id,
  leaving: statement.leaving.toString(),
  fee: statement.fee.toString(),
  invalid_hereafter: statement.invalidHereafter.toString(),
  payees: statement.payees.map(({ address, lovelace, assets }) => ({
    address,
    lovelace: lovelace.toString(),
    assets: Object.fromEntries([...assets].map(([unit, amount]) => [unit, amount.toString()])),
  })),
  payouts: statement.payoutIds,
});

function clientOf({ raw }: FastifyRequest): string {
  if (!(raw.socket instanceof TLSSocket)) return '';
  const { subject } = raw.socket.getPeerCertificate() as { subject?: { CN?: string | string[] } };
  return String(subject?.CN ?? '');
}
