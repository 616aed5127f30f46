import type { Block, OutputReference } from '../chain/block.js';
import { outputReference } from '../chain/block.js';
import type { LinkedBlock } from '../sync/events.js';
import { confirmationHeight, type DepositPolicy } from './confirmation.js';
import { comeBackSpent, detect, type RolledBack } from './detection.js';
import {
  type Entry,
  entriesOfConfirmation,
  entriesOfDetection,
  entriesOfRollback,
} from './ledger.js';
import type { Hits, OutputHit, SpendHit } from './match.js';
import {
  countsFrom,
  type Payment,
  type PaymentsSummary,
  type PaymentView,
  showPayment,
} from './payment.js';

/** Whose an address is. */
export type Owner = {
  readonly address: string;
  readonly userId: string;
  readonly referenceType: string | null;
  readonly referenceId: string | null;
};

/** With its place in the block, which orders payments of one block. */
export type PlacedPayment = Payment & { readonly txPosition: number };

export type OutboxEvent = {
  readonly type: 'payment.detected' | 'payment.confirmed' | 'payment.rolled_back';
  /** The same event has the same key, whoever writes it. */
  readonly key: string;
  readonly view: PaymentView;
};

export type Spend = {
  readonly reference: OutputReference;
  readonly spentBy: string;
  readonly height: number;
};

/** All that a run of blocks changes. Rows come as they are after the run, entries and events in chain order. */
export type Effects = {
  readonly payments: readonly PlacedPayment[];
  readonly walletOutputs: readonly OutputHit[];
  readonly spends: readonly Spend[];
  /** Stored before this run, confirmed by it. */
  readonly confirmedBefore: readonly PlacedPayment[];
  readonly entries: readonly Entry[];
  readonly events: readonly OutboxEvent[];
  readonly summary: PaymentsSummary;
};

export type Books = {
  readonly owners: ReadonlyMap<string, Owner>;
  readonly hotWallet: string | null;
  /** Rows of outputs that come again, by reference. */
  readonly recorded: ReadonlyMap<OutputReference, Payment>;
  /** Rows that stand as rolled back and are spent in this run, by reference. */
  readonly rolledBack: ReadonlyMap<OutputReference, RolledBack>;
  /** Pending rows that reach their depth within this run. */
  readonly due: readonly PlacedPayment[];
  /** The chain can't be relied on: what is deep enough waits. */
  readonly confirmationsHeld: boolean;
};

/**
 * Applies blocks one after the other, in memory: a run of many gives what as many runs of one give.
 *
 * @param at the transaction's time, the same for all rows of it
 */
export function effectsOf(
  blocks: readonly LinkedBlock<Block>[],
  hits: Hits,
  books: Books,
  policy: DepositPolicy,
  at: Date,
): Effects {
  const run = createRun(blocks[0]?.block.height ?? 0, books.confirmationsHeld);
  for (const payment of books.due) run.enlist(payment);
  const outputs = byBlock(hits.outputs);
  const spends = byBlock(hits.spends);
  for (const { block } of blocks) {
    const detected = detect(outputs.get(block.id) ?? [], books, policy, at);
    for (const payment of detected) run.enlist(payment);
    const spent = spends.get(block.id) ?? [];
    const returned = spent.flatMap(({ reference }) =>
      run.has(reference)
        ? []
        : comeBackSpent(books.rolledBack.get(reference), block.height, policy),
    );
    for (const payment of returned) run.enlist(payment);
    // Spends come first: an event shows its payment as it is after the whole block.
    for (const spend of spent) run.spend(spend);
    const fresh = [...detected, ...returned];
    for (const payment of fresh) run.tellDetected(referenceOf(payment), block.height);
    run.confirmDue(block.height, at);
  }
  const { detected, confirmed, entries, events } = run;
  const created = new Set(detected.map(referenceOf));
  return {
    payments: run.rows().filter((payment) => created.has(referenceOf(payment))),
    confirmedBefore: run
      .rows()
      .filter((row) => !created.has(referenceOf(row)) && row.status === 'confirmed'),
    walletOutputs: hits.outputs.filter((hit) => hit.output.address === books.hotWallet),
    spends: hits.spends.map(({ block, reference, spentBy }) => ({
      reference,
      spentBy,
      height: block.block.height,
    })),
    entries,
    events,
    summary: { detected, confirmed, rolledBack: [] },
  };
}

/** Payments that a run of blocks touches, as they change from block to block, and what is told of them. */
export function createRun(firstHeight: number, confirmationsHeld: boolean) {
  const live = new Map<OutputReference, PlacedPayment>();
  const waiting = new Map<number, OutputReference[]>();
  const entries: Entry[] = [];
  const events: OutboxEvent[] = [];
  const detected: PlacedPayment[] = [];
  const confirmed: PlacedPayment[] = [];
  return {
    entries,
    events,
    detected,
    confirmed,
    rows: (): PlacedPayment[] => [...live.values()],
    has: (reference: OutputReference): boolean => live.has(reference),
    enlist(payment: PlacedPayment): void {
      live.set(referenceOf(payment), payment);
      if (payment.status !== 'pending') return;
      const deep = confirmationHeight(countsFrom(payment) ?? 0, payment.requiredConfirmations);
      const due = Math.max(deep, firstHeight);
      waiting.set(due, [...(waiting.get(due) ?? []), referenceOf(payment)]);
    },
    spend({ reference, spentBy }: SpendHit): void {
      const spent = live.get(reference);
      if (spent) live.set(reference, { ...spent, spentBy });
    },
    tellDetected(reference: OutputReference, height: number): void {
      const payment = live.get(reference);
      if (payment === undefined) return;
      detected.push(payment);
      if (payment.status === 'ignored') return;
      entries.push(...entriesOfDetection(payment));
      events.push(eventOf('payment.detected', payment, height));
    },
    confirmDue(height: number, at: Date): void {
      if (confirmationsHeld) return;
      const due = (waiting.get(height) ?? []).flatMap((reference) => live.get(reference) ?? []);
      waiting.delete(height);
      for (const payment of due.sort(inChainOrder)) {
        const settled: PlacedPayment = { ...payment, status: 'confirmed', confirmedAt: at };
        live.set(referenceOf(settled), settled);
        confirmed.push(settled);
        entries.push(...entriesOfConfirmation(settled));
        events.push(eventOf('payment.confirmed', settled, height));
      }
    },
  };
}

/** What undoing payments appends and tells, newest first. The rows come as they were before. */
export function effectsOfRollback(
  payments: readonly PlacedPayment[],
  cursorHeight: number,
): Pick<Effects, 'entries' | 'events' | 'summary'> {
  const newestFirst = [...payments].sort((a, b) => inChainOrder(b, a));
  const undone = newestFirst.map((payment) => ({ before: payment, after: withoutBlock(payment) }));
  return {
    entries: newestFirst.flatMap(entriesOfRollback),
    events: undone
      .filter(({ before }) => before.status !== 'ignored')
      .map(({ after }) => eventOf('payment.rolled_back', after, cursorHeight)),
    summary: { detected: [], confirmed: [], rolledBack: undone.map(({ after }) => after) },
  };
}

const withoutBlock = (payment: PlacedPayment): Payment => ({
  ...payment,
  status: 'rolled_back',
  blockHash: null,
  blockHeight: null,
  slot: null,
  countedFrom: null,
  spentBy: null,
  confirmedAt: null,
});

const eventOf = (
  type: OutboxEvent['type'],
  payment: Payment,
  cursorHeight: number,
): OutboxEvent => ({
  type,
  key: `${type}:${referenceOf(payment)}:${payment.inclusion}`,
  view: showPayment(payment, cursorHeight),
});

export const referenceOf = (payment: Payment): OutputReference =>
  outputReference(payment.txHash, payment.outputIndex);

const inChainOrder = (a: PlacedPayment, b: PlacedPayment): number =>
  (countsFrom(a) ?? 0) - (countsFrom(b) ?? 0) ||
  a.txPosition - b.txPosition ||
  compare(a.txHash, b.txHash) ||
  a.outputIndex - b.outputIndex;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function byBlock<H extends OutputHit | SpendHit>(hits: readonly H[]): Map<string, H[]> {
  const groups = new Map<string, H[]>();
  for (const hit of hits) {
    const group = groups.get(hit.block.block.id);
    if (group === undefined) groups.set(hit.block.block.id, [hit]);
    else group.push(hit);
  }
  return groups;
}
