import type { DevnetChain } from '../../../src/devnet/chain.js';
import type { Books, GuardReason } from '../books.js';
import type { Check } from '../check.js';
import type { World } from '../state.js';
import { pathTo } from '../truth.js';
import type { Answer, GuardTerm, GuardWorld } from './state.js';

/** A reason that a person had let pass, before a commit and after it. */
export type Passed = {
  readonly actor: string;
  readonly before: Books | null;
  readonly now: Books;
  readonly reason: GuardReason;
  readonly after: GuardReason;
};

/** What a person lets pass is one fork or one rollback, and only for as long as our blocks above it stay. */
export function checkPassed(
  world: World,
  guard: GuardWorld,
  term: GuardTerm | undefined,
  passed: Passed,
  check: Check,
): void {
  const { reason, after, before, now } = passed;
  const shown = `${JSON.stringify(reason)} let pass`;
  const backTo = wentBackTo(world.chain, before, now);
  const isTakenBack = backTo !== null && backTo <= highest(reason);
  if (after.released === null) {
    if (reason.kind === 'witness' && isTakenBack) world.tally.releasesTakenBack += 1;
    else if (reason.kind === 'witness') world.tally.nextForks += 1;
    return;
  }
  if (reason.kind === 'rollback') {
    const isSame = after.common === reason.common && after.depth === reason.depth;
    check(isSame, `${shown}, and with it another one: ${JSON.stringify(after)}`);
  }
  if (reason.kind !== 'witness') return;
  check(!isTakenBack, `${shown}, and still after our chain went back to ${backTo}`);
  const isWithin = lowest(after) >= lowest(reason) && highest(after) <= highest(reason);
  check(isWithin, `${shown}, and with it another fork: ${JSON.stringify(after)}`);
  if (term === undefined || figuresOf(after) === figuresOf(reason)) return;
  const forks = forksSeen(world, guard, term, passed);
  check(
    forks.some((height) => height >= lowest(after) && height <= highest(after)),
    `${shown}, where chains now part above ${forks.join(' or ')}: ${JSON.stringify(after)}`,
  );
}

/** Where our chain and the witness's really part, by the answers that may have been gone by. */
function forksSeen(
  world: World,
  guard: GuardWorld,
  { answers }: GuardTerm,
  { actor, now, after }: Passed,
): number[] {
  const chain = guard.witnesses.find(({ name }) => name === after.witness)?.chain;
  const began = guard.began.get(actor) ?? world.tally.commits;
  const own = answers.filter(({ witness }) => witness === after.witness);
  // One that was heard, and one that may have been on its way.
  const earlier = own.filter(({ commits }) => commits < began).slice(-2);
  const later = own.filter(({ commits }) => commits >= began);
  const ours = new Set(blocksOf(world.chain, now).map(({ id }) => id));
  return [...earlier, ...later].map(({ tip }: Answer) =>
    chain === undefined ? -1 : heightOfShared(chain, tip, ours),
  );
}

/** Height of the last block that our chain kept, where it gave up any. */
function wentBackTo(chain: DevnetChain, before: Books | null, now: Books): number | null {
  const from = before?.state?.last_block_hash ?? 'origin';
  const ours = new Set(blocksOf(chain, now).map(({ id }) => id));
  return from === 'origin' || ours.has(from) ? null : heightOfShared(chain, from, ours);
}

function heightOfShared(chain: DevnetChain, from: string, ours: ReadonlySet<string>): number {
  for (let block = chain.block(from); block !== undefined; block = chain.block(block.parent)) {
    if (ours.has(block.id)) return block.height;
  }
  return -1;
}

const blocksOf = (chain: DevnetChain, { state }: Books) =>
  pathTo(chain, state?.last_block_hash ?? 'origin', 'origin');

const figuresOf = (reason: GuardReason): string => JSON.stringify({ ...reason, released: null });

const lowest = ({ common = 0, between }: GuardReason): number => between?.[0] ?? common;
const highest = ({ common = 0, between }: GuardReason): number => between?.[1] ?? common;
