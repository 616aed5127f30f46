import { expect, test } from 'vitest';
import type { Job } from '../reconcile/jobs/job-queries.js';
import { startTelling } from './rebuild-telling.js';

const job = (wishes: Partial<Job>): Job => ({
  id: '36',
  kind: 'rebuild',
  params: {},
  state: 'running',
  requestedBy: 'operator:zoe',
  requestedAt: new Date(0),
  startedAt: null,
  finishedAt: null,
  heartbeatAt: null,
  progress: {},
  result: null,
  problem: null,
  ...wishes,
});

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

test('a job behind another one says which one it waits for', () => {
  const { said, tell } = telling();
  tell(job({ state: 'queued' }), { id: '35', kind: 'rebuild' });
  tell(job({ state: 'queued' }), null);
  expect(said).toEqual([
    'rebuild 36: waiting for rebuild 35\n',
    'rebuild 36: waiting for whoever leads\n',
  ]);
});

test('a database that is away is told, and that the job goes on', () => {
  const { said, tell, away } = telling();
  tell(job({ state: 'queued' }), null);
  away('read ECONNRESET');
  expect(said.at(-1)).toBe(
    "the database can't be reached (read ECONNRESET): trying again for a minute; rebuild 36 goes on\n",
  );
});
