import { createRandom, type Random } from '../../../src/devnet/random.js';
import type { Books } from '../books.js';

/** Whose chance it is to lose the cursor, and what was made of it. */
export type CursorHand = { readonly random: Random; misplaced: Misplaced | null };

export type Misplaced = {
  readonly what: string;
  /** As they were: the books, the row of the cursor, and headers that went with it. */
  readonly books: Books;
  readonly row: object;
  readonly headers: readonly object[];
  readonly checkpoints: readonly object[];
  /** When a person looks. */
  readonly fromStep: number;
};

/** In a third of the worlds where another hand is: the others go the same way as without it. */
export const createCursorHand = (seed: number, corrupts: boolean): CursorHand | null =>
  corrupts && [3, 5].includes(seed % 6)
    ? { random: createRandom(`cursor hand ${seed}`), misplaced: null }
    : null;

export const isMisplaced = ({ cursorHand }: { readonly cursorHand: CursorHand | null }): boolean =>
  (cursorHand?.misplaced ?? null) !== null;
