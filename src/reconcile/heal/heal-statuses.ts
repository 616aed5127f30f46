import type { OutputReference } from '../../chain/block.js';
import { outputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import type { ChainOutput } from '../model/finding.js';
import { LEDGER_DIFFERENCES } from '../verify/ledger-differences.js';
import type { HealContext, Truth } from './context.js';
import { healPayments } from './heal-payments.js';
import { lockPayments, readHistories, type StoredPayment } from './heal-queries.js';

const CONTRADICTED = `
  select distinct p.tx_hash, p.output_index
    from (${LEDGER_DIFFERENCES}) d
    join incoming_payments p on p.tx_hash = d.tx_hash and p.output_index = d.output_index
   where p.partition_id = $1 and p.status <> 'rolled_back'
     and ($2::text[] is null or p.user_id = any($2))
   order by p.tx_hash, p.output_index`;

const PAGE = 5_000;

/**
 * No chain knows of statuses: what was booked and told says what a payment had become, and its depth what
 * it must be by now. Its other columns are taken as they are: they are healed before.
 *
 * @returns payments of which nothing was ever booked or told although they count: a person must look
 */
export async function healStatuses(
  tx: Tx,
  at: Date,
  context: HealContext,
  users: readonly string[] | null,
  except: ReadonlySet<OutputReference>,
): Promise<{ readonly healed: number; readonly unclear: readonly OutputReference[] }> {
  const { rows } = await tx.query<{ tx_hash: string; output_index: number }>(CONTRADICTED, [
    context.partitionId,
    users,
  ]);
  const references = rows
    .map((row) => outputReference(row.tx_hash, row.output_index))
    .filter((reference) => !except.has(reference));
  const unclear: OutputReference[] = [];
  let healed = 0;
  for (let from = 0; from < references.length; from += PAGE) {
    const page = references.slice(from, from + PAGE);
    const histories = await readHistories(tx, page);
    const stored = await lockPayments(tx, page);
    const known = page.filter((reference) => histories.has(reference));
    unclear.push(...page.filter((reference) => !histories.has(reference)));
    const truths = known.flatMap((reference) => truthOf(reference, stored.get(reference)));
    const corrections = await healPayments(tx, at, context, truths);
    healed += corrections.filter(({ before, after }) => before?.status !== after.status).length;
  }
  return { healed, unclear };
}

function truthOf(reference: OutputReference, row: StoredPayment | undefined): Truth[] {
  if (row === undefined) return [];
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
  return [{ reference, kind: 'payment', isRecorded: true, onChain }];
}
