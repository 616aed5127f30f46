import type { Block, Transaction } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import { showAssets } from '../../payments/payment.js';
import type { LinkedBlock } from '../../sync/events.js';
import { type AuditEntry, audit, movePayouts, postEntries } from '../model/books-queries.js';
import { shareFee } from '../model/fee-share.js';
import type { Payout } from '../model/payout.js';
import { inLedgerOrder, type PayoutMetadata, readPayoutMetadata } from '../transaction/metadata.js';
import {
  type AdoptedTransaction,
  adoptPayouts,
  adoptTransaction,
  batchOfAnchor,
  holdForForgotten,
  type PaidOutput,
  pauseFor,
  walletValue,
  wasDistrusted,
} from './adoption-queries.js';
import { payoutAmended } from './track.js';

/** What was found of a transaction that spends from the hot wallet and that the database doesn't know. */
export type Adoption =
  | {
      readonly type: 'adopted';
      readonly txHash: string;
      readonly unknownPayouts: readonly string[];
    }
  | { readonly type: 'unknown_spend'; readonly txHash: string };

/**
 * The database doesn't know who spent from the hot wallet. Where the transaction says that it is a payout
 * of ours, the database has lost its memory: what the chain tells is taken over, and payouts are held,
 * because there may be more that isn't in a block yet. Otherwise somebody else has the key: all is paused.
 * Null where there is nothing to be said.
 */
export async function adopt(
  tx: Tx,
  at: Date,
  block: LinkedBlock<Block>,
  transaction: Transaction,
  hasPaidOut: boolean,
): Promise<Adoption | null> {
  const metadata = readPayoutMetadata(transaction.labels);
  const inputs = inLedgerOrder(transaction.spends);
  const anchor = metadata === null ? undefined : inputs[metadata.anchor];
  if (metadata === null || anchor === undefined || !isPlausible(metadata, transaction)) {
    // Before anything was ever paid from here, its owner moved money by other means.
    return hasPaidOut ? distrust(tx, at, block, transaction) : null;
  }
  const { payoutIds } = metadata;
  const fee = await feeOf(tx, transaction);
  const adopted: AdoptedTransaction = {
    txHash: transaction.id,
    batchId: payoutIds.length === 0 ? null : await batchOfAnchor(tx, anchor, at),
    fee,
    invalidHereafter: transaction.invalidHereafter,
    inputs,
  };
  await adoptTransaction(tx, at, adopted);
  const shares = shareFee(fee, payoutIds.length);
  const outputs = payoutIds.map((payoutId, i) => paidOutput(transaction, payoutId, i, shares[i]));
  const { unknown, payouts } = await adoptPayouts(tx, at, adopted, outputs);
  const amended = await amend(tx, at, payouts, outputs);
  await holdForForgotten(
    tx,
    at,
    `transaction ${transaction.id} is in a block and the database had forgotten it`,
    transaction.invalidHereafter,
  );
  await audit(tx, at, [
    {
      action: 'payout.adopted',
      entityType: 'payout_transaction',
      entityId: transaction.id,
      actor: 'chain',
      details: { blockHash: block.block.id, payoutIds, unknown, amended },
    },
    ...outputs
      .filter(({ payoutId }) => payouts.some((one) => one.id === payoutId && !isPaid(one)))
      .map((output) => adoptedPayout(transaction.id, output)),
  ]);
  return { type: 'adopted', txHash: transaction.id, unknownPayouts: unknown };
}

/** What left the wallet, which is what its row is held against from now on. */
const adoptedPayout = (txHash: string, output: PaidOutput): AuditEntry => ({
  action: 'payout.adopted',
  entityType: 'payout',
  entityId: output.payoutId,
  actor: 'chain',
  details: {
    txHash,
    destinationAddress: output.address,
    lovelace: output.lovelace.toString(),
    assets: output.assets,
  },
});

async function distrust(
  tx: Tx,
  at: Date,
  block: LinkedBlock<Block>,
  { id }: Transaction,
): Promise<Adoption> {
  if (await wasDistrusted(tx, id)) return { type: 'unknown_spend', txHash: id };
  await pauseFor(tx, at, 'chain', `transaction ${id} spent from the hot wallet and isn't ours`);
  await audit(tx, at, [
    {
      action: 'payout.paused',
      entityType: 'payout_transaction',
      entityId: id,
      actor: 'chain',
      details: { reason: 'unknown spend of the hot wallet', blockHash: block.block.id },
    },
  ]);
  return { type: 'unknown_spend', txHash: id };
}

/** Every id is there once and has its output: what isn't so was not written by us. */
const isPlausible = ({ payoutIds }: PayoutMetadata, { outputs }: Transaction): boolean =>
  new Set(payoutIds).size === payoutIds.length && payoutIds.length <= outputs.length;

async function feeOf(tx: Tx, { spends, outputs }: Transaction): Promise<bigint> {
  const value = await walletValue(tx, spends);
  const out = outputs.reduce((sum, output) => sum + output.value.lovelace, 0n);
  return value === null || value < out ? 0n : value - out;
}

function paidOutput(
  transaction: Transaction,
  payoutId: string,
  outputIndex: number,
  feeShare = 0n,
): PaidOutput {
  const output = transaction.outputs[outputIndex];
  if (output === undefined) throw new Error(`no output ${outputIndex} in ${transaction.id}`);
  return {
    payoutId,
    outputIndex,
    address: output.address,
    lovelace: output.value.lovelace,
    assets: showAssets(output.value.assets),
    feeShare,
  };
}

/** Payouts that were asked for again, differently, by a database that had forgotten the first. */
async function amend(
  tx: Tx,
  at: Date,
  payouts: readonly Payout[],
  outputs: readonly PaidOutput[],
): Promise<string[]> {
  const byId = new Map(outputs.map((output) => [output.payoutId, output]));
  const effects = payouts.flatMap((payout) => {
    const paid = byId.get(payout.id);
    if (paid === undefined || isPaid(payout) || isWhatWasPaid(payout, paid)) return [];
    return [{ payout, paid }];
  });
  if (effects.length === 0) return [];
  const amendments = effects.map(({ payout, paid }) =>
    payoutAmended(payout, {
      destinationAddress: paid.address,
      amountLovelace: paid.lovelace,
      assets: new Map(Object.entries(paid.assets).map(([unit, n]) => [unit, BigInt(n)])),
    }),
  );
  await movePayouts(
    tx,
    at,
    amendments.flatMap((one) => one.moves),
  );
  await postEntries(
    tx,
    at,
    amendments.flatMap((one) => one.entries),
  );
  return effects.map(({ payout }) => payout.id);
}

const isPaid = ({ status }: Payout): boolean => status === 'in_block' || status === 'confirmed';

const isWhatWasPaid = (payout: Payout, paid: PaidOutput): boolean =>
  payout.destinationAddress === paid.address &&
  payout.amountLovelace === paid.lovelace &&
  JSON.stringify(showAssets(payout.assets)) === JSON.stringify(paid.assets);
