import type { Tx } from '../../database/transaction.js';
import type { Leadership } from '../../sync/leadership.js';
import type { JobFields, TakenJob } from './job-queries.js';

/** A job in the hands of the leader that works on it. */
export type RunningJob = Pick<TakenJob, 'id' | 'kind' | 'params' | 'requestedBy' | 'startedAt'> & {
  /** As it was saved last, perhaps by a leader before this one. */
  readonly progress: JobFields;
  readonly leadership: Leadership;
  /** Aborts when the term is over or the job was cancelled. */
  readonly signal: AbortSignal;
  /**
   * To be part of each transaction that writes for this job; then a crash goes on from there.
   * @throws JobTaken
   */
  save(tx: Tx, progress: JobFields): Promise<void>;
  /** How far it is, for those who watch: nothing depends on it, and it may get lost. */
  tell(progress: JobFields): void;
  /** Ends the job in the transaction that applies what it found. @throws JobTaken */
  complete(tx: Tx, result: JobFields): Promise<void>;
};

/** Resolves once the job was completed. */
export type JobWork = (job: RunningJob) => Promise<void>;

/** It was cancelled, or another leader works on it: nothing more may be written for it. */
export class JobTaken extends Error {
  override readonly name = 'JobTaken';
}

/** It can't be done, however often it is tried; the message is for whoever asked for it. */
export class JobImpossible extends Error {
  override readonly name = 'JobImpossible';
}
