import type { Config } from '../config.js';
import { describeDatabaseError } from '../database/pool.js';
import type { Logger } from '../health/logging.js';
import { logProofEvent } from '../health/proof-log-events.js';
import { verifyNow } from '../reconcile/verify/verify-nightly.js';
import { withVerifyingPool } from '../reconcile/verify/verifying-pool.js';
import type { Leadership } from '../sync/leadership.js';

type Settings = Pick<Config, 'databaseDirectUrl'>;

/** Verifies on connections of its own, and ends at once when the term is over. */
export const verifyBeside = (
  config: Settings,
  log: Logger,
  signal: AbortSignal,
  requestedBy: string,
): Promise<void> =>
  withVerifyingPool(config.databaseDirectUrl.reveal(), signal, (pool) =>
    verifyNow({
      pool,
      requestedBy,
      observe: (event) => logProofEvent(log, event),
      now: () => new Date(),
    }),
  );

/** What was repaired is verified, so that the alert ends that had asked for it. It never fails what was done. */
export const verifyAfter =
  (config: Settings, log: Logger) =>
  async ({ signal }: Pick<Leadership, 'signal'>): Promise<void> => {
    try {
      await verifyBeside(config, log, signal, 'repair');
    } catch (error) {
      if (signal.aborted) return;
      const reason = describeDatabaseError(error);
      log.error(
        { event: 'verification_failed', reason },
        'what was repaired could not be verified',
      );
    }
  };
