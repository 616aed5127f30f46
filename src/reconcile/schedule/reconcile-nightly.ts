import type { Leadership } from '../../sync/leadership.js';
import { type ReconcileDeps, reconcile } from '../runs/reconcile.js';

/** Nobody else begins runs under this name, and each begins behind the fence: who began one before leads no more. */
const NAME = 'schedule';

/** The comparison of everything that RECONCILE_CRON asks for; one that a leader left behind is gone on with at once. */
export const reconcileNightly =
  (parts: Omit<ReconcileDeps, 'pool' | 'partitionId' | 'signal'>) =>
  async (leadership: Leadership): Promise<void> => {
    const { pool, partitionId, signal } = leadership;
    const deps = { ...parts, pool, partitionId, signal };
    await reconcile(deps, { scope: 'full', requestedBy: NAME, resume: { ownName: NAME } });
  };
