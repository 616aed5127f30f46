import type { Job } from '../../src/reconcile/jobs/job-queries.js';

/** A rebuild under way of which nothing is known yet. */
export const sampleJob = (wishes: Partial<Job>): Job => ({
  id: '1',
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
