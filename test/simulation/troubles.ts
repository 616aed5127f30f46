import type pg from 'pg';
import { PROVEN_HEIGHT } from '../../src/sync/taking-up.js';
import { gatePool, type Mishap } from './gated-pool.js';
import type { Weather } from './node-session.js';
import { SECURITY_PARAMETER } from './payouts/state.js';
import { minePayoutBlock, payoutMisfortune } from './payouts/troubles.js';
import { Crash } from './scheduler.js';
import type { World } from './state.js';

/** What a statement of an actor is to suffer. */
export function mishap(world: World, statement: string, random = world.random): Mishap {
  if (!world.faultsOn || !random.chance(0.012 * calmness(world))) return 'none';
  if (statement === 'rollback') return 'none';
  return random.pick(['away', 'answer_lost', 'crash', 'crash_after'] as const);
}

/** A guard has to hear its witnesses several times in a term: where that is what is tried, terms last longer. */
export const calmness = ({ guard }: World): number => (guard === null ? 1 : 0.4);

/** The database as one actor meets it: with a gate and perhaps a mishap at every statement. */
export const poolOf = (world: World, name: string, real = world.pool): pg.Pool =>
  gatePool(
    real,
    () => name,
    world.scheduler,
    (statement) => {
      const fate = mishap(world, statement);
      if (fate === 'away' || fate === 'answer_lost') world.tally.databaseFaults += 1;
      return fate;
    },
    undefined,
    // Where nobody changes the cursor its evidence is the same at any moment.
    (statement) =>
      world.cursorHand === null &&
      world.registrars.includes(name) &&
      statement.includes(PROVEN_HEIGHT),
  );

/** What a connection that is opened now meets, until it drops with all the others. */
export function weatherOn(world: World): Weather {
  const { random, node, tally } = world;
  const opened = node.connections;
  return {
    arriving: () => (node.stalled ? 0 : random.between(1, 30)),
    spoil: (frame) => {
      if (!world.faultsOn || !random.chance(0.015)) return frame;
      tally.garbage += 1;
      return random.pick(['garbage', frame.slice(0, random.below(frame.length)), '{}']);
    },
    down: () => node.down || opened !== node.connections,
  };
}

/** How far the chain may fork. */
export function depthMax({ chain, start, payouts }: World): number {
  // Below its start point a database knows nothing to intersect with; that is a test of its own.
  const depth = chain.blocks().length - 1 - Math.max(start.index, 0);
  if (payouts === null) return depth;
  const height = chain.tip === 'origin' ? 0 : chain.tip.height;
  // k counts from the highest that anybody may have followed.
  const roots = Math.max(payouts.highest - SECURITY_PARAMETER, payouts.prunedBelow + 1);
  return Math.min(depth, height - roots);
}

/** Below a start point that nobody has chosen yet there is nothing to go back to. */
export const forkable = ({ started, start }: World): boolean => started || start.point === 'origin';

/** The chain grows by a block, or forks. */
export function changeChain(world: World): void {
  const { random, tally } = world;
  const depth = depthMax(world);
  if (forkable(world) && depth > 0 && random.chance(0.3)) {
    tally.forks += 1;
    const back = random.between(1, Math.min(depth, random.pick([1, 2, 5, 12])));
    fork(world, back, random.between(0, back + 2));
    return;
  }
  // Nothing is paid from books that are behind, nor confirmed: where that is what is tried, most seeds should come to pay.
  const isAboutBooks = world.payouts !== null || world.guard !== null;
  if (isAboutBooks && booksLag(world) > 4 && random.chance(0.9)) return;
  tally.blocks += 1;
  mineBlock(world);
}

/** Our node leaves blocks of its chain for others. */
export function fork(world: World, back: number, more: number): void {
  const { chain, node, tally } = world;
  // A node that is behind is behind on its own chain: it doesn't go back on a live connection.
  if (node.behind > 0) node.connections += 1;
  node.behind = 0;
  chain.rollBack(back);
  for (let i = 0; i < more; i += 1) mineBlock(world);
  tally.blocks += more;
}

/** Blocks that the books are behind the chain. */
export function booksLag({ chain, books }: World): number {
  const height = chain.tip === 'origin' ? 0 : chain.tip.height;
  return height - Number(books?.state?.last_block_height ?? 0);
}

export function mineBlock(world: World): void {
  if (world.payouts === null) world.chain.mine('random');
  else minePayoutBlock(world, world.payouts);
}

/** One of the faults that strike between statements, or the end of those that last. */
export async function misfortune(world: World): Promise<void> {
  const { random, node, tally } = world;
  if (world.payouts !== null && random.chance(0.4)) return payoutMisfortune(world, world.payouts);
  switch (random.below(6)) {
    case 0: {
      const victim = random.pick(world.instances);
      await world.scheduler.strike(victim.name, new Crash('killed'));
      return;
    }
    case 1:
      if (world.lockHolder !== null) tally.lockSteals += 1;
      world.lockHolder = null;
      return;
    case 2:
      tally.drops += 1;
      node.connections += 1;
      node.down = true;
      return;
    case 3:
      tally.stalls += 1;
      node.stalled = !node.stalled;
      return;
    case 4:
      node.behind = node.behind > 0 ? 0 : random.between(1, 25);
      node.connections += 1;
      node.down = true;
      return;
    default:
      node.down = false;
      node.stalled = false;
      node.connections += node.behind > 0 ? 1 : 0;
      node.behind = 0;
  }
}

/** From here on nothing goes wrong. */
export function stopFaults(world: World): void {
  world.faultsOn = false;
  world.node.down = false;
  world.node.stalled = false;
  world.node.behind = 0;
}
