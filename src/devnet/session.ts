import type { PointOrOrigin } from '../chain/point.js';
import { toJson } from './json.js';
import { answerQuery } from './queries.js';
import type { OgmiosVersion } from './render.js';
import type { Request } from './request.js';
import { pointsOf, readRequest } from './request.js';
import type { BlockSource } from './source.js';

export type SessionOptions = { readonly version: OgmiosVersion };

/**
 * One client's protocol state. No sockets, no clock: whoever carries the texts to and fro decides when,
 * so that a simulation can. Each request is answered once, `nextBlock` in the order of asking.
 */
export type Session = {
  /** @returns the answers that are ready now: one, or none where `nextBlock` waits for a block */
  handle(request: string): string[];
  /** To be called after the chain grew or switched. @returns answers to requests that waited for it */
  chainChanged(): string[];
};

export function createSession(source: BlockSource, { version }: SessionOptions): Session {
  let position = 'origin';
  // A node starts every reader with a roll backward to where it stands.
  let toldWhereItStands = false;
  let acquired: string | undefined;
  const parked: string[] = [];

  const nextAnswer = (id: string): string | undefined => {
    const ancestor = source.commonAncestor(position);
    if (ancestor !== position || !toldWhereItStands) {
      position = ancestor;
      toldWhereItStands = true;
      const point = toJson(source.pointAt(position));
      return nextBlock(id, `"direction":"backward","point":${point},"tip":${tip()}`);
    }
    const next = source.next(position);
    if (next === undefined) return undefined;
    position = next;
    const block = source.render(next, version);
    return nextBlock(id, `"direction":"forward","block":${block},"tip":${tip()}`);
  };
  const tip = (): string => toJson(source.tip());
  const drain = (): string[] => {
    const answers: string[] = [];
    for (let id = parked[0]; id !== undefined; id = parked[0]) {
      const answer = nextAnswer(id);
      if (answer === undefined) break;
      answers.push(answer);
      parked.shift();
    }
    return answers;
  };
  const findIntersection = (request: Request): string => {
    const points = pointsOf(request.params);
    if (points === undefined) return invalid(request.id, 'points must be a list of points');
    if (parked.length > 0) return failed(request, 1001, INTERLEAVED);
    for (const point of points) {
      const found = source.find(point);
      if (found === undefined) continue;
      position = found;
      toldWhereItStands = false;
      const intersection = toJson(source.pointAt(found));
      return succeeded(request, `{"intersection":${intersection},"tip":${tip()}}`);
    }
    return failed(request, 1000, 'No intersection found.', `{"tip":${tip()}}`);
  };
  const acquire = (request: Request): string => {
    const [point] = pointsOf({ points: [paramOf(request, 'point')] }) ?? [];
    if (point === undefined) return invalid(request.id, 'point must be a point or "origin"');
    const found = source.find(point);
    const problem = unavailable(source, found);
    if (found === undefined || problem !== undefined) {
      return failed(request, 2000, 'Failed to acquire requested point.', JSON.stringify(problem));
    }
    acquired = found;
    return succeeded(request, `{"acquired":"ledgerState","point":${showPoint(source, found)}}`);
  };
  const answer = (request: Request): string[] => {
    switch (request.method) {
      case 'nextBlock':
        parked.push(request.id);
        return drain();
      case 'findIntersection':
        return [findIntersection(request)];
      case 'acquireLedgerState':
        return [acquire(request)];
      case 'releaseLedgerState':
        acquired = undefined;
        return [succeeded(request, '{"released":"ledgerState"}')];
      default:
        return [query(request, source, acquired, version)];
    }
  };
  return {
    handle: (text) => {
      const request = readRequest(text);
      return 'problem' in request ? [invalid(request.id, request.problem)] : answer(request);
    },
    chainChanged: drain,
  };
}

const INTERLEAVED =
  "Cannot interleave 'findIntersection' requests with 'nextBlock'. Note that you should never face " +
  'this error. If you do, please open an issue.';

function unavailable(source: BlockSource, found: string | undefined): string | undefined {
  if (found === undefined) return 'Acquired point no longer exist.';
  return source.depthOf(found) > source.ledgerDepth ? 'Acquired point is now too old.' : undefined;
}

function query(
  request: Request,
  source: BlockSource,
  acquired: string | undefined,
  version: OgmiosVersion,
): string {
  const outcome = answerQuery(request, source, acquired, version);
  switch (outcome.type) {
    case 'result':
      return succeeded(request, toJson(outcome.result));
    case 'invalid':
      return invalid(request.id, outcome.problem);
    case 'unavailable':
      return failed(request, 2002, 'Query unavailable in the current era.');
  }
}

const paramOf = (request: Request, name: string): unknown =>
  typeof request.params === 'object' && request.params !== null
    ? Reflect.get(request.params, name)
    : undefined;

const showPoint = (source: BlockSource, position: string): string => {
  const point: PointOrOrigin = source.pointAt(position);
  return toJson(point);
};

const nextBlock = (id: string, result: string): string =>
  `{"jsonrpc":"2.0","method":"nextBlock","result":{${result}},"id":${id}}`;

const succeeded = ({ method, id }: Request, result: string): string =>
  `{"jsonrpc":"2.0","method":"${method}","result":${result},"id":${id}}`;

function failed({ method, id }: Request, code: number, message: string, data?: string): string {
  const detail = data === undefined ? '' : `,"data":${data}`;
  const error = `{"code":${code},"message":${JSON.stringify(message)}${detail}}`;
  return `{"jsonrpc":"2.0","method":"${method}","error":${error},"id":${id}}`;
}

/** Ogmios answers -32600 to all that it can't read, also to a method that it doesn't know. */
function invalid(id: string, problem: string): string {
  const message = JSON.stringify(`Invalid request: ${problem}.`);
  return `{"jsonrpc":"2.0","error":{"code":-32600,"message":${message}},"id":${id}}`;
}
