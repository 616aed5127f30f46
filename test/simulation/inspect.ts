import type { DevnetChain } from '../../src/devnet/chain.js';
import { checkDigest } from '../../src/payments/digest/check-digest.js';
import { type Books, inclusionOf, type PaymentRecord, readBooks } from './books.js';
import { expectationOf } from './expectation.js';
import { guardViolations } from './guarding/invariants.js';
import { violations } from './invariants.js';
import { lookForFilling } from './payouts/backups.js';
import {
  lastingViolations,
  type PayoutBooks,
  payoutViolations,
  readPayoutBooks,
} from './payouts/invariants.js';
import { alteredViolations, asAskedFor } from './payouts/other-hand.js';
import type { PayoutWorld } from './payouts/state.js';
import { noteBooked } from './policies.js';
import { lookForHealing } from './proving/corruption.js';
import { rightlyPlaced } from './proving/cursor-hand.js';
import { errandViolations } from './proving/errands.js';
import { sealViolations } from './sealing/invariants.js';
import { isFilling, type World } from './state.js';
import { toldConfirmed } from './told-invariants.js';

/** The digest is also made again from the tables, as verification does it. */
const LIVE_TABLES_EVERY = 10;

export class InvariantBroken extends Error {
  override readonly name = 'InvariantBroken';
}

/**
 * After every commit: learn what it registered, then hold everything against the devnet.
 *
 * @param epoch the term in which an instance committed; undefined for a registrar, which has none
 */
export async function inspect(
  world: World,
  actor: string,
  epoch: bigint | null | undefined,
): Promise<void> {
  const wasCorrupted = world.corrupted !== null;
  const before = wasCorrupted ? null : world.books;
  const now = await rightlyPlaced(world, await readBooks(world.pool));
  learnStart(world, now);
  learnAddresses(world, now);
  await lookForFilling(world);
  const paid = world.payouts === null ? null : await readPaid(world, world.payouts);
  const { guard, payoutBooks: paidBefore } = world;
  const commit = { actor, before: world.books, now, paidBefore, paid };
  const unguarded = guard === null ? [] : guardViolations(world, guard, commit);
  const payouts = paid?.payouts ?? [];
  expectNone(world, actor, await errandViolations(world, { before: world.books, now, payouts }));
  if (world.corrupted !== null) {
    world.healed = world.corrupted;
    const hopeless = await lookForHealing(world);
    if (hopeless !== null) throw new InvariantBroken(`seed ${world.seed}: ${hopeless}`);
    world.books = now;
  }
  if (isStillCorrupted(world)) {
    world.payoutBooks = paid;
    if (world.payouts === null || paid === null) return;
    return expectNone(world, actor, lastingViolations(world, world.payouts, paid));
  }
  if (!wasCorrupted) noteBooked(world, actor, before, now);
  const broken = violations(now, before, {
    ...expectationOf(world, payouts),
    confirmedBefore: wasCorrupted
      ? toldConfirmed(now)
      : confirmedAmong([...(before?.payments ?? []), ...(world.payouts?.filling?.leftOut ?? [])]),
  });
  broken.push(...unguarded);
  const spared = rolledBackInVain(world.chain, before, now);
  if (spared !== null && guard?.returned.has(spared) !== true) {
    broken.push(`block ${spared} was rolled back and is still on the chain`);
  }
  if (epoch !== undefined && moved(before, now) && epoch?.toString() !== now.state?.leader_epoch) {
    broken.push(
      `6: ${actor} committed in epoch ${epoch}, the leader's is ${now.state?.leader_epoch}`,
    );
  }
  if (world.tally.commits % LIVE_TABLES_EVERY === 0) {
    const { firstDifference } = await checkDigest(world.pool, 0);
    if (firstDifference !== null && !isFilling(world)) {
      broken.push(`the digest isn't that of the tables from height ${firstDifference.height} on`);
    }
    broken.push(...(await sealViolations(world)));
  }
  broken.push(...(await alteredViolations(world)));
  if (world.payouts !== null && paid !== null) {
    const cursor = now.state?.started === true ? (now.state.last_block_hash ?? 'origin') : null;
    if (cursor !== null) {
      broken.push(...payoutViolations(world, world.payouts, paid, world.payoutBooks, cursor));
    }
    world.payoutBooks = paid;
  }
  expectNone(world, wasCorrupted ? `${actor}, healed from ${world.healed}` : actor, broken);
  world.books = now;
}

/** As it is but for what another hand made of a payout: that must do nothing. */
async function readPaid(world: World, payouts: PayoutWorld): Promise<PayoutBooks> {
  const now = asAskedFor(payouts, await readPayoutBooks(world.pool));
  const { doubts = [] } = world.payoutBooks ?? {};
  if (payouts.altered !== null && now.doubts.length > doubts.length) world.tally.doubted += 1;
  return now;
}

function expectNone({ seed, tally }: World, after: string, broken: readonly string[]): void {
  if (broken.length === 0) return;
  throw new InvariantBroken(
    `seed ${seed}, step ${tally.steps}, ${after}:\n  ${broken.slice(0, 12).join('\n  ')}`,
  );
}

const isStillCorrupted = ({ corrupted }: World): boolean => corrupted !== null;

/** A database that starts at the tip starts where the tip was at that moment. */
function learnStart(world: World, now: Books): void {
  if (now.state?.started !== true || world.started) return;
  const { chain, start } = world;
  world.started = true;
  start.id = now.state.last_block_hash ?? 'origin';
  start.index = chain.indexOf(start.id) ?? start.index;
  start.height = chain.block(start.id)?.height ?? -1;
}

/** An address counts from the lowest height at which the cursor stood since it was registered. */
function learnAddresses({ chain, owners, countsFrom }: World, now: Books): void {
  const at = cursorHeight(chain, now);
  for (const row of now.addresses) {
    owners.set(row.address, row.user_id);
    countsFrom.set(row.address, Math.min(countsFrom.get(row.address) ?? at, at));
  }
}

function cursorHeight(chain: DevnetChain, now: Books): number {
  if (now.state?.started !== true) return Number.NEGATIVE_INFINITY;
  return chain.block(now.state.last_block_hash ?? 'origin')?.height ?? -1;
}

/** Confirmed once is confirmed until its own block goes, also while a restore left it out. */
const confirmedAmong = (payments: readonly PaymentRecord[]): ReadonlySet<string> =>
  new Set(payments.filter((row) => row.status === 'confirmed').map(inclusionOf));

/** The lowest block that the books gave up, if the node's chain still has it: it was behind, not forked. */
function rolledBackInVain(chain: DevnetChain, before: Books | null, now: Books): string | null {
  const from = before?.state?.last_block_hash ?? null;
  const to = now.state?.last_block_hash ?? 'origin';
  if (from === null || from === to) return null;
  let lowest: string | null = null;
  for (let at = from; at !== to; ) {
    const block = chain.block(at);
    // Not on the way down: the books went forward.
    if (block === undefined) return null;
    lowest = at;
    at = block.parent;
  }
  return lowest !== null && chain.indexOf(lowest) !== undefined ? lowest : null;
}

/** Before the first look there was nothing. */
const moved = (before: Books | null, now: Books): boolean =>
  (before?.state?.last_block_hash ?? null) !== (now.state?.last_block_hash ?? null) ||
  (before?.state?.started ?? false) !== (now.state?.started ?? false) ||
  (before?.payments.length ?? 0) !== now.payments.length ||
  (before?.payments ?? []).some((row, i) => row.status !== now.payments[i]?.status);
