import type { DevnetChain } from '../../src/devnet/chain.js';
import { FIRST_DIGEST } from '../../src/payments/digest/facts.js';
import { type Books, type PaymentRecord, referenceOf, type WalletRecord } from './books.js';
import { type Check, checkInto } from './check.js';
import { expectedDigest } from './digest-truth.js';
import { checkBalances, checkLedger } from './money-invariants.js';
import { checkPayments } from './payment-invariants.js';
import type { PayoutRecord } from './payouts/invariants.js';
import type { BookedBy } from './policies.js';
import { checkEvents, checkToldOnce } from './told-invariants.js';
import { type ExpectedOutput, expectedOutputs, pathTo, returnedOutputs } from './truth.js';

export type Expectation = {
  readonly chain: DevnetChain;
  readonly policies: BookedBy;
  readonly hotWallet: string;
  /** Where the database started; `origin` or a block id. */
  readonly startId: string;
  readonly startHeight: number;
  readonly owners: ReadonlyMap<string, string>;
  readonly countsFrom: ReadonlyMap<string, number>;
  /** Whether `countsFrom` is only the latest that each may count from: who registered didn't see the cursor. */
  readonly countsEarlier?: boolean;
  /** Whether what an address held before counts as payments. */
  readonly asksForPast: (address: string) => boolean;
  /** Whether confirmations were held, and no block has come since. */
  readonly mayBeLate?: boolean;
  /** Whether another hand had changed what blocks go by when they tell, or what was told. */
  readonly wasSpoilt: boolean;
  /** Headers below this height are gone. */
  readonly prunedBelow: number;
  /** Unless a repair has read them again. */
  readonly mayBeReadAgain: boolean;
  /** Payments that a restore left out, as they were: until they are back the rest must hold as if they were there. */
  readonly leftOut: readonly PaymentRecord[];
  /** Confirmed once is confirmed until its own block goes: inclusions that were, as `reference:inclusion`. */
  readonly confirmedBefore: ReadonlySet<string>;
  /** As they are now; none in worlds that only take money. */
  readonly payouts: readonly PayoutRecord[];
};

/** Everything that design.md says must hold at every commit and that is broken; empty when all is well. */
export function violations(stored: Books, before: Books | null, expected: Expectation): string[] {
  const found: string[] = [];
  const check = checkInto(found);
  checkLedger(stored, before, check);
  if (stored.state?.started !== true) {
    check(stored.payments.length === 0, '7: payments before the start point was chosen');
    return found;
  }
  const { id, path, outputs } = truthFor(stored, expected);
  checkHeaders(stored, path, expected, check);
  const unspent = expected.chain.utxoAt(id);
  for (const output of outputs) {
    check(
      (output.spentBy === null) === unspent.has(output.reference),
      `the model disagrees with the devnet about ${output.reference}`,
    );
  }
  const books = withLeftOut(stored, expected.leftOut, outputs);
  // What was spent since isn't in it before its payment is back.
  check(
    expected.leftOut.length > 0 || (books.digest ?? FIRST_DIGEST) === expectedDigest(outputs),
    'the state digest is not what the chain gives',
  );
  const height = path.at(-1)?.height ?? expected.startHeight;
  checkOutputs(
    'wallet output',
    books.wallet,
    outputs.filter((o) => o.address === expected.hotWallet),
    check,
  );
  const deposits = outputs.filter((o) => o.address !== expected.hotWallet);
  const live = books.payments.filter((payment) => payment.status !== 'rolled_back');
  checkOutputs('payment', live, deposits, check);
  checkPayments(books, deposits, height, expected, check);
  checkBeginnings(books, expected, check);
  checkBalances(books, expected.payouts, check);
  // What blocks did while rows were wrong was told as the rows had it.
  if (!expected.wasSpoilt) {
    checkEvents(books, check);
    checkToldOnce(books, check);
  }
  return found;
}

/** Each address counts from where the cursor stood, at its lowest, since it was registered. */
function checkBeginnings(
  { addresses }: Books,
  { countsFrom, countsEarlier = false, asksForPast, startHeight, leftOut }: Expectation,
  check: Check,
): void {
  if (leftOut.length > 0) return;
  for (const { address, watched_from: from, backfill } of addresses) {
    const told = countsFrom.get(address);
    // Put in by a person, at a moment that nobody noted.
    if (told === undefined || told === Number.POSITIVE_INFINITY) continue;
    const expected = Math.max(told, startHeight);
    const counts = from === null ? Number.NaN : Math.max(from, startHeight);
    check(
      countsEarlier ? counts <= expected : counts === expected,
      `${address} counts above ${from}, should above ${expected}`,
    );
    check(backfill === asksForPast(address), `${address} asks for its past: ${backfill}`);
  }
}

/** What the chain gives up to where the books stand. */
export function truthFor(
  stored: Books,
  { chain, startId, startHeight, countsFrom, hotWallet }: Omit<Expectation, 'confirmedBefore'>,
) {
  const id = stored.state?.last_block_hash ?? 'origin';
  const path = pathTo(chain, id, startId);
  const outputs = expectedOutputs(chain, path, {
    countsFrom,
    backfilled: backfilledOf(stored, hotWallet),
    start: { id: startId, height: startHeight },
  });
  outputs.push(...returned(stored, outputs, chain, path));
  return { id, path, outputs };
}

function withLeftOut(
  books: Books,
  leftOut: readonly PaymentRecord[],
  outputs: readonly ExpectedOutput[],
): Books {
  if (leftOut.length === 0) return books;
  const there = new Set(books.payments.map(referenceOf));
  const spentBy = new Map(outputs.map((output) => [output.reference, output.spentBy]));
  const payments = leftOut
    .filter((row) => !there.has(referenceOf(row)))
    .map((row) => ({ ...row, spent_by: spentBy.get(referenceOf(row)) ?? null }));
  return { ...books, payments: [...books.payments, ...payments] };
}

function returned(
  { payments }: Books,
  known: readonly ExpectedOutput[],
  chain: DevnetChain,
  path: ReturnType<typeof pathTo>,
): ExpectedOutput[] {
  const references = new Set(known.map(({ reference }) => reference));
  const claims = payments
    .filter((row) => row.counted_from !== null && !references.has(referenceOf(row)))
    .map((row) => ({
      reference: referenceOf(row),
      countedFrom: row.counted_from,
      spentBy: row.spent_by,
    }));
  return returnedOutputs(chain, path, claims);
}

function backfilledOf(books: Books, hotWallet: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const { address, backfilled_height: height } of books.addresses) {
    if (height !== null) found.set(address, height);
  }
  if (books.wallet_backfilled !== null) found.set(hotWallet, books.wallet_backfilled);
  return found;
}

/** 7: the headers are those of the chain that the cursor stands on. */
function checkHeaders(
  books: Books,
  path: ReturnType<typeof pathTo>,
  { chain, startId, startHeight, prunedBelow, mayBeReadAgain }: Expectation,
  check: Check,
): void {
  const last = path.at(-1);
  const { state } = books;
  if (last !== undefined) {
    check(
      Number(state?.last_block_height) === last.height,
      '7: the cursor has another height than its block',
    );
    // A boundary block stands where its predecessor does.
    const own = path.findLast(({ type }) => type !== 'ebb') ?? chain.block(startId);
    const slot = own?.slot ?? 0;
    check(Number(state?.last_slot) === slot, '7: the cursor has another slot than its block');
  }
  const stored = books.blocks.filter((block) => block.hash !== startId).map((block) => block.hash);
  const kept = path.filter(({ height }) => height >= prunedBelow).length;
  const there = mayBeReadAgain ? Math.max(kept, stored.length) : kept;
  const first = Math.max(0, path.length - there);
  const expected = path.slice(first).map((block) => block.id);
  check(
    JSON.stringify(stored) === JSON.stringify(expected),
    `7: ${stored.length} headers are stored, not the last ${expected.length} of the ${path.length} above ${startHeight}`,
  );
}

/** 1, 2, 3: exactly the chain's outputs, each once, exactly, unspent where the chain says so. */
export function checkOutputs(
  what: string,
  rows: readonly WalletRecord[],
  outputs: readonly ExpectedOutput[],
  check: Check,
): void {
  const open = new Map(outputs.map((output) => [output.reference, output]));
  for (const row of rows) {
    const reference = referenceOf(row);
    const output = open.get(reference);
    check(
      output !== undefined,
      `2: ${what} ${reference} is recorded and not on the chain, or counted twice`,
    );
    if (output === undefined) continue;
    open.delete(reference);
    check(
      row.amount_lovelace === output.lovelace.toString(),
      `3: ${what} ${reference} has another amount`,
    );
    check(sameAssets(row.assets, output.assets), `3: ${what} ${reference} has other assets`);
    check(
      row.block_hash === (output.block?.id ?? null) &&
        row.block_height === (output.block?.height ?? null) &&
        row.slot === (output.block?.slot ?? null) &&
        row.counted_from === output.countedFrom,
      `3: ${what} ${reference} names another block: ${row.block_hash} or ${row.counted_from} instead of ${output.block?.id} or ${output.countedFrom}`,
    );
    check(
      row.spent_by === output.spentBy,
      `3: ${what} ${reference} is spent by ${row.spent_by}, on the chain by ${output.spentBy}`,
    );
  }
  for (const [reference, { block, countedFrom }] of open)
    check(
      false,
      `1: ${what} ${reference} of ${block?.height ?? `before ${countedFrom}`} is missed`,
    );
}

function sameAssets(stored: Record<string, string>, assets: ReadonlyMap<string, bigint>): boolean {
  const positive = [...assets].filter(([, quantity]) => quantity > 0n);
  return (
    Object.keys(stored).length === positive.length &&
    positive.every(([unit, quantity]) => stored[unit] === quantity.toString())
  );
}
