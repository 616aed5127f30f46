import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import { showAssets } from '../../payments/payment.js';
import { explainOwners } from '../compare/registration-queries.js';
import {
  type ChainOutput,
  type Finding,
  type HealedFinding,
  kindOf,
  type RecordedOutput,
} from '../model/finding.js';
import type { HealContext, Truth } from './context.js';
import { type Correction, healPayments } from './heal-payments.js';
import { correctDates } from './misdated.js';
import { includeMissed } from './missed-inclusions.js';
import { showChange } from './payment-audit.js';
import { auditHealing, dropWallet, type HealAudit, storeWallet } from './store-queries.js';

/**
 * Makes the rows of outputs what the chain says, in the transaction of whoever leads. The ledger follows
 * separately, from the rows. What can't be explained is left as it is, with the reason.
 *
 * @param hotWallet outputs at this address are the company's own
 */
export async function heal(
  tx: Tx,
  at: Date,
  context: HealContext,
  found: readonly Finding[],
  hotWallet: string | null,
): Promise<HealedFinding[]> {
  const findings = await explainOwners(tx, context.partitionId, found);
  const obstacles = new Map<OutputReference, string>();
  // One reference may stand in both tables: as it must be in one, and as nothing in the other.
  const truths = new Map<string, Truth>();
  for (const finding of findings) {
    const reason = obstacleOf(finding, hotWallet);
    if (reason !== null) obstacles.set(finding.reference, reason);
    else {
      const truth = truthOf(finding, hotWallet);
      truths.set(`${truth.kind} ${truth.reference}`, truth);
    }
  }
  // One way in which an output can't be explained spoils what is known of its others.
  const known = [...truths.values()].filter(({ reference }) => !obstacles.has(reference));
  context.learn(known.flatMap(({ reference, onChain }) => (onChain === null ? [] : [reference])));
  await correctDates(tx, context.partitionId, known);
  const payments = known.filter((truth) => truth.kind === 'payment');
  const corrections = await healPayments(tx, at, context, payments);
  const wallet = known.filter((truth) => truth.kind === 'wallet');
  await healWallet(tx, context, wallet);
  await includeMissed(tx, at, context.partitionId, wallet);
  const told = findings.filter(({ reference }) => !obstacles.has(reference));
  await tellAudit(tx, at, context, told, hotWallet, corrections);
  return findings.map((finding) => {
    const reason = obstacles.get(finding.reference);
    return reason === undefined
      ? { ...finding, state: 'repaired', reason: context.cause }
      : { ...finding, state: 'open', reason };
  });
}

function obstacleOf(finding: Finding, hotWallet: string | null): string | null {
  if (finding.unexplained !== null) return finding.unexplained;
  const { onChain, recorded } = finding;
  if (onChain?.spent === 'gone') {
    return 'it is spent on the chain, and by whom was not found: run `teller rebuild`';
  }
  // A payment can't turn into an output of the wallet, nor the other way round.
  if (onChain !== null && recorded !== null) {
    const isWallets = onChain.address === hotWallet;
    if (isWallets !== (recorded.kind === 'wallet')) {
      return 'it is recorded at an address of another kind: a person must look';
    }
  }
  return null;
}

const truthOf = ({ reference, recorded, onChain }: Finding, hotWallet: string | null): Truth => ({
  reference,
  onChain,
  isRecorded: recorded !== null,
  kind: kindOf({ recorded, onChain }, hotWallet),
});

/** Nothing hangs on what the wallet's outputs are: what isn't on the chain is deleted, as a rollback does. */
async function healWallet(tx: Tx, context: HealContext, truths: readonly Truth[]): Promise<void> {
  const there = truths.flatMap(({ onChain }) => (onChain === null ? [] : [onChain]));
  const gone = truths.flatMap((truth) => (truth.onChain === null ? [truth.reference] : []));
  if (there.length > 0) await storeWallet(tx, context.partitionId, there, context.height);
  if (gone.length > 0) await dropWallet(tx, context.partitionId, gone);
}

async function tellAudit(
  tx: Tx,
  at: Date,
  { actor, cause }: HealContext,
  findings: readonly Finding[],
  hotWallet: string | null,
  corrections: readonly Correction[],
): Promise<void> {
  const changes = new Map(corrections.map((one) => [one.reference, one]));
  const entries = findings.map((finding): HealAudit => {
    const { reference, type, recorded, onChain } = finding;
    const isWallets = kindOf(finding, hotWallet) === 'wallet';
    const change = isWallets ? undefined : changes.get(reference);
    return {
      action: 'output.corrected',
      entityType: isWallets ? 'wallet_output' : 'payment',
      entityId: reference,
      details: {
        type,
        cause,
        recorded: recorded === null ? null : showRecorded(recorded),
        onChain: onChain === null ? null : showOnChain(onChain),
        ...(change === undefined ? {} : showChange(change)),
      },
    };
  });
  if (entries.length > 0) await auditHealing(tx, at, actor, entries);
}

/** As the audit log and a rebuild's result show it; what a discrepancy keeps can be read back, and has more. */
export const showRecorded = (recorded: RecordedOutput) => ({
  address: recorded.address,
  userId: recorded.userId,
  ...(recorded.unreadable ?? {
    amountLovelace: recorded.lovelace.toString(),
    assets: showAssets(recorded.assets),
  }),
  status: recorded.status,
  blockHash: recorded.placement?.blockHash ?? null,
  blockHeight: recorded.placement?.height ?? null,
  slot: recorded.placement?.slot ?? null,
  countedFrom: recorded.countedFrom,
  spentBy: recorded.spent?.txHash ?? null,
});

export const showOnChain = (output: ChainOutput) => ({
  address: output.address,
  amountLovelace: output.lovelace.toString(),
  assets: showAssets(output.assets),
  blockHash: output.placement?.blockHash ?? null,
  blockHeight: output.placement?.height ?? null,
  slot: output.placement?.slot ?? null,
  ...(output.countedFrom === undefined ? {} : { countedFrom: output.countedFrom }),
  spentBy: typeof output.spent === 'string' ? null : output.spent.txHash,
  spent: output.spent !== 'unspent',
});
