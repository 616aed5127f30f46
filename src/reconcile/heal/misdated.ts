import type { OutputReference } from '../../chain/block.js';
import type { Queryable, Tx } from '../../database/transaction.js';
import type { Finding, RecordedOutput } from '../model/finding.js';
import { differingBlocks } from './proof.js';

/** A row without a block that doesn't count from where the past of its address was asked for. */
export type Misdated = {
  readonly kind: RecordedOutput['kind'];
  readonly reference: OutputReference;
  readonly address: string;
  readonly countedFrom: number;
  /** Of the ledger that was asked for the past of its address; null where none was. */
  readonly askedAt: number | null;
  /** From where it must count; null where nothing proves it. */
  readonly countsFrom: number | null;
};

// Each has an index of what counts from a ledger. One that is beyond all heights shows as no height at all. What a block
// brought back as it spent it counts from that block, whenever its address was asked.
const OTHERWISE = `
  select 'payment' as kind, p.tx_hash || '#' || p.output_index as reference, p.address,
         p.counted_from::float8 as "countedFrom", a.backfilled_height::float8 as "askedAt"
    from incoming_payments p
    join payment_addresses a on a.address = p.address and a.partition_id = p.partition_id
   where p.partition_id = $1 and p.counted_from <= ${Number.MAX_SAFE_INTEGER} and p.status <> 'rolled_back'
     and p.counted_from is distinct from a.backfilled_height and p.counted_from is distinct from p.spent_height
     and ($2::text[] is null or p.address = any($2))
  union all
  select 'wallet', w.tx_hash || '#' || w.output_index, w.address, w.counted_from::float8, b.block_height::float8
    from wallet_outputs w
    join wallet_backfills b on b.address = w.address and b.partition_id = w.partition_id
   where w.partition_id = $1 and w.counted_from <= ${Number.MAX_SAFE_INTEGER}
     and w.counted_from <> b.block_height and w.counted_from is distinct from w.spent_height
     and ($2::text[] is null or w.address = any($2))
   order by reference limit $3`;
/** More than anybody reads, or heals at once. */
const ROWS_MAX = 100_000;

/**
 * Rows without a block that count from elsewhere than their addresses were asked, where anything contradicts
 * them: an address that was registered anew was asked later than its rows tell, and they are right. At one moment.
 *
 * @param addresses null for all
 */
export async function readMisdated(
  db: Queryable,
  partitionId: number,
  addresses: readonly string[] | null,
): Promise<readonly Misdated[]> {
  type Row = Omit<Misdated, 'countsFrom'>;
  const { rows } = await db.query<Row>(OTHERWISE, [partitionId, addresses, ROWS_MAX]);
  if (rows.length === 0) return [];
  const heights = [...new Set(rows.flatMap((row) => [row.countedFrom, row.askedAt ?? []].flat()))];
  const differing = await differingBlocks(db, partitionId, heights);
  return rows.flatMap((row): Misdated[] => {
    const { countedFrom, askedAt } = row;
    const isMoved = differing.has(countedFrom) && askedAt !== null && differing.has(askedAt);
    if (isMoved) return [{ ...row, countsFrom: askedAt }];
    return differing.has(countedFrom) ? [{ ...row, countsFrom: null }] : [];
  });
}

/** What it is called; nothing else differs about it. */
export const misdatedAs = (
  recorded: RecordedOutput,
  onChain: Finding['onChain'],
  { reference, address, countedFrom, askedAt, countsFrom }: Misdated,
): Finding => ({
  type: 'status_mismatch',
  reference,
  address,
  recorded,
  onChain:
    onChain === null || countsFrom === null ? onChain : { ...onChain, countedFrom: countsFrom },
  unexplained: countsFrom === null ? notProven(countedFrom, askedAt) : null,
});

const notProven = (countedFrom: number, askedAt: number | null): string =>
  `it counts from block ${countedFrom}, where the state digest lacks it; its address was asked for what it held ` +
  `${askedAt === null ? 'at none' : `at block ${askedAt}, where the digest has no room for it`}: a person must say ` +
  'which is right';

const CORRECT = (table: 'incoming_payments' | 'wallet_outputs'): string => `
  update ${table} r set counted_from = d.counts_from
    from unnest($2::text[], $3::int[], $4::bigint[]) as d (tx_hash, output_index, counts_from)
   where r.partition_id = $1 and (r.tx_hash, r.output_index) = (d.tx_hash, d.output_index)`;
const CORRECT_ROWS = {
  payment: CORRECT('incoming_payments'),
  wallet: CORRECT('wallet_outputs'),
} as const;

/**
 * Lets rows that are being healed count from where they must. What is at another address on the chain than its
 * row says is left: when that was asked the row's address doesn't tell.
 */
export async function correctDates(
  tx: Tx,
  partitionId: number,
  truths: readonly Pick<Finding, 'reference' | 'onChain'>[],
): Promise<void> {
  const places = new Map(truths.map(({ reference, onChain }) => [reference, onChain?.address]));
  const addresses = [...new Set([...places.values()].flatMap((address) => address ?? []))];
  if (addresses.length === 0) return;
  const misdated = (await readMisdated(tx, partitionId, addresses)).filter(
    ({ reference, address, countsFrom }) =>
      countsFrom !== null && places.get(reference) === address,
  );
  for (const kind of ['payment', 'wallet'] as const) {
    const rows = misdated.filter((one) => one.kind === kind);
    if (rows.length === 0) continue;
    const parts = rows.map(({ reference }) => reference.split('#'));
    await tx.query(CORRECT_ROWS[kind], [
      partitionId,
      parts.map(([txHash]) => txHash),
      parts.map(([, index]) => Number(index)),
      rows.map(({ countsFrom }) => countsFrom),
    ]);
  }
}
