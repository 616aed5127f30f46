import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { interruptedRun, runUnderWay, SILENT_SECONDS } from '../reconcile/runs/run-queries.js';
import type { Terminal } from './terminal.js';

/** Another process works on the comparison; the message says which. */
export class StillAtWork extends Error {
  override readonly name = 'StillAtWork';
}

const LOOK_EVERY_MS = 500;

/**
 * A run that was killed said nothing of it: only its silence tells.
 *
 * @throws StillAtWork where it is heard of again
 */
export async function untilNobodyIsAtWork(
  pool: Pool,
  partitionId: number,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const first = await runUnderWay(pool, partitionId);
  for (let run = first; run !== null && run.silentSeconds < SILENT_SECONDS; ) {
    if (first === null || run.id !== first.id || run.heardAt > first.heardAt) {
      throw new StillAtWork(
        `run ${run.id} is under way, asked for by ${run.requestedBy}: \`teller reconcile show ${run.id}\``,
      );
    }
    if (run === first) {
      const seconds = Math.ceil(SILENT_SECONDS - run.silentSeconds);
      terminal.err(
        `run ${run.id} may still be at work: waiting up to ${seconds} s for a sign of it\n`,
      );
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal });
    run = await runUnderWay(pool, partitionId);
  }
}

/** Whoever doesn't ask to go on is told that it could. */
export async function sayWhatWasInterrupted(
  pool: Pool,
  partitionId: number,
  terminal: Terminal,
): Promise<void> {
  const run = await interruptedRun(pool, partitionId);
  if (run === null) return sayWhatMayBeAtWork(pool, partitionId, terminal);
  terminal.err(
    `run ${run.id} was interrupted after ${run.progress.matched} outputs; this is a new one, ` +
      '`teller reconcile --resume` would have gone on with it\n',
  );
}

/** For a minute nobody can tell the two. */
async function sayWhatMayBeAtWork(
  pool: Pool,
  partitionId: number,
  terminal: Terminal,
): Promise<void> {
  const run = await runUnderWay(pool, partitionId);
  if (run === null) return;
  const { id, requestedBy, silentSeconds } = run;
  terminal.err(
    `run ${id}, asked for by ${requestedBy}, is under way or was killed: it was heard of ` +
      `${Math.round(silentSeconds)} s ago; this is a new one, and where that one was killed, ` +
      '`teller reconcile --resume` would have gone on with it\n',
  );
}
