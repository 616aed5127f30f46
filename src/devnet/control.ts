import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { actionSchema, perform } from './actions.js';
import { onChain, pending, showAmounts } from './look.js';
import { readBody } from './request-body.js';
import type { Devnet } from './server.js';

/**
 * The control API, JSON in and out, amounts as decimal strings.
 *
 * | call | body | does |
 * |---|---|---|
 * | `GET /control` | | this list |
 * | `GET /control/tip` | | the best chain's tip |
 * | `GET /control/utxo?address=A` | | what the address has, at the tip |
 * | `GET /control/mempool` | | what was submitted and could be in the next block, oldest first |
 * | `GET /control/transactions?address=A` | | the best chain's transactions that paid A, oldest first |
 * | `GET /control/transactions?id=ID` | | that one, where it is on the best chain |
 * | `POST /control/pay` | `{address, lovelace, assets?: {unit: "n"}, mine?}` | pays in the next block, or at once |
 * | `POST /control/mine` | `{blocks?, bytes?}` | blocks, the first at least `bytes` large |
 * | `POST /control/fork` | `{depth, blocks?, comeBack?: "all" or "none"}` | replaces the last blocks |
 * | `POST /control/split` | `{port?, blockTimeMs?}` | a second devnet with this history that runs apart; its address |
 * | `POST /control/drift` | `{slots, share}` | time passes on both sides; the other one has that share of pools |
 * | `POST /control/join` | `{winner: "this" or "other"}` | one side's chain becomes the other's too |
 * | `POST /control/spend` | `{references: ["ID#0"], to?, mine?}` | a rival spends these outputs, next block |
 * | `POST /control/evict` | `{count?}` | the mempool forgets its oldest transactions, or all |
 * | `POST /control/watch` | `{addresses}` | random content pays these too |
 * | `POST /control/fault` | `{kind, …}`, see `FAULTS` | something goes wrong |
 * | `POST /control/heal` | `{kind?}` | ends a fault, or all |
 */
export const CALLS = {
  'GET /control': 'this list',
  'GET /control/tip': 'tip of the best chain',
  'GET /control/utxo?address=A': 'what the address has at the tip',
  'GET /control/mempool': 'what was submitted and could be in the next block',
  'GET /control/transactions?address=A': 'transactions on the best chain that paid the address',
  'GET /control/transactions?id=ID': 'that transaction, where it is on the best chain',
  'POST /control/pay': '{address, lovelace, assets?: {unit: "n"}, mine?} pays in the next block',
  'POST /control/mine': '{blocks?, bytes?} mines; the first block is at least that large',
  'POST /control/fork': '{depth, blocks?, comeBack?: "all"|"none"} replaces the last blocks',
  'POST /control/split': '{port?, blockTimeMs?} a second devnet with this history that runs apart',
  'POST /control/drift':
    '{slots, share} time passes on both sides, the other has that share of pools',
  'POST /control/join': '{winner: "this"|"other"} one chain of the two wins on both sides',
  'POST /control/spend': '{references: ["ID#0"], to?, mine?} a rival spends them, next block',
  'POST /control/evict': '{count?} the mempool forgets its oldest transactions, or all',
  'POST /control/watch': '{addresses} random content pays these too',
  'POST /control/fault': '{kind, …} something goes wrong, see faults',
  'POST /control/heal': '{kind?} ends a fault, or all',
};

export const FAULTS = {
  drop: '{code?} closes every connection, without a code abruptly',
  halfOpen: 'every connection is open and dead from now on',
  stall: 'answers nothing until healed',
  slow: '{delayMs} delays every answer',
  refuseKey: '{how?: 401|403|1008|4001|4003|4401|4403|"error", key?} refuses one key, or all',
  garbage: '{times?} the next answers are no JSON',
  truncatedJson: '{times?} the next answers end in the middle',
  truncatedFrame: '{times?} the next frames end in the middle, and the connection',
  undecodable: '{times?} the next blocks are of an unknown type',
  rpcError: '{times?, code?, message?} the next answers are JSON-RPC errors',
  syncing: '{behind, synchronization?} a restarted node that is still syncing',
  oldTip: '{behind} a restarted node with an older tip that thinks it is in step',
  submitLate: '{delayMs, times?} the next transactions are taken at once and answered late',
  submitUnanswered: '{times?} the next transactions are taken, and nobody is told',
  submitMisreported: '{times?, code?, message?, data?} taken, and answered with an error',
  submitRefused: '{times?, code?, data?} not taken, however good the next transactions are',
  submitForgotten: '{times?} answered as if the next transactions were taken, and gone',
  mempoolFull: 'takes no transactions until healed',
  congestion: 'blocks hold nothing of what was submitted until healed',
};

/** @returns false where the request isn't for the control API */
export function answerControl(
  devnet: Devnet,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const url = new URL(request.url ?? '/', 'http://devnet');
  const [, root, call = '', ...rest] = url.pathname.split('/');
  if (root !== 'control' || rest.length > 0) return false;
  const send = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
    response.end(`${JSON.stringify(body)}\n`);
  };
  if (request.method === 'GET') {
    const answer = look(devnet, call, url.searchParams);
    send(answer === undefined ? 404 : 200, answer ?? { error: `no such call: ${call}` });
    return true;
  }
  readBody(request)
    .then((body) => act(devnet, call, body === '' ? {} : JSON.parse(body)))
    .then(
      (result) => send(200, result),
      (error: unknown) => send(400, { error: describe(error) }),
    );
  return true;
}

function look(devnet: Devnet, call: string, query: URLSearchParams): unknown {
  switch (call) {
    case '':
      return { calls: CALLS, faults: FAULTS };
    case 'tip':
      return devnet.chain.tip;
    case 'utxo': {
      const { tip } = devnet.chain;
      const found = devnet.chain.unspentAt(
        tip === 'origin' ? tip : tip.id,
        query.getAll('address'),
      );
      return [...found].map(([reference, output]) => ({ reference, ...showAmounts(output) }));
    }
    case 'mempool':
      return pending(devnet.chain);
    case 'transactions':
      return onChain(devnet.chain, query.getAll('address'), query.getAll('id'));
    default:
      return undefined;
  }
}

function act(devnet: Devnet, call: string, body: unknown): unknown {
  const fields = z.record(z.string(), z.unknown()).parse(body);
  const action = call === 'fault' ? { do: call, fault: fields } : { do: call, ...fields };
  return perform(devnet, actionSchema.parse(action));
}

const describe = (error: unknown): string =>
  error instanceof z.ZodError ? z.prettifyError(error) : String(error);
