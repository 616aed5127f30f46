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
import { applied, arrived, type Flow, IDLE, requestsToSend, sent } from './flow.js';
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

export type TakeLimits = { readonly frames: number; readonly bytes: number };

export type SessionDeps = {
  /** Endpoints that have answered a tip query before: from those, silence is a stall. */
  readonly answersTipQuery: { get(): boolean; set(): void };
};

/**
 * A ping unanswered, and nothing else heard, for this long: the socket is dead. Looked at with every
 * ping, and asked up to one ping late: noticed within 28 s, whatever the phase (contract: 30 s).
 */
const SILENCE_MS_MAX = 18_000;
const PING_EVERY_MS = 5_000;
/** Where an endpoint was never heard to answer a tip query, it may not know how. */
const UNPROVEN_SILENCE_MS_MAX = 300_000;
const REQUEST_MS_MAX = 20_000;

const NEXT_BLOCK = JSON.stringify({ jsonrpc: '2.0', method: 'nextBlock', id: 'b' });
const TIP_QUERY = JSON.stringify({ jsonrpc: '2.0', method: 'queryNetwork/tip', id: 't' });
/** Answers to nextBlock are recognised without parsing them. */
const BLOCK_ANSWER =
  /^\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"method"\s*:\s*"nextBlock"\s*,\s*"result"/;
const HEAD_BYTES = 100;

export function createSession(socket: WebSocket, deps: SessionDeps): ChainSyncSession {
  const inbox: Buffer[] = [];
  let flow: Flow = IDLE;
  let takenBytes = 0;
  let begun = false;
  let ended: Error | null = null;
  let wake: (() => void) | null = null;
  let asked: ((outcome: Fields | Error) => void) | null = null;
  let heardAt = Date.now();
  let answeredAt = Date.now();
  let tipAskedAt: number | null = null;
  let tipOutstanding = false;
  let blockAnswered = false;

  const end = (error: Error): void => {
    if (ended !== null) return;
    ended = error;
    clearInterval(pulse);
    socket.terminate();
    asked?.(error);
    wake?.();
  };

  const request = (): void => {
    if (!begun || ended !== null) return;
    const requests = requestsToSend(flow);
    for (let sending = 0; sending < requests; sending += 1) socket.send(NEXT_BLOCK);
    flow = sent(flow, requests);
  };

  const deliver = (frame: Buffer): void => {
    blockAnswered = true;
    inbox.push(frame);
    flow = arrived(flow, frame.length);
    request();
    wake?.();
  };

  const route = (frame: Buffer): void => {
    answeredAt = Date.now();
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
    const { error, method } = message;
    if (error !== undefined && SAYS_KEY_REFUSED.test(JSON.stringify(error))) {
      return end(new KeyRefused('the node refused the key in a JSON-RPC error'));
    }
    if (method === 'queryNetwork/tip' || message.id === 't') return hearTip();
    if (method === 'nextBlock' && begun) {
      if (error === undefined) return deliver(frame);
      return end(new ProtocolError('the node answered nextBlock with an error', error));
    }
    if (asked !== null) return asked(message);
    // Servers that don't know a method say so without its name, and some without our id.
    if (error !== undefined && method === undefined && tipOutstanding) return hearTip();
    if (error !== undefined) end(new ProtocolError('the node answered with an error', error));
  };

  /** Any answer proves life, an error too. */
  const hearTip = (): void => {
    tipOutstanding = false;
    deps.answersTipQuery.set();
  };

  const askTip = (): void => {
    tipAskedAt = Date.now();
    tipOutstanding = true;
    socket.send(TIP_QUERY);
  };

  const pulse = setInterval(() => {
    const now = Date.now();
    if (now - heardAt > SILENCE_MS_MAX) {
      return end(new Stalled(`heard nothing for ${SILENCE_MS_MAX / 1000} s: the socket is dead`));
    }
    // The first answer to nextBlock, the step back to where we are, never waits for a block.
    const proven = deps.answersTipQuery.get() || !blockAnswered;
    const patience = proven ? SILENCE_MS_MAX : UNPROVEN_SILENCE_MS_MAX;
    if (tipAskedAt !== null && answeredAt < tipAskedAt && now - tipAskedAt > patience) {
      return end(new Stalled(`pongs, but answered nothing for ${patience / 1000} s: stalled`));
    }
    socket.ping();
    if (tipAskedAt === null || answeredAt >= tipAskedAt) askTip();
  }, PING_EVERY_MS);

  socket.on('message', (data: Buffer) => {
    heardAt = Date.now();
    route(data);
  });
  socket.on('pong', () => {
    heardAt = Date.now();
  });
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
      begun = true;
      // At once: an endpoint that stalls before it answered one could only be waited for.
      if (ended === null) askTip();
      request();
    },
    async take(limits) {
      flow = applied(flow, takenBytes);
      takenBytes = 0;
      request();
      while (inbox.length === 0) {
        if (ended !== null) throw ended;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = null;
      }
      const frames: string[] = [];
      while (frames.length < limits.frames && (takenBytes === 0 || takenBytes < limits.bytes)) {
        const frame = inbox.shift();
        if (frame === undefined) break;
        takenBytes += frame.length;
        frames.push(frame.toString('utf8'));
      }
      return frames;
    },
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
