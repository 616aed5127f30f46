import type { Job } from '../reconcile/jobs/job-queries.js';
import type { RebuildProgress } from '../reconcile/rebuild/rebuild-progress.js';
import { counted } from './terminal.js';

/** What a rebuild that is under way does just now. */
export function doingOf({ params }: Job, { stage, last, done, total }: RebuildProgress): string {
  switch (stage) {
    case 'reading':
      if (done === total) return 'at the tip';
      return last === null ? 'reading' : 'reading again, the chain went on meanwhile';
    case 'waiting':
      return 'waiting for the books to get there';
    case 'comparing':
      return `at the tip, comparing${times(last?.comparisons ?? 1)}`;
    case 'applying': {
      const what = params.dryRun === true ? 'gathering what differs' : 'applying what differs';
      const newBlocks = last?.newBlocks ?? 0;
      const where = newBlocks === 0 ? 'at the tip' : `following ${counted(newBlocks, 'new block')}`;
      return `${where}, ${what}`;
    }
  }
}

const times = (count: number): string => (count < 2 ? '' : ` for the ${ordinal(count)} time`);

const SUFFIXES: Readonly<Record<string, string>> = { one: 'st', two: 'nd', few: 'rd', other: 'th' };
const RULES = new Intl.PluralRules('en', { type: 'ordinal' });

const ordinal = (count: number): string => `${count}${SUFFIXES[RULES.select(count)] ?? 'th'}`;
