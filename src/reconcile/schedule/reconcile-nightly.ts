import type { Leadership } from '../../sync/leadership.js';
import { type Begin, type ReconcileDeps, reconcile } from '../runs/reconcile.js';
import { booksBeingMade } from '../verify/unfinished-books.js';
import type { Plan } from './schedules.js';

/** Nobody else opens runs under this name, and each is opened behind the fence: who opened one before leads no more. */
const NAME = 'schedule';

type NightlyParts = Omit<ReconcileDeps, 'pool' | 'partitionId' | 'signal' | 'begin'>;

export const reconcilePlan = (cron: string, parts: NightlyParts): Plan => ({
  name: 'reconcile',
  cron,
  run: reconcileNightly(parts),
  notYet: ({ pool }) => booksBeingMade(pool),
});

/** The comparison of everything that RECONCILE_CRON asks for; one that a leader left behind is gone on with at once. */
export const reconcileNightly =
  (parts: NightlyParts) =>
  async (leadership: Leadership): Promise<void> => {
    const { pool, partitionId, signal } = leadership;
    const begin: Begin = (open) => leadership.write((tx) => open(tx));
    const deps = { ...parts, pool, partitionId, signal, begin };
    await reconcile(deps, { scope: 'full', requestedBy: NAME, resume: { ownName: NAME } });
  };
