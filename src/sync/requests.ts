import type { WebSocket } from 'ws';
import { parseExactJson } from '../chain/exact-json.js';
import { type Fields, fieldsOf, ProtocolError } from '../chain/fields.js';
import {
  ConnectionEnded,
  closedWith,
  KeyRefused,
  SAYS_KEY_REFUSED,
  Stalled,
} from './connection.js';
import type { Dial } from './endpoints.js';
import { NETWORK_QUESTION_ID, openNode } from './open-node.js';

/** The node answered, and its answer is an error: https://ogmios.dev/api/ */
export class NodeError extends Error {
  override readonly name = 'NodeError';

  /** @param code null where the answer holds no integer there */
  constructor(
    readonly code: number | null,
    message: string,
    readonly data: unknown,
  ) {
    super(message);
  }
}

export type RequestLimits = { readonly timeoutMs: number; readonly signal: AbortSignal };

/** Questions to a node, each with its answer, on a connection of their own. */
export type NodeRequests = {
  /**
   * The result. Rejects with NodeError where the node says no, with Stalled where it says nothing in
   * time, with KeyRefused or ConnectionEnded where the connection ends; it always settles.
   */
  request(method: string, params: Fields | undefined, limits: RequestLimits): Promise<unknown>;
  close(reason: string): void;
  /** Why nothing can be asked any more; null while it can. */
  ended(): Error | null;
};

/** @param signal ends the opening; an open connection is ended by `close` */
export async function openRequests(dial: Dial, signal: AbortSignal): Promise<NodeRequests> {
  return createRequests(await openNode(dial, signal));
}

type Settle = (outcome: { readonly result: unknown } | Error) => void;

function createRequests(socket: WebSocket): NodeRequests {
  const waiting = new Map<string, Settle>();
  let asked = 0;
  let ended: Error | null = null;

  const end = (error: Error): void => {
    if (ended !== null) return;
    ended = error;
    socket.terminate();
    for (const settle of [...waiting.values()]) settle(error);
  };
  socket.on('message', (frame: Buffer) => {
    const answer = readAnswer(frame);
    if (answer instanceof Error) return end(answer);
    // Nobody waits any more for what comes after its time limit.
    waiting.get(answer.id)?.(answer.outcome);
  });
  socket.on('close', (code, reason) => end(closedWith(code, reason.toString())));
  socket.on('error', (error: NodeJS.ErrnoException) =>
    end(new ConnectionEnded(`the socket failed: ${error.code ?? 'WebSocket error'}`)),
  );
  // It came paused, and may have closed meanwhile.
  socket.resume();
  if (socket.readyState !== socket.OPEN) end(new ConnectionEnded('closed at once'));

  const send = (method: string, params: Fields | undefined, settle: Settle): (() => void) => {
    const id = `q${asked}`;
    asked += 1;
    waiting.set(id, settle);
    socket.send(JSON.stringify({ jsonrpc: '2.0', method, params, id }));
    return () => waiting.delete(id);
  };
  return {
    request: (method, params, { timeoutMs, signal }) =>
      new Promise((resolve, reject) => {
        if (ended !== null) return reject(ended);
        if (signal.aborted) return reject(new ConnectionEnded('stopped before asking'));
        const settle: Settle = (outcome) => {
          forget();
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          if (outcome instanceof Error) reject(outcome);
          else resolve(outcome.result);
        };
        const timer = setTimeout(
          () => settle(new Stalled(`no answer to ${method} in ${timeoutMs / 1000} s`)),
          timeoutMs,
        );
        const onAbort = (): void => settle(new ConnectionEnded(`stopped while asking ${method}`));
        signal.addEventListener('abort', onAbort, { once: true });
        const forget = send(method, params, settle);
      }),
    close: (reason) => end(new ConnectionEnded(reason)),
    ended: () => ended,
  };
}

type Answer = { readonly id: string; readonly outcome: { readonly result: unknown } | NodeError };

/** An error: the connection is of no use any more, and whoever waits must be told. */
function readAnswer(frame: Buffer): Answer | Error {
  let message: Fields;
  try {
    message = fieldsOf(parseExactJson(frame.toString('utf8')), 'an answer');
  } catch (error) {
    return error instanceof ProtocolError ? error : new ProtocolError('an answer is not JSON');
  }
  const { id, error, result } = message;
  // Nobody here asked under this id: which network it is of is judged by who did.
  if (error === undefined || id === NETWORK_QUESTION_ID)
    return { id: String(id), outcome: { result } };
  const { code, message: said, data } = errorFields(error);
  if (!isOgmiosCode(code) && SAYS_KEY_REFUSED.test(JSON.stringify(error))) {
    return new KeyRefused('the node refused the key in a JSON-RPC error');
  }
  const problem = new NodeError(
    typeof code === 'number' && Number.isSafeInteger(code) ? code : null,
    typeof said === 'string' ? said : 'without a message',
    data,
  );
  // Whose answer it is can't be known, so nobody may go on waiting for it, or take it for theirs.
  if (typeof id !== 'string') return new ProtocolError('the node answered nobody', error);
  return { id, outcome: problem };
}

const errorFields = (error: unknown): Fields =>
  typeof error === 'object' && error !== null ? fieldsOf(error, 'error') : { message: error };

/** Ogmios' own words speak of "unauthorized votes" and "forbidden withdrawals", which are no matter of keys. */
const isOgmiosCode = (code: unknown): boolean =>
  typeof code === 'number' && code >= 1000 && code < 4000;
