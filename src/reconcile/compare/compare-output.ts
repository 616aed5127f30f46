import type { Value } from '../../chain/block.js';
import { confirmationHeight } from '../../payments/confirmation.js';
import type { ChainOutput, DiscrepancyType, Placement, RecordedOutput } from '../model/finding.js';

/** What the comparison has to know beside the two sides. */
export type Surroundings = {
  /** Of the block after which both sides are compared. */
  readonly height: number;
  /** Whose the address is, by the addresses that were registered; null for the hot wallet. */
  readonly owner: string | null;
  /** False where what the address held before it was watched is to be ignored. */
  readonly backfill: boolean;
  /** Whether confirmations are held at the moment: then what is deep enough may still wait. */
  readonly confirmationsHeld: boolean;
};

export type RequiredDepth = { readonly requiredConfirmations: number | null };

/**
 * In which ways records and chain differ about one output that counts; none where they agree.
 *
 * @param recorded null where the books don't have it
 * @param onChain null where the chain doesn't have it
 */
export function compareOutput(
  recorded: (RecordedOutput & RequiredDepth) | null,
  onChain: ChainOutput | null,
  surroundings: Surroundings,
): DiscrepancyType[] {
  if (recorded === null) return onChain === null ? [] : ['missing_in_db'];
  if (recorded.status === 'rolled_back') return onChain === null ? [] : ['status_mismatch'];
  if (onChain === null) return ['extra_in_db'];
  const types: DiscrepancyType[] = [];
  if (amountDiffers(recorded, onChain)) types.push('amount_mismatch');
  if (recorded.address !== onChain.address || recorded.userId !== surroundings.owner)
    types.push('owner_mismatch');
  if (onChain.spent === 'unspent' && recorded.spent !== null) types.push('unspent_mismatch');
  if (spentDiffers(recorded, onChain)) types.push('spent_mismatch');
  if (
    placementDiffers(recorded, onChain.placement) ||
    isOverdue(recorded, surroundings) ||
    (!surroundings.backfill && countsFromBefore(recorded))
  )
    types.push('status_mismatch');
  return types;
}

const amountDiffers = (recorded: RecordedOutput, onChain: ChainOutput): boolean =>
  recorded.unreadable !== undefined ||
  !sameValue(recorded, onChain) ||
  // It decides whether a payout may spend it.
  (recorded.hasScript ?? onChain.hasScript) !== onChain.hasScript;

export const sameValue = (a: Value, b: Value): boolean =>
  a.lovelace === b.lovelace &&
  a.assets.size === b.assets.size &&
  [...a.assets].every(([unit, quantity]) => b.assets.get(unit) === quantity);

/** Spent on the chain and not in the records, or by somebody else than they say. */
function spentDiffers({ spent }: RecordedOutput, onChain: ChainOutput): boolean {
  if (onChain.spent === 'unspent') return false;
  if (spent === null) return true;
  if (onChain.spent === 'gone') return false;
  return spent.txHash !== onChain.spent.txHash || spent.height !== onChain.spent.height;
}

/** @param found null where no block brought it that was followed for its address */
function placementDiffers(recorded: RecordedOutput, found: Placement | null): boolean {
  const { kind, placement, countedFrom } = recorded;
  // The wallet may have been set when blocks were followed already.
  if (placement === null) return countedFrom === null || (kind === 'payment' && found !== null);
  if (found === null) return false;
  return (
    placement.blockHash !== found.blockHash ||
    placement.height !== found.height ||
    placement.slot !== found.slot ||
    (placement.txPosition !== null &&
      found.txPosition !== null &&
      placement.txPosition !== found.txPosition)
  );
}

/** A payment that no followed block brought, and that counts. */
export const countsFromBefore = ({
  kind,
  status,
  placement,
  countedFrom,
}: Pick<RecordedOutput, 'kind' | 'status' | 'placement' | 'countedFrom'>): boolean =>
  kind === 'payment' &&
  placement === null &&
  countedFrom !== null &&
  status !== 'ignored' &&
  status !== 'rolled_back';

/** Deep enough, and still not confirmed. */
function isOverdue(
  recorded: RecordedOutput & RequiredDepth,
  { height, confirmationsHeld }: Surroundings,
): boolean {
  const from = recorded.placement?.height ?? recorded.countedFrom;
  if (recorded.status !== 'pending' || from === null || confirmationsHeld) return false;
  return confirmationHeight(from, recorded.requiredConfirmations ?? 1) <= height;
}
