import type pg from 'pg';
import { decodeNextBlock } from '../../src/chain/decode.js';
import { type Content, createChain, type DevnetBlock } from '../../src/devnet/chain.js';
import { createSession } from '../../src/devnet/session.js';
import { chainSource } from '../../src/devnet/source.js';
import { createPaymentHandlers } from '../../src/payments/apply.js';
import { withPayouts } from '../../src/payouts/tracking/tracking.js';
import { createFollower, type Follower } from '../../src/sync/follower.js';
import { beginTerm, readCursor } from '../../src/sync/queries.js';
import { NETWORK } from '../simulation/network.js';
import { ADA, POLICY } from './follow.js';

export const CONFIRMATIONS = 3;
/** Every block is as many after the one before. */
const SLOTS_A_BLOCK = 20;

/** Blocks at even distances; the books follow each of them at once. */
export function chainIn(pool: pg.Pool, hotWallet: string) {
  const clock = { slot: 0 };
  const chain = createChain({ seed: 'paying', slotNow: () => clock.slot });
  const session = createSession(chainSource(chain), { version: 6 });
  session.handle(
    '{"jsonrpc":"2.0","method":"findIntersection","params":{"points":["origin"]},"id":1}',
  );
  const ask = (): string[] => session.handle('{"jsonrpc":"2.0","method":"nextBlock"}');
  const drain = (): string[] => {
    const frames = session.chainChanged();
    if (frames.length === 0 && waiting) return frames;
    for (let more = ask(); more.length > 0; more = ask()) frames.push(...more);
    waiting = true;
    return frames;
  };
  let waiting = false;
  let following: Promise<Follower> | null = null;
  const follow = async (): Promise<void> => {
    following ??= followerOf(pool, hotWallet);
    await (await following).apply(drain());
  };
  const mine = async (
    content: readonly Content[] = [],
    takesSubmitted = true,
  ): Promise<DevnetBlock> => {
    clock.slot = (chain.tip === 'origin' ? 0 : chain.tip.slot) + SLOTS_A_BLOCK;
    const block = chain.mine(content, { takesSubmitted });
    await follow();
    return block;
  };
  return {
    chain,
    follow,
    mine,
    /** That many blocks, all with what was submitted, or all without. */
    mineMany: async (count: number, takesSubmitted = true): Promise<void> => {
      for (let i = 0; i < count; i += 1) await mine([], takesSubmitted);
    },
    /** Gives the wallet outputs of these amounts, in one block. */
    fund: (...ada: number[]): Promise<DevnetBlock> =>
      mine(ada.map((n) => ({ pay: [{ address: hotWallet, lovelace: BigInt(n) * ADA }] }))),
  };
}

async function followerOf(pool: pg.Pool, hotWallet: string): Promise<Follower> {
  const term = await beginTerm(pool, 0, 1, NETWORK.name);
  if ('refused' in term) throw new Error(term.refused);
  const payments = createPaymentHandlers({ partitionId: 0, policy: POLICY, hotWallet });
  const handlers = withPayouts(payments, { partitionId: 0, confirmations: CONFIRMATIONS });
  await handlers.prepare(pool);
  const cursor = await readCursor(pool, 0);
  const follower = createFollower(
    { pool, term, handlers, decode: decodeNextBlock, observe: () => undefined, clock: () => 0 },
    cursor,
  );
  if (cursor === null) await follower.start({ point: 'origin', height: null }, 'origin');
  return follower;
}
