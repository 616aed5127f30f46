import { expect, test } from 'vitest';
import { sampleJob } from '../../test/support/sample-job.js';
import type { Job } from '../reconcile/jobs/job-queries.js';
import { startTelling } from './reconcile-telling.js';
import { readRepair, sayRepair } from './repair-words.js';

const job = (wishes: Partial<Job>): Job =>
  sampleJob({ id: '7', kind: 'repair', state: 'done', ...wishes });

function terminal() {
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  return { said, environment: {}, out: say, err: say, isInteractive: false };
}

test('a repair tells what it did to the ledger, and what it left', () => {
  const ledger = { entries: 2, balances: 1, statuses: 0, lost: 0 };
  const result = { runId: '3', open: 0, ledger, left: ['payment 1: nobody knows'], problem: null };
  const repair = readRepair(job({ result }));
  const on = terminal();
  if (repair !== null) sayRepair(on, repair);
  expect(on.said.slice(0, 3)).toEqual([
    'ledger: 2 correcting entries appended, 1 balance set to the sum of its entries\n',
    'state digest: that of its tables\n',
    'left: payment 1: nobody knows\n',
  ]);
});

test('a repair that changed nothing but payments says what it did to them', () => {
  const result = { runId: '3', references: 2, inclusions: 1, rollbacks: 3 };
  const repair = readRepair(job({ result }));
  const on = terminal();
  if (repair !== null) sayRepair(on, repair);
  expect(on.said.slice(0, 2)).toEqual([
    'ledger: nothing to correct\n',
    'payments: 2 given the references of their addresses, 1 given the inclusion that the ledger has, ' +
      '3 rolled back as the ledger says\n',
  ]);
});

test.each([
  [2, null, 'state digest: 2 rows set right, that of its tables\n'],
  [1, 'it differs elsewhere', 'state digest: 1 row set right\n'],
])('a repair says how many rows of the digest it set right: %s', (digests, problem, line) => {
  const repair = readRepair(job({ result: { runId: '3', digests, problem } }));
  const on = terminal();
  if (repair !== null) sayRepair(on, repair);
  expect(on.said).toEqual(['ledger: nothing to correct\n', line]);
});

test('a repair that healed all names the seals of which balance verify goes on telling', () => {
  const result = { runId: '3', sealsChanged: { count: 3, shown: ['ledger/4', 'ledger/7'] } };
  const repair = readRepair(job({ result }));
  const on = terminal();
  if (repair !== null) sayRepair(on, repair);
  expect(on.said.at(-1)).toBe(
    'rows were changed after they were sealed: ledger/4, ledger/7 and 1 more. Whatever was healed, ' +
      '`teller balance verify` ends with 3 until a person accepts each of them:\n' +
      '`teller balance accept-seal ledger/4 --reason TEXT`\n',
  );
});

test.each([
  ['cancelled', { state: 'cancelled', problem: 'cancelled by zoe' }, 'repair 7: cancelled\n'],
  ['tried again', { state: 'running', problem: 'no node' }, 'repair 7: trying again: no node\n'],
  [
    'looking in blocks',
    {
      state: 'running',
      progress: { done: 5, total: 20, rate: 5, secondsLeft: 3, of: 'blocks' },
    },
    'repair 7: looking in blocks: 5 of 20, 5/s, 25 %, 3 s left\n',
  ],
] as const)('a job that is %s is told as that', (_, wishes, line) => {
  let now = 0;
  const on = terminal();
  const telling = startTelling(on, () => now);
  now = 10_000;
  telling.tell(job(wishes), null, true);
  expect(on.said).toEqual([line]);
});
