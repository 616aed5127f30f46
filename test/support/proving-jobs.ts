import type { Devnet } from '../../src/devnet/server.js';
import { runJobs } from '../../src/reconcile/jobs/job-runner.js';
import { rebuildJob } from '../../src/reconcile/jobs/rebuild-work.js';
import { repairJob } from '../../src/reconcile/jobs/repair.js';
import type { ObserveProof } from '../../src/reconcile/model/proof-events.js';
import type { ChainView } from '../../src/sync/chain-view.js';
import type { LeadingTask } from '../../src/sync/leadership.js';
import { POLICY } from './follow.js';
import { viewOf } from './following.js';
import { rebuildDeps } from './rebuilding.js';

type Wishes = { readonly chain?: ChainView; readonly observe?: ObserveProof };

/** What a leader does that is asked to repair or to rebuild; the devnet's faucet is its hot wallet. */
export function provingJobs(net: Devnet, wishes: Wishes = {}): LeadingTask {
  const { chain = viewOf(net), observe = () => undefined } = wishes;
  const deps = rebuildDeps(net, { hotWallet: net.chain.faucet, chain });
  const pacing = { pauseMs: 0, pauseShare: 0 };
  const repair = repairJob({ ...deps, observe, policy: POLICY, pacing });
  return runJobs({ work: { repair, rebuild: rebuildJob(deps) }, observe });
}
