import type { Output } from '../chain/block.js';
import { outputReference } from '../chain/block.js';
import { BooksContradict } from '../sync/contradiction.js';
import { type DepositPolicy, isIgnored, requiredConfirmations } from './confirmation.js';
import type { Books, Owner, PlacedPayment } from './effects.js';
import type { OutputHit } from './match.js';
import type { Payment } from './payment.js';

/** A payment that a rollback undid. */
export type RolledBack = {
  readonly payment: PlacedPayment;
  /** Whether what its address held before it was watched is to be credited. */
  readonly isWanted: boolean;
};

/** An output at somebody's address. */
export type Deposit = {
  readonly txHash: string;
  readonly output: Output;
  readonly owner: Owner;
  readonly ignored: boolean;
};

type Terms = Pick<PlacedPayment, 'status' | 'requiredConfirmations'>;

/** What each deposit needs, where they come together: all of a user's are one when it comes to depth. */
export function termsOf(deposits: readonly Deposit[], policy: DepositPolicy): Terms[] {
  const perUser = new Map<string, bigint>();
  for (const { output, owner, ignored } of deposits) {
    if (ignored) continue;
    perUser.set(owner.userId, (perUser.get(owner.userId) ?? 0n) + output.value.lovelace);
  }
  return deposits.map(({ output, owner, ignored }) => ({
    status: ignored ? 'ignored' : 'pending',
    requiredConfirmations: requiredConfirmations(
      policy,
      perUser.get(owner.userId) ?? 0n,
      output.value.assets.size > 0,
    ),
  }));
}

/** The payments among the outputs of one block. */
export function detect(
  hits: readonly OutputHit[],
  books: Books,
  policy: DepositPolicy,
  at: Date,
): PlacedPayment[] {
  const deposits = hits.flatMap((hit) => {
    const { address } = hit.output;
    const owner = address === books.hotWallet ? undefined : books.owners.get(address);
    if (owner === undefined) return [];
    return [{ ...hit, owner, ignored: isTooSmall(hit.output, policy) }];
  });
  const terms = termsOf(deposits, policy);
  return deposits.flatMap((deposit, index) => {
    const own = terms[index];
    return own === undefined ? [] : [{ ...rowOf(deposit, deposit.owner, books, at), ...own }];
  });
}

export const isTooSmall = ({ value }: Output, policy: DepositPolicy): boolean =>
  isIgnored(policy, { lovelace: value.lovelace, hasAssets: value.assets.size > 0 });

function rowOf(
  { block, txHash, txPosition, output }: OutputHit,
  owner: Owner,
  { recorded }: Books,
  at: Date,
): Omit<PlacedPayment, keyof Terms> {
  const reference = outputReference(txHash, output.index);
  const earlier = recorded.get(reference);
  if (earlier !== undefined && earlier.status !== 'rolled_back') {
    throw new BooksContradict([
      `payment ${reference} (inclusion ${earlier.inclusion}, user ${earlier.userId}) is recorded as ` +
        `${earlier.status} in block ${earlier.blockHash ?? 'none'}, and comes in block ${block.block.id}`,
    ]);
  }
  return {
    ...owner,
    ...inclusionOf(txHash, output, earlier, at),
    txPosition,
    blockHash: block.block.id,
    blockHeight: block.block.height,
    slot: block.slot,
    countedFrom: null,
  };
}

/** @param earlier its row, where it was on a chain before */
export const inclusionOf = (
  txHash: string,
  output: Output,
  earlier: Payment | undefined,
  at: Date,
) => ({
  txHash,
  outputIndex: output.index,
  amountLovelace: output.value.lovelace,
  assets: output.value.assets,
  inclusion: earlier === undefined ? 1 : inclusionAfter(earlier),
  spentBy: null,
  detectedAt: earlier?.detectedAt ?? at,
  confirmedAt: null,
});

/** The highest that the schema allows. */
const INCLUSION_MAX = 999_999;

function inclusionAfter({ txHash, outputIndex, inclusion, userId }: Payment): number {
  if (inclusion < INCLUSION_MAX) return inclusion + 1;
  const reference = outputReference(txHash, outputIndex);
  throw new BooksContradict(
    [
      `payment ${reference} (inclusion ${inclusion}, user ${userId}) comes into a block again, and no chain ` +
        'takes an output back so often',
    ],
    "A person must set the row's inclusion to the highest that balance_transactions and the events in outbox " +
      'have of that payment; blocks go on by themselves afterwards.',
  );
}

/**
 * A followed block spends what stands as rolled back, and no followed block made it: it was there before,
 * at or below where the fork began. The ledger won't tell of it any more, so this is how it comes back.
 */
export function comeBackSpent(
  rolledBack: RolledBack | undefined,
  height: number,
  policy: DepositPolicy,
): PlacedPayment[] {
  if (rolledBack === undefined) return [];
  const { payment, isWanted } = rolledBack;
  const value = { lovelace: payment.amountLovelace, hasAssets: payment.assets.size > 0 };
  const ignored = !isWanted || isIgnored(policy, value);
  return [
    {
      ...payment,
      status: ignored ? 'ignored' : 'pending',
      inclusion: inclusionAfter(payment),
      countedFrom: height,
      spentBy: null,
      confirmedAt: null,
    },
  ];
}
