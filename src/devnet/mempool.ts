import type { BlockTree } from './block-tree.js';
import { judgeByLedger } from './ledger-rules.js';
import type { Refusal } from './refusal.js';
import { refusalOf } from './refusal.js';
import type { SignedTransaction } from './signed-transaction.js';
import { readTransaction } from './signed-transaction.js';
import type { DevnetTransaction, DraftOutput, Reference } from './transaction.js';
import { effectOf } from './transaction.js';

export type Submission =
  | { readonly accepted: true; readonly id: string }
  | { readonly accepted: false; readonly refusal: Refusal };

/**
 * What was submitted and is in no block yet, a fork's lost ones included. Nothing is ever judged by
 * what it was: each question is answered by what could be in the block after the tip as it is now.
 */
export type Mempool = {
  /** In the order in which they would be in the next block. */
  readonly transactions: () => readonly DevnetTransaction[];
  readonly submit: (cbor: Uint8Array) => Submission;
  /** Forgets the oldest ones, or all, as when a node was restarted. @returns their ids */
  readonly evict: (count?: number) => string[];
  /** Forgets this one. */
  readonly forget: (id: string) => void;
  /** What a block in this slot has room for. Whoever includes them sees which ones really fit in. */
  readonly forBlock: (slot: number) => DevnetTransaction[];
  /** To be called after a block: what can't be in any later one leaves. */
  readonly settle: () => void;
};

/** What the protocol parameters say of a block's body. */
export const BLOCK_BYTES_MAX = 90_112;
/** A node's mempool holds two blocks unless it is told otherwise. */
export const MEMPOOL_BYTES_MAX = 2 * BLOCK_BYTES_MAX;

export function createMempool(tree: BlockTree, networkMagic: number): Mempool {
  const pool = new Map<string, DevnetTransaction>();
  const nextSlot = (): number => (tree.best.at(-1)?.slot ?? 0) + 1;
  const candidates = (): Map<string, DevnetTransaction> => {
    const lost = [...tree.orphaned].filter(([, { signed }]) => signed !== undefined);
    return new Map([...lost, ...pool]);
  };
  const forget = (id: string): void => {
    pool.delete(id);
    tree.forgetOrphan(id);
  };
  const view = (): PoolView => {
    const all = candidates();
    const made = all.size === 0 ? [] : tree.orphans().filter(({ signed }) => signed === undefined);
    return viewOf(all.values(), tree.ledger.utxo, nextSlot(), made);
  };
  return {
    transactions: () => view().ready,
    submit: (cbor) => {
      const now = view();
      const outcome = judge(cbor, now, nextSlot(), networkMagic);
      if ('refusal' in outcome) return { accepted: false, refusal: outcome.refusal };
      const { transaction } = outcome;
      const bytes = [...now.ready, transaction].reduce((sum, one) => sum + bytesOf(one), 0);
      if (bytes > MEMPOOL_BYTES_MAX) return { accepted: false, refusal: FULL };
      pool.set(transaction.id, transaction);
      return { accepted: true, id: transaction.id };
    },
    evict: (count = Number.POSITIVE_INFINITY) => {
      const ids = [...candidates().keys()].slice(0, count);
      for (const id of ids) forget(id);
      return ids;
    },
    forget,
    forBlock: (slot) => {
      const chosen: DevnetTransaction[] = [];
      let room = BLOCK_BYTES_MAX;
      for (const transaction of view().ready) {
        if (!isValidIn(slot, transaction)) continue;
        room -= bytesOf(transaction);
        // First come, first served: a smaller one doesn't overtake.
        if (room < 0) break;
        chosen.push(transaction);
      }
      return chosen;
    },
    settle: () => {
      const { ready, waiting } = view();
      const possible = new Set([...ready, ...waiting].map(({ id }) => id));
      for (const id of candidates().keys()) if (!possible.has(id)) forget(id);
    },
  };
}

/** A node would let the client wait; here it is told, so that it can try again. */
export const FULL: Refusal = {
  type: 'rule',
  code: 3997,
  data: { error: 'The mempool is full. Try again after the next block.' },
};

const bytesOf = ({ signed }: DevnetTransaction): number => signed?.bytes ?? 0;

/** Whether the ledger would take it in a block of this slot, as far as time goes. */
export function isValidIn(slot: number, { extras }: DevnetTransaction): boolean {
  const { invalidBefore, invalidAfter } = extras.validityInterval ?? {};
  return (
    (invalidBefore === undefined || BigInt(slot) >= invalidBefore) &&
    (invalidAfter === undefined || BigInt(slot) < invalidAfter)
  );
}

type PoolView = {
  readonly ready: readonly DevnetTransaction[];
  /** They spend what a rolled-back transaction makes that may come back. */
  readonly waiting: readonly DevnetTransaction[];
  /** An unspent output, in a block or in the mempool. */
  readonly output: (reference: Reference) => DraftOutput | undefined;
};

function viewOf(
  candidates: Iterable<DevnetTransaction>,
  utxo: ReadonlyMap<Reference, DraftOutput>,
  slot: number,
  comingBack: readonly DevnetTransaction[],
): PoolView {
  const ready: DevnetTransaction[] = [];
  const waiting: DevnetTransaction[] = [];
  const made = new Map<Reference, DraftOutput>();
  const gone = new Set<Reference>();
  const hoped = new Set(comingBack.flatMap((one) => effectOf(one).created.map(([r]) => r)));
  const output = (reference: Reference) =>
    gone.has(reference) ? undefined : (made.get(reference) ?? utxo.get(reference));
  for (const transaction of candidates) {
    if (!isValidIn(slot, transaction)) continue;
    const { spent, created } = effectOf(transaction);
    const needed = [...spent, ...(transaction.extras.references ?? [])];
    if (needed.every((one) => output(one) !== undefined)) {
      ready.push(transaction);
      for (const [reference, one] of created) made.set(reference, one);
      for (const reference of spent) gone.add(reference);
    } else if (needed.every((one) => output(one) !== undefined || hoped.has(one))) {
      waiting.push(transaction);
      for (const [reference] of created) hoped.add(reference);
    }
  }
  return { ready, waiting, output };
}

function judge(
  cbor: Uint8Array,
  { output }: PoolView,
  slot: number,
  networkMagic: number,
): { readonly transaction: DevnetTransaction } | { readonly refusal: Refusal } {
  const transaction = read(cbor);
  if ('refusal' in transaction) return transaction;
  const { body, metadataValid } = transaction;
  const references = [...body.inputs, ...body.collaterals, ...(body.extras.references ?? [])];
  const found = references.map((one) => [one, output(one)] as const);
  const unknown = found.flatMap(([one, there]) => (there === undefined ? [one] : []));
  if (unknown.length > 0) {
    const missing = new Set(unknown);
    const none = body.inputs.every((one) => missing.has(one));
    return { refusal: { type: 'unknown_inputs', references: [...missing], all: none } };
  }
  if (!metadataValid) return { refusal: { type: 'rule', code: 3108 } };
  const resolved = new Map(found.flatMap(([one, there]) => (there ? [[one, there]] : [])));
  const verdict = judgeByLedger(cbor, resolved, slot, networkMagic);
  switch (verdict.type) {
    case 'valid':
      return { transaction: { id: verdict.id, ...body } };
    case 'unreadable':
      return { refusal: verdict };
    case 'invalid':
      return { refusal: refusalOf(verdict.reason, { transaction, resolved, slot, networkMagic }) };
  }
}

function read(cbor: Uint8Array): SignedTransaction | { readonly refusal: Refusal } {
  try {
    return readTransaction(cbor);
  } catch (error) {
    return { refusal: { type: 'unreadable', reason: String(error) } };
  }
}
