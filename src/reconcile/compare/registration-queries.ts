import type { OutputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import type { Finding } from '../model/finding.js';
import { type Dispute, disputesInWords, doubtOwners, type StrayRows } from './disputes.js';

/** What the last registration of an address says; no row where it was never audited. */
const REGISTRATION = (address: string): string => `
  select l.details ->> 'userId' as user_id, true as audited from audit_log l
   where l.entity_type = 'payment_address' and l.entity_id = ${address} and l.action = 'address.registered'
   order by l.id desc limit 1`;

// All registrations against all addresses in one pass; whatever looks odd there is looked at one by one.
const ODD = (which: string): string => `
  select distinct l.entity_id as address
    from audit_log l
    left join payment_addresses a on a.address = l.entity_id
   where l.entity_type = 'payment_address' and l.action = 'address.registered' ${which}
     and (a.address is null
          or a.partition_id = $1 and a.user_id is distinct from l.details ->> 'userId')`;
const DISPUTED = (which: string): string => `
  select odd.address, r.user_id as "registeredFor", a.user_id as "userId",
         exists (select from incoming_payments p
                  where p.address = odd.address and p.partition_id = $1
                    and p.status <> 'rolled_back') as "hasPayments"
    from (${ODD(which)}) as odd
    left join payment_addresses a on a.address = odd.address
   cross join lateral (${REGISTRATION('odd.address')}) as r
   where a.user_id is distinct from r.user_id
   order by odd.address limit $2`;
const ALL = DISPUTED('');
const AMONG = DISPUTED('and l.entity_id = any($3::text[])');

/** More are told of in words alone. */
const DISPUTES_MAX = 100_000;

export type AddressDispute = Dispute & { readonly hasPayments: boolean };

/** @param addresses those to look at; null for all that were ever registered */
async function readDisputes(
  db: Queryable,
  partitionId: number,
  addresses: readonly string[] | null,
): Promise<AddressDispute[]> {
  const values = [partitionId, DISPUTES_MAX];
  const { rows } =
    addresses === null
      ? await db.query<AddressDispute>(ALL, values)
      : await db.query<AddressDispute>(AMONG, [...values, addresses]);
  return rows;
}

/** What was found about disputed addresses nobody but a person can set right. */
export async function explainOwners(
  db: Queryable,
  partitionId: number,
  findings: readonly Finding[],
): Promise<readonly Finding[]> {
  const payments = findings.filter(({ recorded }) => recorded?.kind !== 'wallet');
  const addresses = payments.flatMap(({ address, recorded }) => [
    address,
    recorded?.address ?? address,
  ]);
  if (addresses.length === 0) return findings;
  const disputes = await readDisputes(db, partitionId, [...new Set(addresses)]);
  if (disputes.length === 0) return findings;
  return doubtOwners(findings, new Map(disputes.map((one) => [one.address, one])));
}

const UNOWNED = `
  select p.tx_hash || '#' || p.output_index as reference
    from incoming_payments p
    join unnest($1::text[], $2::int[]) as w (tx_hash, output_index) using (tx_hash, output_index)
    left join payment_addresses a on a.address = p.address and a.partition_id = p.partition_id
    left join lateral (${REGISTRATION('p.address')}) as r on true
   where p.partition_id <> $3 or a.user_id is distinct from p.user_id
      or r.audited and r.user_id is distinct from p.user_id`;

/** Those of the payments whose user isn't proven by address and audit log alike. */
export async function withoutOwner(
  db: Queryable,
  partitionId: number,
  references: readonly OutputReference[],
): Promise<Set<OutputReference>> {
  if (references.length === 0) return new Set();
  const parts = references.map((reference) => reference.split('#'));
  const { rows } = await db.query<{ reference: OutputReference }>(UNOWNED, [
    parts.map(([txHash]) => txHash),
    parts.map(([, index]) => Number(index)),
    partitionId,
  ]);
  return new Set(rows.map(({ reference }) => reference));
}

const LAID_OUT_FOR = 'select total_partitions as n from sync_state where partition_id = $1';
// Each of the tables has an index that begins with the partition.
const STRAYS = `
  select what, count(*)::int as count, array_agg(distinct partition_id order by partition_id) as partitions
    from (select 'addresses' as what, partition_id from payment_addresses
           where partition_id < 0 or partition_id >= $1
          union all
          select 'payments', partition_id from incoming_payments
           where partition_id < 0 or partition_id >= $1
          union all
          select 'outputs of the hot wallet', partition_id from wallet_outputs
           where partition_id < 0 or partition_id >= $1) as stray
   group by what order by what`;

async function readStrays(db: Queryable, partitionId: number): Promise<StrayRows[]> {
  const { rows } = await db.query<{ n: number }>(LAID_OUT_FOR, [partitionId]);
  const laidOutFor = rows[0]?.n;
  if (laidOutFor === undefined) return [];
  const strays = await db.query<Omit<StrayRows, 'laidOutFor'>>(STRAYS, [laidOutFor]);
  return strays.rows.map((row) => ({ ...row, laidOutFor }));
}

export type Disputed = {
  /** Addresses whose payments can be named one by one. */
  readonly named: readonly AddressDispute[];
  /** The others, and what stands in no partition of this database; null where there is none. */
  readonly words: string | null;
};

/** @param addresses those to look at; null for all that there is */
export async function readDisputed(
  db: Queryable,
  partitionId: number,
  addresses: readonly string[] | null,
): Promise<Disputed> {
  const disputes = await readDisputes(db, partitionId, addresses);
  const strays = addresses === null ? await readStrays(db, partitionId) : [];
  const unnamed = disputes.filter(({ hasPayments }) => !hasPayments);
  return {
    named: disputes.filter(({ hasPayments }) => hasPayments),
    words: disputesInWords(unnamed, strays),
  };
}

/** All of it in words, for whoever names no payments; null where nothing is disputed. */
export const allDisputed = async (db: Queryable, partitionId: number): Promise<string | null> =>
  disputesInWords(await readDisputes(db, partitionId, null), await readStrays(db, partitionId));
