import type { Ledger, LedgerChange } from './ledger.js';
import { createLedger } from './ledger.js';
import type { DevnetOutput, Reference } from './transaction.js';

/** A block as far as ledgers care. */
export type Step = {
  readonly block: { readonly parent: string; readonly height: number };
  readonly change: LedgerChange;
};

/**
 * A ledger that walks the tree of blocks: back by undoing, forward by applying. Going to a near block
 * costs what lies between, so that no fork needs a copy of its own.
 */
export type WalkingLedger = {
  readonly ledger: Ledger;
  readonly moveTo: (position: string) => Ledger;
  /** The ledger was changed by hand into what it is after this block. */
  readonly arrivedAt: (position: string) => void;
};

export function createWalkingLedger(
  genesis: ReadonlyMap<Reference, DevnetOutput>,
  step: (id: string) => Step,
): WalkingLedger {
  const ledger = createLedger(genesis);
  let here = 'origin';
  const back = (): void => {
    const { block, change } = step(here);
    ledger.undo(change);
    here = block.parent;
  };
  return {
    ledger,
    moveTo: (position) => {
      const ahead: string[] = [];
      let target = position;
      // Heights aren't unique along a chain (a boundary block repeats one), so ids decide at the end.
      while (target !== here) {
        if (heightOf(step, target) > heightOf(step, here)) {
          ahead.push(target);
          target = step(target).block.parent;
        } else if (heightOf(step, target) < heightOf(step, here)) {
          back();
        } else if (target !== 'origin' && leadsTo(step, target, here)) {
          ahead.push(target);
          target = step(target).block.parent;
        } else {
          back();
        }
      }
      for (const id of ahead.reverse()) {
        ledger.apply(step(id).change);
        here = id;
      }
      return ledger;
    },
    arrivedAt: (position) => {
      here = position;
    },
  };
}

const heightOf = (step: (id: string) => Step, id: string): number =>
  id === 'origin' ? -1 : step(id).block.height;

/** Whether `from` stands above `to` at the same height: one of them is a boundary block. */
function leadsTo(step: (id: string) => Step, from: string, to: string): boolean {
  const height = heightOf(step, from);
  let at = from;
  while (at !== 'origin' && heightOf(step, at) === height) {
    if (at === to) return true;
    at = step(at).block.parent;
  }
  return at === to;
}
