import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import type { ChainOutput } from '../model/finding.js';
import type { HealContext, Truth } from './context.js';
import { healPayments } from './heal-payments.js';
import { lockPayments, readHistories, type StoredPayment } from './heal-queries.js';
import { auditPayments } from './payment-audit.js';

const PAGE = 5_000;

/**
 * No chain knows of statuses: what was booked and told says what a payment had become, and its depth what
 * it must be by now. Its other columns were held against the chain.
 *
 * @returns payments of which nothing was ever booked or told although they count: a person must look
 */
export async function healStatuses(
  tx: Tx,
  at: Date,
  context: HealContext,
  references: readonly OutputReference[],
): Promise<{ readonly healed: number; readonly unclear: readonly OutputReference[] }> {
  const unclear: OutputReference[] = [];
  let healed = 0;
  for (let from = 0; from < references.length; from += PAGE) {
    const page = references.slice(from, from + PAGE);
    const histories = await readHistories(tx, page);
    const stored = await lockPayments(tx, page);
    const truths = page.flatMap((reference): Truth[] => {
      const row = stored.get(reference);
      if (row === undefined || row.status === 'rolled_back') return [];
      // What it was is known to its block only.
      if (row.unreadable !== undefined) return [];
      if (histories.has(reference)) return [truthOf(reference, row)];
      if (row.status !== 'ignored') unclear.push(reference);
      return [];
    });
    const corrections = await healPayments(tx, at, context, truths);
    // Of what a finding healed a moment ago its own entry tells, and nothing changes here.
    await auditPayments(tx, at, context, corrections);
    healed += corrections.filter(({ before, after }) => before?.status !== after.status).length;
  }
  return { healed, unclear };
}

function truthOf(reference: OutputReference, row: StoredPayment): Truth {
  const { blockHash, blockHeight, slot } = row;
  const onChain: ChainOutput = {
    reference,
    address: row.address,
    lovelace: row.amountLovelace,
    assets: row.assets,
    hasScript: false,
    placement:
      blockHash === null || blockHeight === null || slot === null
        ? null
        : { blockHash, height: blockHeight, slot, txPosition: row.txPosition },
    spent:
      row.spentBy === null || row.spentHeight === null
        ? 'unspent'
        : { txHash: row.spentBy, height: row.spentHeight },
  };
  return { reference, kind: 'payment', isRecorded: true, onChain };
}
