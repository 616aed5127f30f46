import { parseExactJson } from '../../src/chain/exact-json.js';
import { fieldsOf } from '../../src/chain/fields.js';
import { createSession as createNodeSession } from '../../src/devnet/session.js';
import type { BlockSource } from '../../src/devnet/source.js';
import { ConnectionEnded } from '../../src/sync/connection.js';
import { type ChainSyncSession, readIntersection } from '../../src/sync/session.js';

/** What the network does to the next answers. */
export type Weather = {
  /** How many answers arrive now; 0 where the node is stalled. */
  readonly arriving: () => number;
  /** Changes an answer on its way, or leaves it. */
  readonly spoil: (frame: string) => string;
  readonly down: () => boolean;
};

const NEXT_BLOCK = JSON.stringify({ jsonrpc: '2.0', method: 'nextBlock' });

/** A chain-sync session with the devnet, without a socket: the world decides what arrives and when. */
export function connectTo(
  source: BlockSource,
  version: 6 | 7,
  weather: Weather,
  idle: () => Promise<void>,
): ChainSyncSession {
  const node = createNodeSession(source, { version });
  const arrived: string[] = [];
  let asked = 0;
  let closed: string | null = null;
  const check = (): void => {
    if (closed !== null) throw new ConnectionEnded(closed);
    if (weather.down()) throw new ConnectionEnded('the connection dropped');
  };
  return {
    findIntersection: (points) => {
      check();
      const [answer = ''] = node.handle(
        JSON.stringify({ jsonrpc: '2.0', method: 'findIntersection', params: { points } }),
      );
      return Promise.resolve(readIntersection(fieldsOf(parseExactJson(answer), 'answer')));
    },
    begin: () => undefined,
    take: async ({ frames }) => {
      for (;;) {
        check();
        arrived.push(...node.chainChanged());
        const wanted = Math.min(frames, weather.arriving());
        while (asked < wanted) {
          asked += 1;
          arrived.push(...node.handle(NEXT_BLOCK));
        }
        if (arrived.length > 0) {
          const taken = arrived.splice(0, wanted);
          asked -= taken.length;
          if (taken.length > 0) return taken.map(weather.spoil);
        }
        await idle();
      }
    },
    close: (reason) => {
      closed = reason;
    },
  };
}
