import { isDeepStrictEqual } from 'node:util';
import { parsePoint } from '../../../src/chain/point.js';
import { checkDigest } from '../../../src/payments/digest/check-digest.js';
import type { Job } from '../../../src/reconcile/jobs/job-queries.js';
import { isClean, readResult } from '../../../src/verbs/rebuild-words.js';
import { type Books, readBooks, referenceOf, type WalletRecord } from '../books.js';
import { checkInto } from '../check.js';
import { expectationOf } from '../expectation.js';
import { checkOutputs, type Expectation, truthFor, violations } from '../invariants.js';
import type { World } from '../state.js';
import { toldConfirmed } from '../told-invariants.js';
import type { ExpectedOutput } from '../truth.js';
import type { Errand } from './state.js';

/** What differs from the chain as far as a rebuild holds it: neither headers nor what was told. */
export async function unsoundness(
  world: World,
  payouts: Expectation['payouts'],
): Promise<string[]> {
  const now = await readBooks(world.pool);
  const found = violations(now, null, {
    ...expectationOf(world, payouts),
    confirmedBefore: toldConfirmed(now),
    wasSpoilt: true,
  }).filter((one) => !one.startsWith('7:'));
  const { firstDifference } = await checkDigest(world.pool, 0);
  return firstDifference === null ? found : [...found, `digest at ${firstDifference.height}`];
}

/** Where nobody changed anything nothing differs, and nothing was set right. */
export function didNothing(world: World, { what }: Errand, { result }: Job): string[] {
  const found: string[] = [];
  const check = checkInto(found);
  const expected = what === 'repair' ? NOT_REPAIRED : what === 'dry run' ? SAME : NOT_REBUILT;
  for (const [field, value] of Object.entries(expected)) {
    const told = result?.[field];
    check(isDeepStrictEqual(told, value), `of sound books ${field} is ${JSON.stringify(told)}`);
  }
  world.tally[what === 'dry run' ? 'dryRunsOfSound' : 'errandsInVain'] += 1;
  return found;
}

const NO_ENTRIES = { entries: 0, balances: 0, statuses: 0, lost: 0 };
const NOT_REPAIRED = {
  found: 0,
  repaired: 0,
  open: 0,
  left: [],
  problem: null,
  ledger: NO_ENTRIES,
};
const NOT_REBUILT = { differences: {}, open: 0, left: [], problem: null, ledger: NO_ENTRIES };
const SAME = {
  differences: {},
  problem: null,
  ledgerDifferences: { payments: 0, payouts: 0, lost: 0, balances: 0, isPartial: false },
};

/** "Nothing differs" is told exactly where nothing does, as far as it looked. */
export function toldTheTruth(
  { tally }: World,
  { from, wasRight }: Errand,
  job: Job,
  broken: readonly string[],
): string[] {
  const shown = readResult(job);
  const saysClean = shown !== null && isClean(shown);
  tally[saysClean ? 'dryRunsClean' : 'dryRunsTelling'] += 1;
  const isRight = broken.length === 0;
  // Between the two, blocks or a rollback may have made it one or the other.
  if (isRight !== wasRight) return [];
  if (saysClean && !isRight && from === 'origin') return [`it tells nothing of ${broken.join()}`];
  return !saysClean && isRight ? ['it tells of what is right'] : [];
}

type Change = { readonly before: Books | null; readonly now: Books };

/** What it looked at is the chain's, and what lies below it is as it was. */
export function healedItsPart(world: World, errand: Errand, job: Job, change: Change): string[] {
  const shown = Number(job.result?.open);
  if (shown > 0 || job.result?.problem !== null) {
    world.tally.errandsLeftOpen += 1;
    return [];
  }
  world.tally.partsHealed += 1;
  return errand.what === 'repair'
    ? addressesDiffer(world, errand, change.now)
    : [...beginsElsewhere(world, errand, job), ...stretchDiffers(world, job, change)];
}

/** A rebuild reads from the block that it was asked to begin at. */
function beginsElsewhere({ chain }: World, { from }: Errand, { result }: Job): string[] {
  const block = chain.block(parsePoint(from ?? '')?.id ?? '');
  const expected = from === 'origin' ? Number.NEGATIVE_INFINITY : block?.height;
  const height = heightOf(result?.from);
  return expected === undefined || height === expected ? [] : [`it read above ${height}`];
}

/** What is unspent at these addresses is what the chain has there. */
function addressesDiffer(world: World, { addresses }: Errand, now: Books): string[] {
  const found: string[] = [];
  const isUnspent = ({ spent_by: by }: WalletRecord): boolean => by === null;
  const outputs = truthFor(now, expectationOf(world, [])).outputs.filter(
    ({ spentBy, address }) => spentBy === null && addresses.includes(address),
  );
  const isDeposit = ({ address }: ExpectedOutput): boolean => address !== world.hotWallet;
  const payments = now.payments.filter(
    (row) => row.status !== 'rolled_back' && addresses.includes(row.address) && isUnspent(row),
  );
  const check = checkInto(found);
  checkOutputs('unspent payment', payments, outputs.filter(isDeposit), check);
  if (addresses.includes(world.hotWallet)) {
    const wallet = outputs.filter((one) => !isDeposit(one));
    checkOutputs('unspent wallet output', now.wallet.filter(isUnspent), wallet, check);
  }
  return found;
}

const rowsOf = ({ payments, wallet }: Books) => ({
  payments: payments.filter(({ status }) => status !== 'rolled_back'),
  wallet,
});

function stretchDiffers(world: World, { result }: Job, { before, now }: Change): string[] {
  const found: string[] = [];
  const check = checkInto(found);
  const from = heightOf(result?.from);
  const { outputs } = truthFor(now, expectationOf(world, []));
  const above = outputs.filter((one) => (one.block?.height ?? one.countedFrom ?? 0) > from);
  const isDeposit = ({ address }: ExpectedOutput): boolean => address !== world.hotWallet;
  const isAbove = (row: WalletRecord): boolean =>
    (row.block_height ?? row.counted_from ?? 0) > from;
  const rows = rowsOf(now);
  checkOutputs('payment', rows.payments.filter(isAbove), above.filter(isDeposit), check);
  const wallet = above.filter((one) => !isDeposit(one));
  checkOutputs('wallet output', rows.wallet.filter(isAbove), wallet, check);
  const spentAbove = new Set(
    outputs.filter((one) => (one.spentHeight ?? 0) > from).map(({ reference }) => reference),
  );
  const below = (books: Books): Map<string, string> => {
    const { payments, wallet } = rowsOf(books);
    const kept = [...payments, ...wallet].filter(
      (row) => !isAbove(row) && !spentAbove.has(referenceOf(row)),
    );
    return new Map(kept.map((row) => [referenceOf(row), factsOf(row)]));
  };
  const after = below(now);
  for (const [reference, facts] of before === null ? [] : below(before)) {
    check(after.get(reference) === facts, `${reference} lies below and was ${facts}`);
  }
  return found;
}

const factsOf = (row: WalletRecord): string =>
  JSON.stringify([row.amount_lovelace, row.assets, row.block_hash, row.slot, row.spent_by]);

const heightOf = (from: unknown): number =>
  typeof from === 'object' && from !== null && 'height' in from && typeof from.height === 'number'
    ? from.height
    : Number.NEGATIVE_INFINITY;
