import { doubtOwners } from '../compare/disputes.js';
import { isHeld } from '../compare/judge-outputs.js';
import type { Recorded } from '../compare/recorded-queries.js';
import { type AddressDispute, readDisputed } from '../compare/registration-queries.js';
import type { Finding } from '../model/finding.js';
import { pagesAt } from './address-pages.js';
import { sameOnChain } from './compare-statuses.js';
import { findingPages, namedAmong, storeFindings } from './discrepancy-queries.js';
import type { Work } from './run-work.js';

/** Addresses whose payments are read together. */
const ADDRESSES = 1_000;

/**
 * Whose the addresses are against what was audited when they were registered: where row and address agree with
 * each other, nothing else tells that both were given to another user.
 *
 * @param addresses null for all
 */
export async function compareOwners(
  work: Work,
  addresses: readonly string[] | null,
): Promise<void> {
  const { partitionId, hotWallet } = work;
  const { named, words } = await work.read((tx) =>
    readDisputed(tx, { partitionId, hotWallet, addresses }),
  );
  for (let from = 0; from < named.length; from += ADDRESSES) {
    await namePayments(work, named.slice(from, from + ADDRESSES));
  }
  await work.commit({ disputed: words ?? (await unequalTotals(work)) });
}

/**
 * Where all is covered, each difference of the totals is some output's; one that nothing names can only be
 * told of. What isn't covered yet is unknown to the books, or counts for nothing.
 */
async function unequalTotals(work: Work): Promise<string | null> {
  const { problem, covered, addresses } = work.progress();
  if (problem !== null || covered < addresses) return null;
  const { recorded, onChain } = work.totals;
  const units = new Set([...recorded.keys(), ...onChain.keys()]);
  const unequal = [...units].filter(
    (unit) => (recorded.get(unit) ?? 0n) !== (onChain.get(unit) ?? 0n),
  );
  if (unequal.length === 0) return null;
  const { done: isUnnamed } = await findingPages(work.pool, work.runId).next();
  return isUnnamed === true ? `${unequal.join(', ')}: ${UNNAMED}` : null;
}

const UNNAMED =
  'what is recorded and what is on the chain differ in total, and no output could be named for it: ' +
  'run `teller rebuild --from origin --dry-run`';

/** Every payment at such an address is money that may be another user's. */
async function namePayments(work: Work, disputes: readonly AddressDispute[]): Promise<void> {
  const byAddress = new Map(disputes.map((one) => [one.address, one]));
  for await (const { rows } of pagesAt(work, [...byAddress.keys()])) {
    const payments = rows.filter(
      ({ kind, status }) => kind === 'payment' && status !== 'rolled_back',
    );
    const findings = doubtOwners(payments.map(asFinding), byAddress);
    const references = payments.map(({ reference }) => reference);
    const named = await namedAmong(work.pool, work.runId, references);
    // What was unspent and nothing else differed about was taken to agree.
    const taken = payments.filter((row) => isHeld(row) && !named.has(row.reference)).length;
    const matched = work.progress().matched - taken;
    await work.commit({ matched }, 0, (tx) => storeFindings(tx, work.runId, findings));
  }
}

const asFinding = (recorded: Recorded): Finding => ({
  type: 'owner_mismatch',
  reference: recorded.reference,
  address: recorded.address,
  recorded,
  onChain: sameOnChain(recorded),
  unexplained: null,
});
