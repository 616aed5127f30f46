import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import { isIgnored, requiredConfirmations } from '../../payments/confirmation.js';
import { writeEvents } from '../../payments/ledger-queries.js';
import { showPayment } from '../../payments/payment.js';
import type { ChainOutput } from '../model/finding.js';
import type { HealContext, Truth } from './context.js';
import { correctPayment, NO_HISTORY, untold } from './correction.js';
import {
  type AddressOwner,
  confirmationsHeld,
  lockPayments,
  lovelaceTogether,
  readHistories,
  readOwners,
  type StoredPayment,
} from './heal-queries.js';
import { type PaymentToStore, storeCorrected } from './store-queries.js';

export type Correction = {
  readonly reference: OutputReference;
  readonly before: StoredPayment | null;
  readonly after: PaymentToStore;
};

/** Makes payments' rows what the chain says, and tells what had never been told. */
export async function healPayments(
  tx: Tx,
  at: Date,
  context: HealContext,
  truths: readonly Truth[],
): Promise<Correction[]> {
  if (truths.length === 0) return [];
  const references = truths.map((truth) => truth.reference);
  const stored = await lockPayments(tx, references);
  const histories = await readHistories(tx, references);
  const addresses = truths.map(({ onChain, reference }) =>
    addressOf(onChain, stored.get(reference)),
  );
  const owners = await readOwners(tx, [...new Set(addresses)]);
  const together = await readTogether(tx, truths, owners, context.policy);
  const held = await confirmationsHeld(tx, context.partitionId);
  const corrections: Correction[] = [];
  const events = [];
  for (const [position, { reference, onChain }] of truths.entries()) {
    const before = stored.get(reference) ?? null;
    const owner = owners.get(addresses[position] ?? '');
    if (owner === undefined) continue;
    const history = histories.get(reference) ?? NO_HISTORY;
    const required =
      before?.requiredConfirmations ?? requiredFor(context, onChain, owner, together);
    const truth = onChain === null ? null : asFollowed(onChain, owner, before);
    const state = correctPayment(before === null ? null : stateOf(before), truth, history, {
      askedAt: Math.min(owner.backfilledHeight ?? context.height, context.height),
      height: context.height,
      cursorHeight: context.cursorHeight,
      confirmationsHeld: held,
      requiredConfirmations: required,
      isDust: onChain !== null && isIgnored(context.policy, depositOf(onChain)),
      backfill: owner.backfill,
    });
    const after = rowOf(reference, before, onChain, owner, required, at);
    const isConfirmed = state.status === 'confirmed';
    const row: PaymentToStore = {
      ...after,
      ...state,
      blockHash: state.placement?.blockHash ?? null,
      blockHeight: state.placement?.height ?? null,
      slot: state.placement?.slot ?? null,
      spentBy: state.spent?.txHash ?? null,
      confirmedAt: isConfirmed ? (before?.confirmedAt ?? at) : null,
    };
    corrections.push({ reference, before, after: row });
    for (const { type, key, inclusion } of untold(reference, state, history)) {
      const then = inclusion < row.inclusion ? { ...row, ...ENDED } : row;
      events.push({ type, key, view: showPayment(then, context.cursorHeight) });
    }
  }
  if (corrections.length > 0) {
    await storeCorrected(
      tx,
      context.partitionId,
      corrections.map(({ after }) => after),
    );
  }
  if (events.length > 0) await writeEvents(tx, at, events);
  return corrections;
}

/** As a payment is told that has left its block. */
const ENDED = {
  status: 'rolled_back',
  blockHash: null,
  blockHeight: null,
  slot: null,
  countedFrom: null,
  confirmedAt: null,
  spentBy: null,
} as const;

const addressOf = (onChain: ChainOutput | null, stored: StoredPayment | undefined): string =>
  onChain?.address ?? stored?.address ?? '';

/** No followed block made it: it was there before its address was watched, and has no block in the books. */
function asFollowed(
  onChain: ChainOutput,
  { followedAbove, isSinceKnown }: AddressOwner,
  before: StoredPayment | null,
): ChainOutput {
  const { placement } = onChain;
  if (placement === null) return onChain;
  const keepsNone = !isSinceKnown && before !== null && before.countedFrom !== null;
  const isBefore = keepsNone || (followedAbove !== null && placement.height <= followedAbove);
  return isBefore ? { ...onChain, placement: null } : onChain;
}

const depositOf = (output: ChainOutput) => ({
  lovelace: output.lovelace,
  hasAssets: output.assets.size > 0,
});

const stateOf = (row: StoredPayment) => ({
  status: row.status,
  inclusion: row.inclusion,
  placement:
    row.blockHash === null || row.blockHeight === null || row.slot === null
      ? null
      : {
          blockHash: row.blockHash,
          height: row.blockHeight,
          slot: row.slot,
          txPosition: row.txPosition,
        },
  countedFrom: row.countedFrom,
  spent: row.spentBy === null ? null : { txHash: row.spentBy, height: row.spentHeight },
});

function rowOf(
  reference: OutputReference,
  before: StoredPayment | null,
  onChain: ChainOutput | null,
  owner: AddressOwner,
  required: number,
  at: Date,
) {
  const [txHash = '', index = ''] = reference.split('#');
  // Whose it is only changes where it was somebody else's.
  const isOwners = before !== null && before.userId === owner.userId;
  return {
    txHash,
    outputIndex: Number(index),
    address: addressOf(onChain, before ?? undefined),
    userId: owner.userId,
    referenceType: isOwners ? before.referenceType : owner.referenceType,
    referenceId: isOwners ? before.referenceId : owner.referenceId,
    amountLovelace: onChain?.lovelace ?? before?.amountLovelace ?? 0n,
    assets: onChain?.assets ?? before?.assets ?? new Map<string, bigint>(),
    requiredConfirmations: required,
    detectedAt: before?.detectedAt ?? at,
  };
}

/** What is missing counts together with what its user's other payments of that block bring. */
async function readTogether(
  tx: Tx,
  truths: readonly Truth[],
  owners: ReadonlyMap<string, AddressOwner>,
  policy: HealContext['policy'],
): Promise<Map<string, bigint>> {
  const missing = truths.flatMap(({ onChain, isRecorded }) => {
    const owner = onChain === null ? undefined : owners.get(onChain.address);
    if (isRecorded || onChain === null || owner === undefined) return [];
    // What is ignored counts for nothing, and what was there before came with no block.
    if (isIgnored(policy, depositOf(onChain))) return [];
    const blockHash = asFollowed(onChain, owner, null).placement?.blockHash ?? '';
    return [{ userId: owner.userId, blockHash, lovelace: onChain.lovelace }];
  });
  if (missing.length === 0) return new Map();
  const sums = await lovelaceTogether(tx, missing);
  for (const { userId, blockHash, lovelace } of missing) {
    const key = `${userId} ${blockHash}`;
    sums.set(key, (sums.get(key) ?? 0n) + lovelace);
  }
  return sums;
}

const requiredFor = (
  { policy }: HealContext,
  onChain: ChainOutput | null,
  owner: AddressOwner,
  together: ReadonlyMap<string, bigint>,
): number => {
  const placement = onChain === null ? null : asFollowed(onChain, owner, null).placement;
  const key = `${owner.userId} ${placement?.blockHash ?? ''}`;
  const hasAssets = (onChain?.assets.size ?? 0) > 0;
  return requiredConfirmations(policy, together.get(key) ?? onChain?.lovelace ?? 0n, hasAssets);
};
