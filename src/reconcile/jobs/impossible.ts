import { RebuildImpossible } from '../rebuild/rebuild-parts.js';
import { NotComparable } from '../runs/comparison-point.js';
import { JobImpossible } from './job.js';

/** What waiting doesn't mend is told to whoever asked, at once: other jobs stand behind it. */
export function whyNot(error: unknown): unknown {
  const isForGood =
    error instanceof RebuildImpossible || (error instanceof NotComparable && !error.passesByItself);
  return isForGood ? new JobImpossible(error.message, { cause: error }) : error;
}
