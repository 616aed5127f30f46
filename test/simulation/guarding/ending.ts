import { InvariantBroken } from '../inspect.js';
import type { World } from '../state.js';
import { booksLag, mineBlock } from '../troubles.js';
import type { GuardWorld } from './state.js';

const STEPS_MAX = 10_000;
const STEPS_A_BLOCK = 15;

/**
 * All faults have stopped, and the witnesses are on our chain: by agreement, or by the person, nothing is held
 * any more, and with the next block everything is confirmed that is deep enough.
 */
export async function letGo(
  world: World,
  guard: GuardWorld,
  step: () => Promise<void>,
): Promise<void> {
  const isOver = (): boolean => world.books?.guard?.held !== true && !guard.isLate;
  for (let i = 0; i < STEPS_MAX && !isOver(); i += 1) {
    if (i % STEPS_A_BLOCK === 0 && booksLag(world) === 0) mineBlock(world);
    await step();
  }
  if (isOver()) return;
  throw new InvariantBroken(
    `seed ${world.seed}, at the end: held or late for ever: ${JSON.stringify(world.books?.guard)}`,
  );
}
