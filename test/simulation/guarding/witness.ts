import type { DevnetChain } from '../../../src/devnet/chain.js';
import { join, type Side } from '../../../src/devnet/split.js';
import type { World } from '../state.js';
import { depthMax, fork, forkable } from '../troubles.js';
import type { GuardWorld, WitnessNode } from './state.js';

/** More than a battle of slots. */
const APART_BLOCKS = [1, 3, 5, 8] as const;

/** What happens to the chains that others see, beside ours. */
export function moveWitnesses(world: World, guard: GuardWorld): void {
  const { random } = guard;
  for (const witness of guard.witnesses) {
    if (!world.faultsOn) {
      witness.isAway = false;
      witness.isApart = false;
      follow(witness.chain, world.chain);
      continue;
    }
    if (random.chance(0.01)) witness.isAway = !witness.isAway && random.chance(0.3);
    if (witness.isApart) moveApart(world, guard, witness);
    else if (random.chance(0.012)) part(world, guard, witness);
    else if (random.chance(0.4)) follow(witness.chain, world.chain);
  }
}

/** Its node leaves the chain, a few blocks below the tip, or at it. */
function part({ tally }: World, { random }: GuardWorld, witness: WitnessNode): void {
  const { chain } = witness;
  tally.splits += 1;
  witness.isApart = true;
  chain.rollBack(Math.min(random.pick([0, 3, 5, 8]), chain.blocks().length));
  mine(chain, random.pick(APART_BLOCKS));
}

function moveApart(world: World, guard: GuardWorld, witness: WitnessNode): void {
  const { random } = guard;
  if (random.chance(world.pace)) witness.chain.mine('random');
  const passed = letPass(world, witness);
  if (passed === null) witness.tried = null;
  else if (passed !== witness.tried && random.chance(0.4)) {
    // Once: a witness that is on yet another chain each time it is asked tells no split.
    witness.tried = passed;
    if (random.chance(0.5)) goBelow(world, guard, passed);
    else partAbove(world, guard, witness, passed);
    return;
  }
  if (!random.chance(0.005)) return;
  witness.isApart = false;
  if (random.chance(0.5) && canGive(world, witness)) giveWay(world, guard, witness);
  else follow(witness.chain, world.chain);
}

/** The fork that a person let pass, as long as it is there. */
function letPass({ books }: World, { name }: WitnessNode): number | null {
  const reason = books?.guard?.reasons.find((one) => one.witness === name && one.released !== null);
  return reason === undefined ? null : (reason.between?.[1] ?? reason.common ?? null);
}

/** Our node leaves the blocks that somebody had answered for. */
function goBelow(world: World, { random }: GuardWorld, passed: number): void {
  const back = heightOf(world.chain) - passed + random.between(0, 2);
  if (!forkable(world) || back < 1 || back > depthMax(world)) return;
  world.tally.forks += 1;
  fork(world, back, back + 1);
}

/** Its node goes over to another chain, that left ours later. */
function partAbove(
  world: World,
  { random, splitDepth }: GuardWorld,
  { chain }: WitnessNode,
  passed: number,
): void {
  const above = heightOf(world.chain) - passed - 1;
  if (above < 1) return;
  follow(chain, world.chain);
  chain.rollBack(Math.min(above, splitDepth + random.between(0, 2)));
  mine(chain, splitDepth + 3);
  world.tally.splits += 1;
}

const heightOf = ({ tip }: DevnetChain): number => (tip === 'origin' ? 0 : tip.height);

/** How many of our blocks a switch would take, and whether that is more than may ever go. */
function canGive(world: World, { chain }: WitnessNode): boolean {
  const ours = world.chain.blocks();
  const theirs = chain.blocks();
  let common = Math.min(ours.length, theirs.length);
  while (common > 0 && ours[common - 1]?.id !== theirs[common - 1]?.id) common -= 1;
  const lost = ours.length - common;
  return forkable(world) && lost > 0 && lost <= depthMax(world);
}

/** The other side won: our node leaves its chain for the longer one. */
function giveWay(world: World, { random, returned }: GuardWorld, { chain }: WitnessNode): void {
  const { node, payouts, tally } = world;
  const missing = world.chain.blocks().length - chain.blocks().length;
  mine(chain, Math.max(0, missing) + random.between(1, 2));
  if (node.behind > 0) node.connections += 1;
  node.behind = 0;
  for (const { id } of chain.blocks()) {
    const wasOurs = world.chain.block(id) !== undefined;
    if (wasOurs && world.chain.indexOf(id) === undefined) returned.add(id);
  }
  follow(world.chain, chain);
  tally.joins += 1;
  const { tip } = world.chain;
  if (payouts !== null && tip !== 'origin') payouts.highest = Math.max(payouts.highest, tip.height);
}

function mine(chain: DevnetChain, blocks: number): void {
  for (let i = 0; i < blocks; i += 1) chain.mine('random');
}

function follow(chain: DevnetChain, winner: DevnetChain): void {
  join(sideOf(chain), winner);
}

const sideOf = (chain: DevnetChain): Side => ({
  chain,
  mineAt: (slot, content) => chain.mine(content, { slot }),
  chainChanged: () => undefined,
});
