import type pg from 'pg';
import { decodeNextBlock } from '../../src/chain/decode.js';
import type { UnspentOutput } from '../../src/chain/utxo.js';
import { inTransaction } from '../../src/database/transaction.js';
import type { DevnetChain } from '../../src/devnet/chain.js';
import { createSession } from '../../src/devnet/session.js';
import { chainSource } from '../../src/devnet/source.js';
import type { DevnetOutput } from '../../src/devnet/transaction.js';
import { createPaymentHandlers } from '../../src/payments/apply.js';
import type { BetweenOutcome, BooksBetween } from '../../src/sync/between.js';
import { createFollower } from '../../src/sync/follower.js';
import { beginTerm, moveCursor, readCursor } from '../../src/sync/queries.js';
import { POLICY } from './follow.js';

const NEXT = '{"jsonrpc":"2.0","method":"nextBlock"}';

type Moment = 'asked by address' | 'asked by reference';
export type Asked = { readonly how: Moment; readonly height: number; readonly many: number };

/**
 * A term whose blocks and questions come when the test says so: a real database, the devnet's chain, the
 * real follower and its fence; only the socket is missing. Starts at the chain's tip.
 */
export async function takeOver(
  pool: pg.Pool,
  chain: DevnetChain,
  options: { readonly hotWallet?: string | null } = {},
) {
  const { hotWallet = null } = options;
  const begun = await beginTerm(pool, 0, 1, 'custom:42');
  if ('refused' in begun) throw new Error(begun.refused);
  const term = begun;
  const handlers = createPaymentHandlers({ partitionId: 0, policy: POLICY, hotWallet });
  await handlers.prepare(pool);
  const found = await readCursor(pool, 0);
  const follower = createFollower(
    { pool, term, handlers, decode: decodeNextBlock, observe: () => undefined, clock: () => 0 },
    found,
  );
  const { tip } = chain;
  if (tip === 'origin') throw new Error('the chain must have a block');
  const { slot, id, height } = tip;
  if (found === null) await follower.start({ point: { slot, id }, height }, tip);
  const asked: Asked[] = [];

  const books = (during: (moment: Moment) => Promise<void>): BooksBetween => {
    const cursor = follower.cursor();
    if (cursor === null || cursor.point === 'origin' || cursor.height === null) {
      throw new Error('the books must be somewhere');
    }
    const { point, height: at } = cursor;
    const answer = async (how: Moment, many: number, outputs: Iterable<[string, DevnetOutput]>) => {
      asked.push({ how, height: at, many });
      const unspent = [...outputs].map(unspentOutput);
      await during(how);
      return unspent;
    };
    return {
      pool,
      point,
      height: at,
      unspentAt: (addresses) =>
        answer('asked by address', addresses.length, chain.unspentAt(point.id, addresses)),
      unspentAmong: (references) =>
        answer(
          'asked by reference',
          references.length,
          [...chain.utxoAt(point.id)].filter(([reference]) => references.includes(reference)),
        ),
      write: (work) =>
        inTransaction(pool, async (tx) => {
          const now = await moveCursor(tx, term, cursor, cursor, chain.tip);
          return now === null ? null : work(tx, now);
        }),
    };
  };

  return {
    asked,
    /** Applies all that the chain has, after a step back where it forked. */
    async catchUp({ atOnce = false } = {}): Promise<void> {
      const cursor = follower.cursor();
      let common = cursor === null || cursor.point === 'origin' ? 'origin' : cursor.point.id;
      while (chain.indexOf(common) === undefined) common = chain.block(common)?.parent ?? 'origin';
      const count = (chain.indexOf(common) ?? -1) + 1;
      const frames = framesFrom(chain, count);
      if (atOnce) return follower.apply(frames);
      for (const frame of frames) await follower.apply([frame]);
    },
    /** One try at what is done between two blocks. @param during happens while the node thinks */
    between(
      during: (moment: Moment) => Promise<void> = () => Promise.resolve(),
    ): Promise<BetweenOutcome> {
      if (handlers.between === undefined) throw new Error('there must be work between blocks');
      return handlers.between(books(during));
    },
  };
}

export type ByHand = Awaited<ReturnType<typeof takeOver>>;

function unspentOutput([reference, output]: [string, DevnetOutput]): UnspentOutput {
  const [txHash = '', index = ''] = reference.split('#');
  const { address, lovelace, assets } = output;
  const value = { lovelace, assets };
  return { txHash, output: { index: Number(index), address, value, hasScript: false } };
}

/** A step back to the first `count` blocks, and all blocks above. */
function framesFrom(chain: DevnetChain, count: number): string[] {
  const session = createSession(chainSource(chain), { version: 6 });
  const point = chain.blocks()[count - 1]?.point ?? 'origin';
  const params = { points: [point] };
  session.handle(JSON.stringify({ jsonrpc: '2.0', method: 'findIntersection', params }));
  const many = 1 + chain.blocks().length - count;
  return Array.from({ length: many }, () => session.handle(NEXT)[0] ?? '');
}
