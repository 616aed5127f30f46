import type { OutputReference } from '../../chain/block.js';
import { isHeld } from '../compare/judge-outputs.js';
import type { Finding } from '../model/finding.js';
import { pagesAt } from './address-pages.js';
import { isCounted } from './compare-digest.js';
import { findingPages } from './discrepancy-queries.js';
import { addTo, type StoredTotals, showTotals, type Totals } from './run-progress.js';
import type { Work } from './run-work.js';

/** Addresses at which something differs, with what is unspent there by the records and by the chain. */
export type DifferingAddresses = {
  /** Of so many of them, or more where more findings were made than are looked through. */
  readonly count: number;
  /** The first ones that were found; none where more findings were made than are looked through. */
  readonly listed: readonly {
    readonly address: string;
    readonly recorded: StoredTotals;
    readonly onChain: StoredTotals;
  }[];
};

const LISTED_MAX = 500;
const FINDINGS_MAX = 100_000;

/** Where nothing was found of an output, both sides have the same. */
export async function totalsByAddress(work: Work): Promise<DifferingAddresses> {
  const { addresses, differing, unspent, isWhole } = await lookThrough(work);
  const sides = new Map(
    (isWhole ? [...addresses].slice(0, LISTED_MAX) : []).map(
      (address) => [address, twoSides()] as const,
    ),
  );
  for (const output of unspent) {
    const side = sides.get(output.address);
    if (side !== undefined) addTo(side.onChain, output);
  }
  if (sides.size > 0) {
    for await (const { rows } of pagesAt(work, [...sides.keys()])) {
      for (const row of rows) {
        const side = sides.get(row.address);
        if (side === undefined || !isHeld(row) || !isCounted(work, row)) continue;
        addTo(side.recorded, row);
        if (!differing.has(row.reference)) addTo(side.onChain, row);
      }
    }
  }
  const listed = [...sides].map(([address, { recorded, onChain }]) => ({
    address,
    recorded: showTotals(recorded),
    onChain: showTotals(onChain),
  }));
  return { count: addresses.size, listed };
}

const twoSides = () => ({ recorded: new Map() as Totals, onChain: new Map() as Totals });

async function lookThrough({ pool, runId }: Work) {
  const addresses = new Set<string>();
  const differing = new Set<OutputReference>();
  const unspent = new Map<OutputReference, NonNullable<Finding['onChain']>>();
  let findings = 0;
  for await (const page of findingPages(pool, runId)) {
    for (const { reference, address, recorded, onChain } of page) {
      addresses.add(address);
      if (recorded !== null) addresses.add(recorded.address);
      differing.add(reference);
      if (onChain?.spent === 'unspent') unspent.set(reference, onChain);
    }
    findings += page.length;
    if (findings >= FINDINGS_MAX) break;
  }
  return { addresses, differing, unspent: unspent.values(), isWhole: findings < FINDINGS_MAX };
}
