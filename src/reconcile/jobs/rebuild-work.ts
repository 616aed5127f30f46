import { rebuild } from '../rebuild/rebuild.js';
import { type RebuildDeps, RebuildImpossible } from '../rebuild/rebuild-parts.js';
import { JobImpossible, type JobWork } from './job.js';

/** A rebuild as a job of the leader's. */
export const rebuildJob =
  (deps: RebuildDeps): JobWork =>
  async (job) => {
    try {
      await rebuild(deps, job);
    } catch (error) {
      if (!(error instanceof RebuildImpossible)) throw error;
      throw new JobImpossible(error.message, { cause: error });
    }
  };
