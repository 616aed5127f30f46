import { type Books, type GuardReason, inclusionOf } from '../books.js';
import type { Check } from '../check.js';
import type { PayoutBooks } from '../payouts/invariants.js';
import type { World } from '../state.js';
import { toldConfirmed } from '../told-invariants.js';
import { pathTo } from '../truth.js';
import { checkPassed } from './releases.js';
import { type GuardTerm, type GuardWorld, PERSON } from './state.js';

/** What a commit did, and what was there before it. */
export type Commit = {
  readonly actor: string;
  readonly before: Books | null;
  readonly now: Books;
  readonly paidBefore: PayoutBooks | null;
  readonly paid: PayoutBooks | null;
};

/** A witness that says nothing for that long isn't waited for. */
const LISTEN_MS = 30_000;
/** Answers in a row that a witness is believed by, of which one may have been on its way. */
const VOUCHES = 3;

/** Everything about holding that must be so after a commit and isn't; empty when all is well. */
export function guardViolations(world: World, guard: GuardWorld, commit: Commit): string[] {
  const found: string[] = [];
  const check: Check = (holds, said) => {
    if (!holds) found.push(`guard: ${said}`);
  };
  const { before, now } = commit;
  const reasons = now.guard?.reasons ?? [];
  const isHeld = now.guard?.held === true;
  check(isHeld === reasons.some(isOpen), `held: ${isHeld}, for ${JSON.stringify(reasons)}`);
  checkStandstill(world, guard, commit, check);
  for (const reason of before?.guard?.reasons ?? []) {
    checkReason(world, guard, commit, reason, check);
  }
  checkDepth(guard, commit, check);
  remember(world, guard, commit);
  return found;
}

/** Several rollbacks with little in between are one, whoever led at each of them. */
function checkDepth(guard: GuardWorld, { before, now }: Commit, check: Check): void {
  guard.highest = Math.max(guard.highest, heightOf(before));
  if (heightOf(now) >= heightOf(before)) return;
  const undone = guard.highest - heightOf(now);
  const isHeld = now.guard?.reasons.some((one) => one.kind === 'rollback' && isOpen(one)) === true;
  check(
    undone <= guard.rollbackDepth || isHeld,
    `${undone} blocks were rolled back, and nothing is held`,
  );
}

const isOpen = ({ released }: GuardReason): boolean => released === null;
const isAlarm = (reason: GuardReason): boolean => isOpen(reason) && reason.kind !== 'unheard';

/** Nothing becomes confirmed, nothing is signed or submitted while a hold stands. */
function checkStandstill(
  world: World,
  guard: GuardWorld,
  { actor, before, now, paidBefore, paid }: Commit,
  check: Check,
): void {
  if (now.guard?.held !== true) return;
  const { tally } = world;
  const began = guard.began.get(actor) ?? tally.commits;
  // A hold behind the leader's fence comes before a block or after it; another one may come in the middle.
  const stoodThen = guard.heldSince !== null && guard.heldSince <= began;
  const hasAlarm = guard.alarmSince !== null && now.guard.reasons.some(isAlarm);
  if (stoodThen && paidBefore !== null && paid !== null) {
    const acted = paid.attempts > paidBefore.attempts || paid.submissions > paidBefore.submissions;
    check(!acted, 'something was signed or submitted while the chain was held');
  }
  if (!stoodThen && !hasAlarm) return;
  const confirmed = new Set(before?.payments.filter(isConfirmed).map(inclusionOf));
  // What another hand unconfirmed a repair sets right: it was told to be confirmed.
  for (const one of before === null ? [] : toldConfirmed(before)) confirmed.add(one);
  for (const row of now.payments.filter(isConfirmed)) {
    const inclusion = inclusionOf(row);
    check(confirmed.has(inclusion), `${inclusion} was confirmed while the chain was held`);
  }
  const settled = new Set(paidBefore?.payouts.filter(isConfirmed).map(({ id }) => id));
  for (const { id } of paid?.payouts.filter(isConfirmed) ?? []) {
    check(settled.has(id), `payout ${id} was confirmed while the chain was held`);
  }
  if (heightOf(now) > heightOf(before)) tally.blocksHeld += 1;
}

const isConfirmed = ({ status }: { readonly status: string }): boolean => status === 'confirmed';

/** A reason ends by itself only where the trouble is over, and is let pass only by a person. */
function checkReason(
  world: World,
  guard: GuardWorld,
  commit: Commit,
  reason: GuardReason,
  check: Check,
): void {
  const { actor, now } = commit;
  const shown = JSON.stringify(reason);
  const after = now.guard?.reasons.find((one) => keyOf(one) === keyOf(reason));
  if (after === undefined) {
    check(hasEnded(world, guard, commit, reason), `${actor} dropped ${shown}, which isn't over`);
    if (isAlarm(reason)) world.tally.holdsOver += 1;
    return;
  }
  if (!isOpen(reason)) {
    const passed = { ...commit, reason, after };
    checkPassed(world, guard, termOf(guard, actor), passed, check);
    return;
  }
  check(isOpen(after) || actor === PERSON, `${actor} let pass ${shown}`);
  const { common = 0, depth = 0 } = reason;
  if (reason.kind !== 'rollback' || !isOpen(after)) return;
  const { common: to = 0, depth: over = 0 } = after;
  check(to <= common && to + over >= common + depth, `${actor} forgot a part of ${shown}`);
}

function hasEnded(
  world: World,
  guard: GuardWorld,
  { actor, now }: Commit,
  reason: GuardReason,
): boolean {
  const term = termOf(guard, actor);
  if (term === undefined) return false;
  const names = guard.witnesses.map(({ name }) => name);
  const { common = 0, depth = 0, latest = common } = reason;
  switch (reason.kind) {
    case 'unheard': {
      const isAnswered = names.every((name) => term.answers.some((one) => one.witness === name));
      return isAnswered || world.tally.steps * guard.stepMs - term.beganMs >= LISTEN_MS;
    }
    case 'rollback':
      return (
        heightOf(now) - common >= guard.rollbackDepth + depth ||
        names.some((name) => hasVouched(world, guard, { term, now, name, above: latest, since: 0 }))
      );
    case 'witness': {
      const { witness: name = '' } = reason;
      const since = guard.writtenAt.get(keyOf(reason))?.commits ?? 0;
      return hasVouched(world, guard, { term, now, name, above: common, since });
    }
    default:
      return false;
  }
}

type Vouching = {
  readonly term: GuardTerm;
  readonly now: Books;
  readonly name: string;
  readonly above: number;
  readonly since: number;
};

/** Whether it was asked often enough, and its chain was seen to be ours above that height. */
function hasVouched(world: World, guard: GuardWorld, asked: Vouching): boolean {
  const { term, now, name, above, since } = asked;
  const answers = term.answers.filter(({ witness }) => witness === name);
  const later = answers.filter(({ commits }) => commits >= since);
  const chain = guard.witnesses.find((one) => one.name === name)?.chain;
  if (chain === undefined || answers.length < VOUCHES || later.length < VOUCHES - 1) return false;
  const cursor = now.state?.last_block_hash ?? 'origin';
  const ours = new Set(pathTo(world.chain, cursor, world.start.id).map(({ id }) => id));
  return later.some(({ tip }) => {
    for (let block = chain.block(tip); block !== undefined; block = chain.block(block.parent)) {
      if (block.height <= above) return false;
      if (ours.has(block.id)) return true;
    }
    return false;
  });
}

/** A connection's name is its actor's with a number. */
const termOf = (guard: GuardWorld, connection: string): GuardTerm | undefined =>
  guard.terms.get(connection.slice(0, Math.max(0, connection.lastIndexOf('-'))));

function remember({ tally }: World, guard: GuardWorld, { actor, before, now }: Commit): void {
  const { commits } = tally;
  const reasons = now.guard?.reasons ?? [];
  const isHeld = now.guard?.held === true;
  const began = guard.began.get(actor) ?? commits;
  const isTouched = isHeld || guard.lastHeld >= began;
  const isForward = heightOf(now) > heightOf(before);
  guard.isLate = isTouched || (guard.isLate && !isForward);
  const isNew = (kind: string): boolean =>
    reasons.some((one) => one.kind === kind && isOpen(one)) &&
    before?.guard?.reasons.some((one) => one.kind === kind && isOpen(one)) !== true;
  if (isNew('witness')) tally.splitsHeld += 1;
  if (isNew('rollback')) tally.rollbacksHeld += 1;
  guard.heldSince = isHeld ? (guard.heldSince ?? commits) : null;
  guard.alarmSince = reasons.some(isAlarm) ? (guard.alarmSince ?? commits) : null;
  if (isHeld) guard.lastHeld = commits;
  for (const reason of reasons) {
    const text = JSON.stringify({ ...reason, released: null });
    if (guard.writtenAt.get(keyOf(reason))?.text === text) continue;
    guard.writtenAt.set(keyOf(reason), { text, commits });
  }
}

const keyOf = ({ kind, witness = '' }: GuardReason): string => `${kind} ${witness}`;

const heightOf = (books: Books | null): number =>
  books?.state?.started === true ? Number(books.state.last_block_height ?? -1) : -1;
