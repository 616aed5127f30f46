import { inTransaction } from '../../database/transaction.js';
import { audit } from '../model/books-queries.js';
import type { StandingPause } from '../model/standing-pause.js';
import { pauseFor } from '../tracking/adoption-queries.js';
import type { PayerDeps } from './payer-deps.js';
import { guardTerm, type PayerTerm, readControl } from './term-queries.js';

/**
 * Pauses payouts again where a person paused them, nobody resumed, and the row says otherwise: nothing of this
 * program takes a pause away. Null where a person ended it meanwhile.
 */
export const pauseAgain = (
  deps: PayerDeps,
  term: PayerTerm,
): Promise<{ readonly why: 'paused'; readonly detail: string } | null> =>
  inTransaction(deps.pool, async (tx) => {
    const at = await guardTerm(tx, term);
    // Nobody pauses or resumes from here on.
    const { standingPause } = await readControl(tx);
    if (standingPause === null) return null;
    const reason = reasonOf(standingPause);
    await pauseFor(tx, at, 'payer', reason);
    await audit(tx, at, [
      {
        action: 'payout.pause_restored',
        entityType: 'payouts',
        entityId: 'all',
        actor: 'payer',
        details: { reason, paused: standingPause },
      },
    ]);
    return { why: 'paused', detail: `by payer: ${reason}` };
  });

const reasonOf = ({ by, at, reason }: StandingPause): string =>
  `${by} paused payouts at ${at}${reason === null ? '' : ` (${reason})`}, nobody resumed them, and another hand ` +
  'took that away. It ends with `teller payout resume`';
