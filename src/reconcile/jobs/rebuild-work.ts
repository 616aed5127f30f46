import { rebuild } from '../rebuild/rebuild.js';
import type { RebuildDeps } from '../rebuild/rebuild-parts.js';
import { whyNot } from './impossible.js';
import type { JobWork } from './job.js';

/** A rebuild as a job of the leader's. */
export const rebuildJob =
  (deps: RebuildDeps): JobWork =>
  (job) =>
    rebuild(deps, job).catch((error: unknown) => {
      throw whyNot(error);
    });
