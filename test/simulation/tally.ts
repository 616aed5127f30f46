const NOTHING = {
  steps: 0,
  commits: 0,
  blocks: 0,
  forks: 0,
  rollbacks: 0,
  comeBacks: 0,
  crashes: 0,
  databaseFaults: 0,
  deadlocks: 0,
  lockSteals: 0,
  drops: 0,
  garbage: 0,
  stalls: 0,
  nodeBehind: 0,
  registrations: 0,
  fencedOff: 0,
  requests: 0,
  attempts: 0,
  submissions: 0,
  badAnswers: 0,
  cancelled: 0,
  released: 0,
  failed: 0,
  notNow: 0,
  payoutsConfirmed: 0,
  payoutsRolledBack: 0,
  adopted: 0,
  competitors: 0,
  evictions: 0,
  restores: 0,
  holdsEnded: 0,
  fences: 0,
};

/** How often each thing happened in one seed: a simulation in which nothing happens proves nothing. */
export type Tally = Record<keyof typeof NOTHING, number>;

export const emptyTally = (): Tally => ({ ...NOTHING });
