import { failed, invalid, nextBlock, succeeded } from './answers.js';
import { toJson } from './json.js';
import { createMempoolReader } from './mempool-reader.js';
import { answerQuery } from './queries.js';
import type { OgmiosVersion } from './render.js';
import type { Request } from './request.js';
import { pointOf, pointsOf, readRequest } from './request.js';
import type { BlockSource } from './source.js';
import { evaluateTransaction, submitTransaction } from './submission.js';

export type SessionOptions = { readonly version: OgmiosVersion };

/**
 * One client's protocol state. No sockets, no clock: whoever carries the texts to and fro decides when,
 * so that a simulation can. Each request is answered once, `nextBlock` in the order of asking.
 */
export type Session = {
  /** @returns the answers that are ready now: one, or none where `nextBlock` waits for a block */
  readonly handle: (request: string) => string[];
  /** To be called after the chain or the mempool changed. @returns answers to requests that waited for it */
  readonly chainChanged: () => string[];
};

export function createSession(source: BlockSource, { version }: SessionOptions): Session {
  const reader = createReader(source, version);
  const mempool = createMempoolReader(source, version);
  let acquired: string | undefined;
  const acquire = (request: Request): string => {
    const point = pointOf(request.params);
    if (point === undefined) return invalid(request.id, 'point must be a point or "origin"');
    const found = source.find(point);
    const problem = unavailable(source, found);
    if (found === undefined || problem !== undefined) {
      return failed(request, 2000, 'Failed to acquire requested point.', JSON.stringify(problem));
    }
    acquired = found;
    const shown = toJson(source.pointAt(found));
    return succeeded(request, `{"acquired":"ledgerState","point":${shown}}`);
  };
  const answer = (request: Request): string[] => {
    switch (request.method) {
      case 'nextBlock':
        return reader.ask(request.id);
      case 'findIntersection':
        return [reader.findIntersection(request)];
      case 'acquireLedgerState':
        return [acquire(request)];
      case 'releaseLedgerState':
        acquired = undefined;
        return [succeeded(request, '{"released":"ledgerState"}')];
      case 'submitTransaction':
        return [submitTransaction(request, source, version)];
      case 'evaluateTransaction':
        return [evaluateTransaction(request, version)];
      default:
        return mempool.answer(request) ?? [query(request, source, acquired, version)];
    }
  };
  return {
    handle: (text) => {
      const request = readRequest(text);
      return 'problem' in request ? [invalid(request.id, request.problem)] : answer(request);
    },
    chainChanged: () => [...reader.answerParked(), ...mempool.answerParked()],
  };
}

/** Where a client stands on the chain, and its requests that wait there for a block. */
function createReader(source: BlockSource, version: OgmiosVersion) {
  let position = 'origin';
  // A node starts every reader with a roll backward to where it stands.
  let toldWhereItStands = false;
  const parked: string[] = [];
  const tip = (): string => toJson(source.tip());

  const next = (id: string): string | undefined => {
    const ancestor = source.commonAncestor(position);
    if (ancestor !== position || !toldWhereItStands) {
      position = ancestor;
      toldWhereItStands = true;
      const point = toJson(source.pointAt(position));
      return nextBlock(id, `"direction":"backward","point":${point},"tip":${tip()}`);
    }
    const following = source.next(position);
    if (following === undefined) return undefined;
    position = following;
    const block = source.render(following, version);
    return nextBlock(id, `"direction":"forward","block":${block},"tip":${tip()}`);
  };
  const answerParked = (): string[] => {
    const answers: string[] = [];
    for (let id = parked[0]; id !== undefined; id = parked[0]) {
      const answer = next(id);
      if (answer === undefined) break;
      answers.push(answer);
      parked.shift();
    }
    return answers;
  };
  return {
    answerParked,
    ask: (id: string): string[] => {
      parked.push(id);
      return answerParked();
    },
    findIntersection: (request: Request): string => {
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
    },
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
    case 'rendered':
      return succeeded(request, outcome.text);
    case 'invalid':
      return invalid(request.id, outcome.problem);
    case 'unavailable':
      return failed(request, 2002, 'Query unavailable in the current era.');
  }
}
