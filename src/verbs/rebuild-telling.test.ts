import { expect, test } from 'vitest';
import { sampleJob } from '../../test/support/sample-job.js';
import type { Job } from '../reconcile/jobs/job-queries.js';
import { startTelling } from './rebuild-telling.js';
import { showJob } from './rebuild-words.js';

const job = (wishes: Partial<Job>): Job => sampleJob({ id: '36', ...wishes });

/** A telling, and what it said, with enough time between two lines. */
function telling() {
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  let now = 0;
  const terminal = { environment: {}, out: say, err: say, isInteractive: false };
  const { tell, away } = startTelling(terminal, () => {
    now += 10_000;
    return now;
  });
  return { said, tell, away };
}

test('a job behind another one says which one it waits for, or does first', () => {
  const { said, tell } = telling();
  for (const isLedHere of [false, true]) {
    tell(job({ state: 'queued' }), { id: '35', kind: 'repair' }, isLedHere);
    tell(job({ state: 'queued' }), null, isLedHere);
  }
  expect(said).toEqual([
    'rebuild 36: waiting for repair 35\n',
    'rebuild 36: waiting for whoever leads\n',
    "rebuild 36: doing repair 35 first, which was asked for before and hadn't ended\n",
    'rebuild 36: about to begin\n',
  ]);
});

test('a database that is away is told, and that the job is kept', () => {
  const { said, tell, away } = telling();
  tell(job({ state: 'queued' }), null, false);
  away('read ECONNRESET');
  expect(said.at(-1)).toBe(
    "the database can't be reached (read ECONNRESET): trying again for a minute; rebuild 36 is kept\n",
  );
});

const progress = (wishes: object) => ({
  stage: 'reading',
  from: { point: 'origin', height: null },
  at: { point: 'origin', height: null },
  outputs: 0,
  spends: 0,
  seconds: 1,
  done: 30,
  total: 100,
  rate: 10,
  secondsLeft: 7,
  ...wishes,
});

test('a rebuild that has read more than the books have says that it waits for them', () => {
  const { said, tell } = telling();
  tell(job({ progress: progress({ stage: 'waiting' }) }), null, false);
  expect(said).toEqual(['rebuild 36: waiting for the books to get there, 30 blocks read\n']);
});

const APPLYING = 'applying what differs';
const GATHERING = 'gathering what differs';

test.each([
  ['reading', false, null, 'reading'],
  [
    'reading',
    false,
    { comparisons: 1, newBlocks: 9 },
    'reading again, the chain went on meanwhile',
  ],
  ['waiting', false, null, 'waiting for the books to get there'],
  ['comparing', false, { comparisons: 1, newBlocks: 0 }, 'at the tip, comparing'],
  ['comparing', true, { comparisons: 3, newBlocks: 0 }, 'at the tip, comparing for the 3rd time'],
  ['comparing', true, null, 'at the tip, comparing'],
  ['applying', false, { comparisons: 1, newBlocks: 0 }, `at the tip, ${APPLYING}`],
  ['applying', true, { comparisons: 2, newBlocks: 0 }, `at the tip, ${GATHERING}`],
  ['applying', false, { comparisons: 1, newBlocks: 1 }, `following 1 new block, ${APPLYING}`],
  ['applying', true, { comparisons: 1, newBlocks: 12 }, `following 12 new blocks, ${GATHERING}`],
])('what it does is said: %s (dry run: %s), %j', (stage, dryRun, last, doing) => {
  const shown = job({ params: { dryRun }, progress: progress({ stage, last }) });
  expect(showJob(shown).progress).toMatchObject({ stage, doing, ...last });
  const { said, tell } = telling();
  tell(shown, null, false);
  if (stage !== 'reading') expect(said).toEqual([`rebuild 36: ${doing}, 30 blocks read\n`]);
});

test('at the tip no share and no time left is told, because what is left is not blocks', () => {
  const { said, tell } = telling();
  tell(job({ progress: progress({ done: 100, secondsLeft: 0 }) }), null, false);
  tell(job({ progress: progress({ last: { comparisons: 1, newBlocks: 0 } }) }), null, false);
  expect(said).toEqual([
    'rebuild 36: at the tip, 100 blocks read\n',
    'rebuild 36: reading again, the chain went on meanwhile: 30 of 100 blocks, 10/s, 30 %, 7 s left\n',
  ]);
  expect(showJob(job({ progress: progress({ done: 100 }) })).progress).toMatchObject({
    doing: 'at the tip',
  });
});

test('a share and the time left are told of an end that stays where it is, and not while the books catch up', () => {
  const { said, tell } = telling();
  tell(job({ progress: progress({}) }), null, false);
  tell(job({ progress: progress({ done: 60, total: 400 }) }), null, false);
  tell(job({ progress: progress({ done: 90, total: 401 }) }), null, false);
  tell(job({ progress: progress({ done: 500, total: 500 }) }), null, false);
  expect(said).toEqual([
    'rebuild 36: 30 of 100 blocks, 10/s, 30 %, 7 s left\n',
    'rebuild 36: 60 blocks read, 10/s; the books are catching up, at 400 so far\n',
    'rebuild 36: 90 of 401 blocks, 10/s, 22 %, 7 s left\n',
    'rebuild 36: 500 blocks read, 10/s; the books are catching up, at 500 so far\n',
  ]);
});
