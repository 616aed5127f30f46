import type { WebSocket } from 'ws';
import { decodePoint, decodeTip } from '../chain/decode.js';
import { parseExactJson } from '../chain/exact-json.js';
import { type Fields, fieldsOf, ProtocolError } from '../chain/fields.js';
import type { PointOrOrigin } from '../chain/point.js';
import {
  ConnectionEnded,
  closedWith,
  KeyRefused,
  SAYS_KEY_REFUSED,
  Stalled,
} from './connection.js';
import { createInbox, type TakeLimits } from './inbox.js';
import { NETWORK_QUESTION_ID } from './open-node.js';
import { type PulseDeps, startPulse } from './pulse.js';
import type { IntersectionAnswer } from './verdict.js';

/** One connection's chain synchronization: https://ogmios.dev/mini-protocols/local-chain-sync/ */
export type ChainSyncSession = {
  findIntersection(points: readonly PointOrOrigin[]): Promise<IntersectionAnswer>;
  /** Starts asking for blocks; from here on `take` delivers them. */
  begin(): void;
  /** Waits for an answer, then takes what has arrived. Rejects when the session has ended. */
  take(limits: TakeLimits): Promise<string[]>;
  close(reason: string): void;
};

export type SessionDeps = Pick<PulseDeps, 'answersTipQuery'>;

const REQUEST_MS_MAX = 20_000;

const NEXT_BLOCK = JSON.stringify({ jsonrpc: '2.0', method: 'nextBlock', id: 'b' });
const TIP_QUERY = JSON.stringify({ jsonrpc: '2.0', method: 'queryNetwork/tip', id: 't' });
/** Answers to nextBlock are recognised without parsing them. */
const BLOCK_ANSWER =
  /^\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"method"\s*:\s*"nextBlock"\s*,\s*"result"/;
const HEAD_BYTES = 100;

export function createSession(socket: WebSocket, deps: SessionDeps): ChainSyncSession {
  const inbox = createInbox(() => socket.send(NEXT_BLOCK));
  let begun = false;
  let asked: ((outcome: Fields | Error) => void) | null = null;

  const end = (error: Error): void => {
    if (inbox.ended() !== null) return;
    pulse.stop();
    socket.terminate();
    inbox.end(error);
    asked?.(error);
  };
  const pulse = startPulse({
    ping: () => socket.ping(),
    askTip: () => socket.send(TIP_QUERY),
    onStalled: end,
    answersTipQuery: deps.answersTipQuery,
  });

  const deliver = (frame: Buffer): void => {
    pulse.blockAnswered();
    inbox.deliver(frame);
  };
  const route = (frame: Buffer): void => {
    if (begun && BLOCK_ANSWER.test(frame.subarray(0, HEAD_BYTES).toString('latin1'))) {
      return deliver(frame);
    }
    let message: Fields;
    try {
      message = fieldsOf(parseExactJson(frame.toString('utf8')), 'an answer');
    } catch (error) {
      // Garbage while blocks are awaited stands where a block should be, and is told as that.
      return begun ? deliver(frame) : end(asError(error));
    }
    // Which network it is of was asked before, and is judged by who asked.
    if (message.id === NETWORK_QUESTION_ID) return;
    const { error, method } = message;
    if (error !== undefined && SAYS_KEY_REFUSED.test(JSON.stringify(error))) {
      return end(new KeyRefused('the node refused the key in a JSON-RPC error'));
    }
    if (method === 'queryNetwork/tip' || message.id === 't') return pulse.tipAnswered();
    if (method === 'nextBlock' && begun) {
      if (error === undefined) return deliver(frame);
      return end(new ProtocolError('the node answered nextBlock with an error', error));
    }
    if (asked !== null) return asked(message);
    // Servers that don't know a method say so without its name, and some without our id.
    if (error !== undefined && method === undefined && pulse.tipIsAwaited()) {
      return pulse.tipAnswered();
    }
    if (error !== undefined) end(new ProtocolError('the node answered with an error', error));
  };

  socket.on('message', (data: Buffer) => {
    pulse.answered();
    route(data);
  });
  socket.on('pong', () => pulse.heard());
  socket.on('close', (code, reason) => end(closedWith(code, reason.toString())));
  socket.on('error', (error: NodeJS.ErrnoException) =>
    end(new ConnectionEnded(`the socket failed: ${error.code ?? 'WebSocket error'}`)),
  );
  // It came paused, and may have closed meanwhile.
  socket.resume();
  if (socket.readyState !== socket.OPEN) end(new ConnectionEnded('closed at once'));

  return {
    async findIntersection(points) {
      const message = await askOnce(
        { jsonrpc: '2.0', method: 'findIntersection', params: { points }, id: 'i' },
        (text, settle) => {
          const ended = inbox.ended();
          if (ended !== null) return settle(ended);
          asked = settle;
          socket.send(text);
        },
      ).finally(() => {
        asked = null;
      });
      return readIntersection(message);
    },
    begin() {
      if (inbox.ended() !== null) return;
      begun = true;
      pulse.askTip();
      inbox.begin();
    },
    take: (limits) => inbox.take(limits),
    close: (reason) => end(new ConnectionEnded(reason)),
  };
}

/** Own time limit: a promise that waits for a node may never settle otherwise. */
function askOnce(
  request: Fields,
  send: (text: string, settle: (outcome: Fields | Error) => void) => void,
): Promise<Fields> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Stalled(`no answer to ${String(request.method)} in 20 s`)),
      REQUEST_MS_MAX,
    );
    send(JSON.stringify(request), (outcome) => {
      clearTimeout(timer);
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    });
  });
}

const INTERSECTION_NOT_FOUND = 1000;

/** Reads an answer to `findIntersection`. */
export function readIntersection(message: Fields): IntersectionAnswer {
  if (message.error !== undefined) {
    const error = fieldsOf(message.error, 'error');
    if (error.code !== INTERSECTION_NOT_FOUND) {
      throw new ProtocolError('findIntersection was answered with an error', error);
    }
    return { point: null, tip: decodeTip(fieldsOf(error.data, 'data').tip) };
  }
  const result = fieldsOf(message.result, 'the result of findIntersection');
  return { point: decodePoint(result.intersection), tip: decodeTip(result.tip) };
}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));
