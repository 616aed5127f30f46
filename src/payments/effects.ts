import type { Block, OutputReference } from '../chain/block.js';
import { outputReference } from '../chain/block.js';
import type { LinkedBlock } from '../sync/events.js';
import {
  confirmationHeight,
  type DepositPolicy,
  isIgnored,
  requiredConfirmations,
} from './confirmation.js';
import {
  type Entry,
  entriesOfConfirmation,
  entriesOfDetection,
  entriesOfRollback,
} from './ledger.js';
import type { Hits, OutputHit, SpendHit } from './match.js';
import { type Payment, type PaymentsSummary, type PaymentView, showPayment } from './payment.js';

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
  /** Pending rows that reach their depth within this run. */
  readonly due: readonly PlacedPayment[];
};

/** A broken invariant: an output that stands in the books as live comes once more. */
export class OutputTwice extends Error {
  override readonly name = 'OutputTwice';
}

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
  const run = createRun(blocks[0]?.block.height ?? 0);
  for (const payment of books.due) run.enlist(payment);
  const outputs = byBlock(hits.outputs);
  const spends = byBlock(hits.spends);
  for (const { block } of blocks) {
    const fresh = detect(outputs.get(block.id) ?? [], books, policy, at);
    for (const payment of fresh) run.enlist(payment);
    // Spends come first: an event shows its payment as it is after the whole block.
    for (const spend of spends.get(block.id) ?? []) run.spend(spend);
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
function createRun(firstHeight: number) {
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
    enlist(payment: PlacedPayment): void {
      live.set(referenceOf(payment), payment);
      if (payment.status !== 'pending') return;
      const deep = confirmationHeight(payment.blockHeight ?? 0, payment.requiredConfirmations);
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
  spentBy: null,
  confirmedAt: null,
});

/** The payments among the outputs of one block. */
function detect(
  hits: readonly OutputHit[],
  books: Books,
  policy: DepositPolicy,
  at: Date,
): PlacedPayment[] {
  const deposits = hits.flatMap((hit) => {
    const { address, value } = hit.output;
    const owner = address === books.hotWallet ? undefined : books.owners.get(address);
    if (owner === undefined) return [];
    const hasAssets = value.assets.size > 0;
    const ignored = isIgnored(policy, { lovelace: value.lovelace, hasAssets });
    return [{ hit, owner, hasAssets, ignored }];
  });
  const perUser = new Map<string, bigint>();
  for (const { hit, owner, ignored } of deposits) {
    if (ignored) continue;
    perUser.set(owner.userId, (perUser.get(owner.userId) ?? 0n) + hit.output.value.lovelace);
  }
  return deposits.map(({ hit, owner, hasAssets, ignored }) => ({
    ...rowOf(hit, owner, books.recorded, at),
    status: ignored ? ('ignored' as const) : ('pending' as const),
    requiredConfirmations: requiredConfirmations(
      policy,
      perUser.get(owner.userId) ?? 0n,
      hasAssets,
    ),
  }));
}

function rowOf(
  { block, txHash, txPosition, output }: OutputHit,
  owner: Owner,
  recorded: Books['recorded'],
  at: Date,
): Omit<PlacedPayment, 'status' | 'requiredConfirmations'> {
  const reference = outputReference(txHash, output.index);
  const earlier = recorded.get(reference);
  if (earlier !== undefined && earlier.status !== 'rolled_back') {
    throw new OutputTwice(
      `output ${reference} of block ${block.block.id} is already recorded as ${earlier.status} ` +
        `in block ${earlier.blockHash ?? 'none'}`,
    );
  }
  return {
    ...owner,
    txHash,
    txPosition,
    outputIndex: output.index,
    amountLovelace: output.value.lovelace,
    assets: output.value.assets,
    inclusion: (earlier?.inclusion ?? 0) + 1,
    blockHash: block.block.id,
    blockHeight: block.block.height,
    slot: block.slot,
    spentBy: null,
    detectedAt: earlier?.detectedAt ?? at,
    confirmedAt: null,
  };
}

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
  (a.blockHeight ?? 0) - (b.blockHeight ?? 0) ||
  a.txPosition - b.txPosition ||
  a.outputIndex - b.outputIndex;

function byBlock<H extends OutputHit | SpendHit>(hits: readonly H[]): Map<string, H[]> {
  const groups = new Map<string, H[]>();
  for (const hit of hits) {
    const group = groups.get(hit.block.block.id);
    if (group === undefined) groups.set(hit.block.block.id, [hit]);
    else group.push(hit);
  }
  return groups;
}
