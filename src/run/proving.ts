import { decodeNextBlock } from '../chain/decode.js';
import type { JobWork } from '../reconcile/jobs/job.js';
import { runJobs } from '../reconcile/jobs/job-runner.js';
import { rebuildJob } from '../reconcile/jobs/rebuild-work.js';
import { repairJob } from '../reconcile/jobs/repair.js';
import type { ObserveProof } from '../reconcile/model/proof-events.js';
import { askSlotAt } from '../reconcile/rebuild/ask-slot.js';
import type { Leadership, LeadingTask } from '../sync/leadership.js';
import { createChainView } from '../sync/ogmios-chain-view.js';
import type { ChainSettings } from './chain.js';
import { endpointsOf } from './endpoints.js';

/** What a leader proves with: a look at the chain beside following, and what a deposit means. */
export const provingParts = (config: ChainSettings, observe: ObserveProof) => ({
  chain: createChainView(endpointsOf(config), decodeNextBlock),
  hotWallet: config.hotWalletAddress,
  policy: { tiers: config.confirmationTiers, minPaymentLovelace: config.minPaymentLovelace },
  observe,
  now: () => new Date(),
  slotAt: askSlotAt(endpointsOf(config)),
});

/**
 * Works on what only a leader may do.
 *
 * @param afterRepair awaited before the next job is taken; whoever asked for the repair doesn't wait for it
 */
export function jobsOf(
  config: ChainSettings,
  observe: ObserveProof,
  afterRepair: (leadership: Leadership) => Promise<void> = () => Promise.resolve(),
): LeadingTask {
  const parts = provingParts(config, observe);
  const repairOnly = repairJob(parts);
  const repair: JobWork = async (job) => {
    await repairOnly(job);
    await afterRepair(job.leadership);
  };
  return runJobs({ work: { repair, rebuild: rebuildJob(parts) }, observe });
}
