import type { Content, DevnetBlock, DevnetChain } from './chain.js';
import type { Random } from './random.js';

/** One chain becomes two that both go on, as in November 2025, and one of them wins in the end. */

/** What both sides of a split must be able to do. */
export type Side = {
  readonly chain: DevnetChain;
  readonly mineAt: (slot: number, content?: readonly Content[]) => DevnetBlock;
  readonly chainChanged: () => void;
};

/** In so many slots of a hundred somebody makes a block. */
const ACTIVE_PERCENT = 5;

export type DriftOptions = {
  /** How long: 3,600 are an hour. */
  readonly slots: number;
  /** Share of all pools that are on the other side, 0 to 1. */
  readonly share: number;
};

/**
 * Lets time pass: in each slot there is a block with the odds of mainnet, on the one side or on the
 * other. Both chains get thinner by what the other one has.
 */
export function drift(ours: Side, theirs: Side, { slots, share }: DriftOptions, random: Random) {
  const from = Math.max(slotOf(ours.chain), slotOf(theirs.chain));
  let mined = 0;
  let minedThere = 0;
  for (let slot = from + 1; slot <= from + slots; slot += 1) {
    if (random.between(1, 100) > ACTIVE_PERCENT) continue;
    const isTheirs = random.between(0, 999_999) < share * 1_000_000;
    (isTheirs ? theirs : ours).mineAt(slot);
    if (isTheirs) minedThere += 1;
    else mined += 1;
  }
  return { mined, minedThere };
}

/** The whole history of one chain on another of the same genesis, which has no blocks yet. */
export function copyInto(copy: DevnetChain, original: DevnetChain): void {
  for (const block of original.blocks()) copy.graft(block);
}

/**
 * The winner's chain becomes the loser's: its clients see one deep switch. What lost its block can come
 * back with the content `orphans`. @returns how many blocks were lost
 */
export function join(loser: Side, winner: DevnetChain): number {
  const { chain } = loser;
  const blocks = winner.blocks();
  let common = Math.min(chain.blocks().length, blocks.length);
  while (common > 0 && chain.blocks()[common - 1]?.id !== blocks[common - 1]?.id) common -= 1;
  const lost = chain.blocks().length - common;
  chain.rollBack(lost);
  for (const block of blocks.slice(common)) {
    if (chain.block(block.id) === undefined) chain.graft(block);
    else chain.switchTo(block.id);
  }
  loser.chainChanged();
  return lost;
}

const slotOf = ({ tip }: DevnetChain): number => (tip === 'origin' ? 0 : tip.slot);
