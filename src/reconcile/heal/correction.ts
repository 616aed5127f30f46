import type { OutputReference } from '../../chain/block.js';
import { confirmationHeight } from '../../payments/confirmation.js';
import type { PaymentStatus } from '../../payments/payment.js';
import type { ChainOutput, Placement, SpentBy } from '../model/finding.js';

/** What was booked and told of a payment before, whatever its row says now; by inclusion. */
export type History = {
  /** The highest that anything speaks of; 0 where nothing does. */
  readonly latest: number;
  readonly detected: ReadonlySet<number>;
  readonly confirmed: ReadonlySet<number>;
  /** Of these, those of which an event told. */
  readonly toldConfirmed: ReadonlySet<number>;
  readonly ended: ReadonlySet<number>;
  /** Told to have begun and never to have ended: also where only the ledger has the end. */
  readonly toldOpen: readonly number[];
};

export const NO_HISTORY: History = {
  latest: 0,
  detected: new Set(),
  confirmed: new Set(),
  toldConfirmed: new Set(),
  ended: new Set(),
  toldOpen: [],
};

/** A payment's row as far as correcting it has to do with it. */
export type PaymentState = {
  readonly status: PaymentStatus;
  readonly inclusion: number;
  readonly placement: Placement | null;
  readonly countedFrom: number | null;
  readonly spent: SpentBy | null;
};

export type CorrectionContext = {
  /** The chain was looked at right after the block of this height. */
  readonly height: number;
  /** Height of the ledger that told of what was there before its address was followed. */
  readonly askedAt: number;
  /** Where the books are now; no lower. */
  readonly cursorHeight: number;
  readonly confirmationsHeld: boolean;
  readonly requiredConfirmations: number;
  /** Too small to count, by the policy of now. */
  readonly isDust: boolean;
  /** Whether what the address held before it was followed counts. */
  readonly backfill: boolean;
};

/**
 * The row as it must be. What was booked and told decides which inclusion it is and whether it had been
 * confirmed: so nothing is told twice, and what blocks book later has keys of its own.
 *
 * @param before null where the books lack the payment
 * @param onChain null where there is no such output; its `spent` isn't `gone`
 */
export function correctPayment(
  before: PaymentState | null,
  onChain: ChainOutput | null,
  history: History,
  context: CorrectionContext,
): PaymentState {
  const latest = Math.max(before?.inclusion ?? 0, history.latest, 1);
  if (onChain === null) {
    const nothing = { placement: null, countedFrom: null, spent: null };
    return { status: 'rolled_back', inclusion: latest, ...nothing };
  }
  const where = whereOf(before, onChain, context);
  // An inclusion that was never ended may go on; one that was is over for good. One that was confirmed too early is
  // as well: the keys of its confirmation are taken.
  const isOver = history.ended.has(latest) || isEarly(latest, where, history, context);
  const inclusion = isOver ? latest + 1 : latest;
  const facts = { ...where, spent: spentOf(before, onChain, context.height), inclusion };
  return { ...facts, status: statusOf(before, facts, history, context) };
}

type Where = Pick<PaymentState, 'placement' | 'countedFrom'>;

/** A block tells of what it confirms: entries alone are another hand's, unless its depth says the same. */
const isEarly = (inclusion: number, where: Where, history: History, context: CorrectionContext) =>
  history.confirmed.has(inclusion) &&
  !history.toldConfirmed.has(inclusion) &&
  !isDeep(where, context);

function isDeep({ placement, countedFrom }: Where, context: CorrectionContext): boolean {
  const from = placement?.height ?? countedFrom ?? 0;
  return confirmationHeight(from, context.requiredConfirmations) <= context.cursorHeight;
}

function whereOf(
  before: PaymentState | null,
  { placement }: ChainOutput,
  context: CorrectionContext,
): Where {
  // What was there before it was followed keeps no block: where one brought it, it was followed.
  const wasBefore = before !== null && before.placement === null && before.countedFrom !== null;
  if (placement !== null) return { placement, countedFrom: null };
  if (wasBefore) return { placement: null, countedFrom: before.countedFrom };
  if (before?.placement != null) return { placement: before.placement, countedFrom: null };
  return { placement: null, countedFrom: context.askedAt };
}

/** What happened above the height that was looked at stands as it is recorded. */
function spentOf(
  before: PaymentState | null,
  { spent }: ChainOutput,
  height: number,
): SpentBy | null {
  if (spent !== 'unspent' && spent !== 'gone') return spent;
  const recorded = before?.spent ?? null;
  return recorded !== null && recorded.height !== null && recorded.height > height
    ? recorded
    : null;
}

function statusOf(
  before: PaymentState | null,
  facts: Omit<PaymentState, 'status'>,
  history: History,
  context: CorrectionContext,
): PaymentStatus {
  const { inclusion } = facts;
  // Whatever was booked: it never counts.
  if (facts.placement === null && !context.backfill) return 'ignored';
  // Nothing but its end takes away that it counts: whoever ignored it since was another hand.
  const counted = [...history.detected].some((one) => one === inclusion || !history.ended.has(one));
  if (!counted && isIgnored(before, facts, history, context)) return 'ignored';
  if (history.confirmed.has(inclusion)) return 'confirmed';
  return isDeep(facts, context) && !context.confirmationsHeld ? 'confirmed' : 'pending';
}

function isIgnored(
  before: PaymentState | null,
  { placement }: Omit<PaymentState, 'status'>,
  history: History,
  context: CorrectionContext,
): boolean {
  if (before?.status === 'ignored') {
    // As the past of its address; but a block brought it, and it counted: it was none.
    const seemedPast = before.placement === null && before.countedFrom !== null;
    return !(seemedPast && placement !== null && history.detected.size > 0);
  }
  if (before !== null && before.status !== 'rolled_back') return false;
  return context.isDust || (placement === null && !context.backfill);
}

export type Told = {
  readonly type: 'payment.detected' | 'payment.confirmed' | 'payment.rolled_back';
  readonly inclusion: number;
  readonly key: string;
};

/**
 * What has to be told now that wasn't: of a payment that had been missed, or had never been there. An
 * inclusion ends for those who hear of it before the next begins: whoever adds up what is told would
 * otherwise count it twice.
 */
export function untold(
  reference: OutputReference,
  after: Pick<PaymentState, 'status' | 'inclusion'>,
  history: History,
): Told[] {
  const { inclusion, status } = after;
  const event = (type: Told['type'], of = inclusion): Told => ({
    type,
    inclusion: of,
    key: `${type}:${reference}:${of}`,
  });
  const over = history.toldOpen
    .filter((open) => open < inclusion)
    .map((open) => event('payment.rolled_back', open));
  if (status === 'ignored') return over;
  if (status === 'rolled_back') {
    const isOpen = history.detected.has(inclusion) && !history.ended.has(inclusion);
    const owed = isOpen || history.toldOpen.includes(inclusion);
    return owed ? [...over, event('payment.rolled_back')] : over;
  }
  return [
    ...over,
    ...(history.detected.has(inclusion) ? [] : [event('payment.detected')]),
    ...(status === 'confirmed' && !history.confirmed.has(inclusion)
      ? [event('payment.confirmed')]
      : []),
  ];
}
