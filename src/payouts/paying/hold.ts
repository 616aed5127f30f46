import { inTransaction } from '../../database/transaction.js';
import { audit } from '../model/books-queries.js';
import type { Books } from '../model/chain-queries.js';
import { type DatabaseIdentity, noteIdentity } from '../model/database-identity.js';
import type { NodeView } from '../node/node.js';
import { boundHold, endHold, hold } from './hold-queries.js';
import { lagOf, type PayerDeps } from './payer-deps.js';
import { type Control, guardTerm, type PayerTerm } from './term-queries.js';

/**
 * Looks whether this is the database that signed what it says it signed. One that was restored, copied,
 * or that lost commits in a failover may have forgotten payments that are on their way.
 */
export async function recogniseDatabase(
  deps: PayerDeps,
  term: PayerTerm,
  control: Control,
): Promise<void> {
  const now = await deps.readIdentity(deps.pool);
  if (sameIdentity(control.identity, now)) return;
  const reason = reasonOf(control.identity, now);
  await inTransaction(deps.pool, async (tx) => {
    const at = await guardTerm(tx, term);
    if (control.identity === null) {
      await noteIdentity(tx, at, now);
      return;
    }
    await hold(tx, at, reason, now);
    await audit(tx, at, [
      {
        action: 'payout.held',
        entityType: 'payouts',
        entityId: 'all',
        actor: 'payer',
        details: { reason, before: control.identity, now },
      },
    ]);
  });
  if (control.identity !== null) deps.observe({ type: 'held', reason });
}

const sameIdentity = (a: DatabaseIdentity | null, b: DatabaseIdentity): boolean =>
  a !== null && Object.keys({ ...a, ...b }).every((key) => a[key] === b[key]);

function reasonOf(before: DatabaseIdentity | null, now: DatabaseIdentity): string {
  const changed = Object.keys(now).filter((key) => before?.[key] !== now[key]);
  return changed.length === 1 && changed[0] === 'timeline'
    ? 'PostgreSQL failed over: its newest commits may be lost'
    : `this is another database than the one that paid last (${changed.join(', ')} changed)`;
}

/**
 * What can be done while payouts are held: set the bound, and end the hold once it has passed by k
 * blocks. Until then something forgotten could still come into a block.
 */
export async function waitOutHold(
  deps: PayerDeps,
  term: PayerTerm,
  control: Control,
  books: Books,
  view: NodeView,
): Promise<void> {
  if (lagOf(view, books) !== null || view.tip === 'origin') return;
  const { holdUntilSlot, memoryGap } = control;
  if (holdUntilSlot === null) {
    // Whatever was signed up to now was bounded from a tip no later than this one.
    const bound = Math.max(view.slotAfter(deps.validitySeconds), books.slot);
    await inTransaction(deps.pool, async (tx) => boundHold(tx, await guardTerm(tx, term), bound));
    return;
  }
  if (books.deepSlot === null || books.deepSlot < holdUntilSlot) return;
  const ended = await inTransaction(deps.pool, async (tx) => {
    const at = await guardTerm(tx, term);
    if (!(await endHold(tx, at, memoryGap))) return false;
    await audit(tx, at, [endOfHold('all that was signed before has expired', holdUntilSlot)]);
    return true;
  });
  if (ended) deps.observe({ type: 'hold_ended', how: 'time' });
}

export const endOfHold = (reason: string, slot: number | null) => ({
  action: 'payout.hold_ended',
  entityType: 'payouts' as const,
  entityId: 'all',
  actor: 'payer',
  details: { reason, slot },
});
