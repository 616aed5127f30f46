import type { DevnetOutput, DevnetTransaction, Reference } from './transaction.js';
import { effectOf } from './transaction.js';

/** What a block changed, net: an output made and spent in the same block is in neither. */
export type LedgerChange = {
  readonly spent: ReadonlyMap<Reference, DevnetOutput>;
  readonly created: ReadonlyMap<Reference, DevnetOutput>;
};

/** Unspent outputs at one point of the chain. It walks along the tree by applying and undoing changes. */
export type Ledger = {
  readonly utxo: ReadonlyMap<Reference, DevnetOutput>;
  /** Oldest first. */
  readonly at: (address: string) => Iterable<Reference>;
  /** Applies one transaction, or throws `LedgerError` and leaves everything as it was. */
  readonly spend: (transaction: DevnetTransaction, height: number) => LedgerChange;
  readonly apply: (change: LedgerChange) => void;
  readonly undo: (change: LedgerChange) => void;
};

/** A transaction that spends what isn't there. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
}

export function createLedger(genesis: ReadonlyMap<Reference, DevnetOutput>): Ledger {
  const utxo = new Map<Reference, DevnetOutput>();
  const byAddress = new Map<string, Set<Reference>>();
  const add = (reference: Reference, output: DevnetOutput): void => {
    utxo.set(reference, output);
    const known = byAddress.get(output.address);
    if (known === undefined) byAddress.set(output.address, new Set([reference]));
    else known.add(reference);
  };
  const remove = (reference: Reference, output: DevnetOutput): void => {
    utxo.delete(reference);
    const known = byAddress.get(output.address);
    known?.delete(reference);
    if (known?.size === 0) byAddress.delete(output.address);
  };
  const apply = ({ spent, created }: LedgerChange): void => {
    for (const [reference, output] of spent) remove(reference, output);
    for (const [reference, output] of created) add(reference, output);
  };
  for (const [reference, output] of genesis) add(reference, output);
  return {
    utxo,
    at: (address) => byAddress.get(address) ?? [],
    spend: (transaction, height) => {
      const change = changeOf(utxo, transaction, height);
      apply(change);
      return change;
    },
    apply,
    undo: ({ spent, created }) => apply({ spent: created, created: spent }),
  };
}

function changeOf(
  utxo: ReadonlyMap<Reference, DevnetOutput>,
  transaction: DevnetTransaction,
  createdHeight: number,
): LedgerChange {
  const effect = effectOf(transaction);
  const spent = new Map<Reference, DevnetOutput>();
  for (const reference of effect.spent) {
    const output = utxo.get(reference);
    if (output === undefined || spent.has(reference)) {
      throw new LedgerError(
        `transaction ${transaction.id} spends ${reference}, which is not there`,
      );
    }
    spent.set(reference, output);
  }
  const created = effect.created.map(
    ([reference, output]) =>
      [reference, { ...output, assets: output.assets ?? new Map(), createdHeight }] as const,
  );
  return { spent, created: new Map(created) };
}

/** Several changes, one after the other, as one. */
export function mergeChanges(changes: readonly LedgerChange[]): LedgerChange {
  const spent = new Map<Reference, DevnetOutput>();
  const created = new Map<Reference, DevnetOutput>();
  for (const change of changes) {
    for (const [reference, output] of change.spent) {
      if (!created.delete(reference)) spent.set(reference, output);
    }
    for (const [reference, output] of change.created) created.set(reference, output);
  }
  return { spent, created };
}
