import type { OutputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import type { Finding } from '../model/finding.js';
import { readBeginnings } from './beginning-queries.js';
import {
  type Dispute,
  disputesInWords,
  doubtBeginnings,
  doubtOwners,
  inWords,
  showBeginnings,
} from './disputes.js';
import { readSharedWallet, readStrays, readUnreached } from './stray-queries.js';

/** What the last registration of an address says; no row where it was never audited. */
const REGISTRATION = (address: string): string => `
  select l.details ->> 'userId' as user_id, true as audited from audit_log l
   where l.entity_type = 'payment_address' and l.entity_id = ${address} and l.action = 'address.registered'
   order by l.id desc limit 1`;

/**
 * Every registration was audited. A backup of addresses alone brings no audit log along: those that it brought
 * are taken as they are.
 */
const AUDITED_SINCE = `
  coalesce((select max(b.created_at) from audit_log b
             where b.entity_type = 'database' and b.entity_id = 'all' and b.action = 'database.restored'
               and b.details ->> 'set' = 'addresses'), '-infinity')`;

// Registrations and addresses against each other in one pass; whatever looks odd there is looked at one by one.
const ODD = (registrations: string, addresses: string): string => `
  select l.entity_id as address
    from audit_log l
    left join payment_addresses a on a.address = l.entity_id
   where l.entity_type = 'payment_address' and l.action = 'address.registered' ${registrations}
     and (a.address is null
          or a.partition_id = $1 and a.user_id is distinct from l.details ->> 'userId')
  union
  select a.address
    from payment_addresses a
   where a.partition_id = $1 and a.created_at > ${AUDITED_SINCE} ${addresses}
     and not exists (select from audit_log l
                      where l.entity_type = 'payment_address' and l.action = 'address.registered'
                        and l.entity_id = a.address)`;
const DISPUTED = (registrations: string, addresses: string): string => `
  select odd.address, r.audited is not null as "isRegistered", r.user_id as "registeredFor",
         a.user_id as "userId",
         exists (select from incoming_payments p
                  where p.address = odd.address and p.partition_id = $1
                    and p.status <> 'rolled_back') as "hasPayments"
    from (${ODD(registrations, addresses)}) as odd
    left join payment_addresses a on a.address = odd.address
    left join lateral (${REGISTRATION('odd.address')}) as r on true
   where a.user_id is distinct from r.user_id
   order by odd.address limit $2`;
const ALL = DISPUTED('', '');
const AMONG = DISPUTED('and l.entity_id = any($3::text[])', 'and a.address = any($3::text[])');

/** The first by address; of what is beyond nothing is told until some of these are settled. */
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

/** Those among the addresses for which no output can be named. */
export const readEmptyDisputes = async (
  db: Queryable,
  partitionId: number,
  addresses: readonly string[],
): Promise<Dispute[]> =>
  (await readDisputes(db, partitionId, addresses)).filter(({ hasPayments }) => !hasPayments);

/** Null where it is whose it was registered for, or was never heard of. */
export const readDispute = async (
  db: Queryable,
  partitionId: number,
  address: string,
): Promise<Dispute | null> => (await readDisputes(db, partitionId, [address]))[0] ?? null;

/**
 * What was found about disputed addresses nobody but a person can set right, and nothing of an address that counts
 * from elsewhere than the audit log says.
 */
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
  const among = [...new Set(addresses)];
  const disputes = await readDisputes(db, partitionId, among);
  const owned = doubtOwners(findings, byAddress(disputes));
  return doubtBeginnings(owned, byAddress(await readBeginnings(db, partitionId, among)));
}

const byAddress = <One extends { readonly address: string }>(all: readonly One[]) =>
  new Map(all.map((one) => [one.address, one]));

// What was rolled back is nobody's: nothing is booked after it but that it is over, for whomever that was booked.
const UNOWNED = `
  select p.tx_hash || '#' || p.output_index as reference
    from incoming_payments p
    join unnest($1::text[], $2::int[]) as w (tx_hash, output_index) using (tx_hash, output_index)
    left join payment_addresses a on a.address = p.address and a.partition_id = p.partition_id
    left join lateral (${REGISTRATION('p.address')}) as r on true
   where p.partition_id <> $3
      or p.status <> 'rolled_back'
         and (a.user_id is distinct from p.user_id
              or case when r.audited then r.user_id is distinct from p.user_id
                      else a.created_at > ${AUDITED_SINCE} end)`;

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

export type Disputed = {
  /** Addresses whose payments can be named one by one. */
  readonly named: readonly AddressDispute[];
  /** The others, and whatever else is wrong with addresses and partitions; null where nothing is. */
  readonly words: string | null;
};

/** Whose addresses are looked at. */
export type DisputeScope = {
  readonly partitionId: number;
  readonly hotWallet: string | null;
  /** Null for all that there is. */
  readonly addresses: readonly string[] | null;
};

export async function readDisputed(db: Queryable, scope: DisputeScope): Promise<Disputed> {
  const { partitionId, hotWallet, addresses } = scope;
  const found = await readDisputes(db, partitionId, addresses);
  // Of the hot wallet it is told otherwise: it is nobody's, whatever was registered.
  const disputes = found.filter(({ address }) => address !== hotWallet);
  const unnamed = disputes.filter(({ hasPayments }) => !hasPayments);
  return {
    named: disputes.filter(({ hasPayments }) => hasPayments),
    words: disputesInWords(unnamed, await readOthers(db, scope)),
  };
}

async function readOthers(
  db: Queryable,
  { partitionId, hotWallet, addresses }: DisputeScope,
): Promise<string[]> {
  const isLookedAt = hotWallet !== null && (addresses === null || addresses.includes(hotWallet));
  const shared = isLookedAt ? await readSharedWallet(db, hotWallet) : [];
  const beginnings = showBeginnings(await readBeginnings(db, partitionId, addresses));
  const unreached = await readUnreached(db, partitionId, addresses);
  const strays = addresses === null ? await readStrays(db, partitionId) : [];
  return [...shared, ...beginnings, ...unreached, ...strays];
}

/** All of it in words, for whoever names no payments; null where nothing is disputed. */
export async function allDisputed(
  db: Queryable,
  partitionId: number,
  hotWallet: string | null = null,
): Promise<string | null> {
  const scope = { partitionId, hotWallet, addresses: null };
  const { named, words } = await readDisputed(db, scope);
  return inWords([disputesInWords(named, []), words]);
}
