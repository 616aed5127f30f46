import type { Expectation } from './invariants.js';
import { bookedBy } from './policies.js';
import { asksForPast, isHonest, type World } from './state.js';

/** What the books are held against, but for what was told of them before. */
export const expectationOf = (
  world: World,
  payouts: Expectation['payouts'],
): Omit<Expectation, 'confirmedBefore'> => ({
  payouts,
  chain: world.chain,
  policies: bookedBy(world.policies, !isHonest(world)),
  hotWallet: world.hotWallet,
  startId: world.start.id,
  startHeight: world.start.height,
  owners: world.owners,
  countsFrom: world.countsFrom,
  asksForPast: (address) => asksForPast(world, address),
  mayBeLate: world.guard?.isLate === true,
  prunedBelow: world.payouts?.prunedBelow ?? Number.NEGATIVE_INFINITY,
  mayBeReadAgain: world.corrupts || world.proofs !== null,
  leftOut: world.payouts?.filling?.leftOut ?? [],
  wasSpoilt: world.mayTellWrongly,
});
