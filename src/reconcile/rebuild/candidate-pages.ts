import { outputReference } from '../../chain/block.js';
import type { Queryable, Tx } from '../../database/transaction.js';
import { parseAssets } from '../../payments/payment.js';
import { type RecordedRow, recordedFrom } from '../compare/recorded-queries.js';
import type { ChainOutput } from '../model/finding.js';
import type { Candidate, DerivedOutput } from './candidate.js';
import { type CompareScope, DERIVED, scopeValues } from './candidate-queries.js';

/** Both sides of candidates, as they are at this moment. */
const BOTH_SIDES = `
  with picked as (PICKED)
  select k.kind, k.tx_hash, k.output_index, k.asked, k.ledger,
         r.address, r.user_id, r.status, r.amount_lovelace::text, r.assets, r.block_hash, r.block_height,
         r.slot, r.tx_position, r.counted_from, r.spent_by, r.spent_height, r.inclusion,
         r.required_confirmations, r.has_script,
         s.spent_by as chain_spent_by, s.spent_height as chain_spent_height,
         case when d.tx_hash is not null then to_jsonb(d) || jsonb_build_object(
           'amount_lovelace', d.amount_lovelace::text) end as derived,
         coalesce(d.owner, la.user_id) as owner, here.watched_from, here.backfill,
         exists (select from payment_addresses a where a.address = coalesce(d.address, k.ledger ->> 'address'))
           or exists (select from audit_log l
                       where l.entity_type = 'payment_address' and l.action = 'address.registered'
                         and l.entity_id = coalesce(d.address, k.ledger ->> 'address')) as was_registered
    from picked k
    left join lateral (
      select p.address, p.user_id, p.status, p.amount_lovelace, p.assets, p.block_hash, p.block_height, p.slot,
             p.tx_position, p.counted_from, p.spent_by, p.spent_height, p.inclusion, p.required_confirmations,
             null::boolean as has_script
        from incoming_payments p
       where k.kind = 'payment' and p.partition_id = $2
         and p.tx_hash = k.tx_hash and p.output_index = k.output_index
      union all
      select w.address, null, null, w.amount_lovelace, w.assets, w.block_hash, w.block_height, w.slot,
             null, w.counted_from, w.spent_by, w.spent_height, 1, null, w.has_script
        from wallet_outputs w
       where k.kind = 'wallet' and w.partition_id = $2
         and w.tx_hash = k.tx_hash and w.output_index = k.output_index) r on true
    left join lateral (${DERIVED} and o.tx_hash = k.tx_hash and o.output_index = k.output_index) d on true
    left join rebuild_spends s
      on s.job_id = $1 and s.tx_hash = k.tx_hash and s.output_index = k.output_index
    left join payment_addresses la
      on la.address = k.ledger ->> 'address' and la.partition_id = $2
    left join payment_addresses here
      on here.address = coalesce(d.address, k.ledger ->> 'address', r.address) and here.partition_id = $2
   where $3::bigint is not null`;

const NOT_ASKED = BOTH_SIDES.replace(
  'PICKED',
  `select * from rebuild_candidates
    where job_id = $1 and not asked and (kind, tx_hash, output_index) > ($6, $7, $8::int)
    order by kind, tx_hash, output_index limit $9`,
);
const AMONG = BOTH_SIDES.replace(
  'PICKED',
  `select * from rebuild_candidates
    where job_id = $1 and kind = $6
      and (tx_hash, output_index) in (select * from unnest($7::text[], $8::int[]))`,
);
// In the order of the chain: what one user received in one block belongs together.
const DECLARE = `
  declare rebuild_differences no scroll cursor for
  ${BOTH_SIDES.replace('PICKED', 'select * from rebuild_candidates where job_id = $1')}
   order by coalesce(d.block_height, r.block_height, r.counted_from, -1), k.tx_hash, k.output_index`;

type Stored<T> = T | null;
type DerivedRow = {
  address: string;
  amount_lovelace: string;
  assets: Record<string, string>;
  has_script: boolean;
  block_hash: string;
  block_height: number;
  slot: number;
  tx_position: number;
  spent_by: Stored<string>;
  spent_height: Stored<number>;
  must: boolean;
  in_block: boolean;
};
export type LedgerRow = {
  readonly address: string;
  readonly lovelace: string;
  readonly assets: Record<string, string>;
  readonly hasScript: boolean;
};
type Row = Omit<RecordedRow, 'address'> & {
  asked: boolean;
  ledger: Stored<LedgerRow>;
  address: Stored<string>;
  chain_spent_by: Stored<string>;
  chain_spent_height: Stored<string>;
  derived: Stored<DerivedRow>;
  owner: Stored<string>;
  watched_from: Stored<string>;
  backfill: Stored<boolean>;
  was_registered: boolean;
};

export type CandidateKey = Pick<Row, 'kind' | 'tx_hash' | 'output_index'>;

/** Those about which the ledger wasn't asked, after a key. */
export async function candidatesNotAsked(
  db: Queryable,
  scope: CompareScope,
  after: CandidateKey,
  limit: number,
): Promise<{ readonly candidates: Candidate[]; readonly last: CandidateKey | null }> {
  const { kind, tx_hash: txHash, output_index: index } = after;
  const values = [...scopeValues(scope), kind, txHash, index, limit];
  const { rows } = await db.query<Row>(NOT_ASKED, values);
  // A join keeps no order.
  const last = rows.reduce<CandidateKey | null>(
    (most, row) => (most === null || isAfter(row, most) ? row : most),
    null,
  );
  return { candidates: rows.map(candidateFrom), last };
}

const isAfter = (a: CandidateKey, b: CandidateKey): boolean =>
  a.kind !== b.kind
    ? a.kind > b.kind
    : a.tx_hash !== b.tx_hash
      ? a.tx_hash > b.tx_hash
      : a.output_index > b.output_index;

export async function candidatesAmong(
  db: Queryable,
  scope: CompareScope,
  kind: Candidate['kind'],
  references: readonly string[],
): Promise<Candidate[]> {
  const parts = references.map((reference) => reference.split('#'));
  const { rows } = await db.query<Row>(AMONG, [
    ...scopeValues(scope),
    kind,
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
  ]);
  return rows.map(candidateFrom);
}

const PAGE_ROWS = 1_000;
const FETCH = `fetch ${PAGE_ROWS} from rebuild_differences`;

/**
 * All candidates as they are when the first page is asked for, in the order of the chain, in pages that
 * don't cut a block.
 */
export async function* allCandidates(tx: Tx, scope: CompareScope): AsyncGenerator<Candidate[]> {
  await tx.query(DECLARE, scopeValues(scope));
  let page: Candidate[] = [];
  for (;;) {
    const { rows } = await tx.query<Row>(FETCH);
    page = [...page, ...rows.map(candidateFrom)];
    if (rows.length < PAGE_ROWS) break;
    const height = heightOf(page.at(-1));
    const cut = page.findIndex((candidate) => heightOf(candidate) === height);
    if (cut > 0) yield page.splice(0, cut);
  }
  await tx.query('close rebuild_differences');
  if (page.length > 0) yield page;
}

const heightOf = (candidate: Candidate | undefined): number =>
  candidate?.derived?.placement?.height ??
  candidate?.recorded?.placement?.height ??
  candidate?.recorded?.countedFrom ??
  -1;

function candidateFrom(row: Row): Candidate {
  const reference = outputReference(row.tx_hash, row.output_index);
  const { chain_spent_by: txHash, chain_spent_height: height } = row;
  return {
    kind: row.kind,
    reference,
    recorded: row.address === null ? null : recordedFrom({ ...row, address: row.address }),
    derived: row.derived === null ? null : derivedFrom(reference, row.derived),
    spentBy: txHash === null || height === null ? null : { txHash, height: Number(height) },
    ledger: row.ledger === null ? null : ledgerFrom(reference, row.ledger),
    wasAsked: row.asked,
    owner: row.owner,
    registration:
      row.backfill === null
        ? null
        : { watchedFrom: numberOrNull(row.watched_from), backfill: row.backfill },
    wasRegistered: row.was_registered,
  };
}

const numberOrNull = (text: string | null): number | null => (text === null ? null : Number(text));

function derivedFrom(reference: string, row: DerivedRow): DerivedOutput {
  const { spent_by: spentBy, spent_height: spentHeight } = row;
  return {
    reference,
    address: row.address,
    lovelace: BigInt(row.amount_lovelace),
    assets: parseAssets(row.assets),
    hasScript: row.has_script,
    placement: {
      blockHash: row.block_hash,
      height: row.block_height,
      slot: row.slot,
      txPosition: row.tx_position,
    },
    spent:
      spentBy === null || spentHeight === null
        ? 'unspent'
        : { txHash: spentBy, height: spentHeight },
    must: row.must,
    inBlock: row.in_block,
  };
}

const ledgerFrom = (reference: string, row: LedgerRow): ChainOutput => ({
  reference,
  address: row.address,
  lovelace: BigInt(row.lovelace),
  assets: parseAssets(row.assets),
  hasScript: row.hasScript,
  placement: null,
  spent: 'unspent',
});
