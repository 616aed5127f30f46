import type { HealedFinding } from '../reconcile/model/finding.js';
import type { ProgressReport, ProofEvent } from '../reconcile/model/proof-events.js';
import { type LogLine, line, writeLines } from './log-line.js';
import type { Logger } from './logging.js';
import { verifiedLines } from './verification-log-events.js';

/** Writes what proving the books tells. */
export function logProofEvent(log: Logger, event: ProofEvent): void {
  writeLines(log, proofLines(event));
}

/** The rows are in the database; a log that drowns is read by nobody. */
const FINDINGS_LOGGED_MAX = 100;

export function proofLines(event: ProofEvent): readonly LogLine[] {
  switch (event.type) {
    case 'reconciliation_finished':
      return finishedLines(event);
    case 'reconciliation_resumed': {
      const fields = { run_id: event.runId, begun_at: event.startedAt.toISOString() };
      return [line('info', event.type, fields, 'continues a run that was interrupted')];
    }
    case 'reconciliation_failed': {
      const fields = { scope: event.scope, reason: event.reason };
      return [line('error', event.type, fields, 'records and chain could not be compared')];
    }
    case 'coverage': {
      const { reconciledRatio: reconciled_ratio, oldestSeconds } = event;
      const oldest_seconds = oldestSeconds === null ? null : Math.round(oldestSeconds);
      const fields = { reconciled_ratio, oldest_seconds };
      return [line('info', 'reconciliation_coverage', fields, 'compared within a day')];
    }
    case 'rebuild_progress': {
      const fields = { job_id: event.jobId, ...progressFields(event) };
      return [line('info', event.type, fields, 'deriving chain facts beside the books')];
    }
    case 'job_finished': {
      const { jobId: job_id, kind, outcome, reason } = event;
      const level = outcome === 'failed' ? 'error' : 'info';
      const fields = { job_id, kind, outcome, reason, result: bounded(event.result) };
      return [line(level, event.type, fields, `${kind} ${outcome}`)];
    }
    case 'verified':
      return verifiedLines(event);
    case 'sealed': {
      const fields = { chain: event.chain, seal: event.seal };
      return [line('debug', event.type, fields, 'rows sealed')];
    }
    case 'sealing_failed': {
      const fields = { chain: event.chain, reason: event.reason };
      return [line('error', event.type, fields, 'rows stay without a seal')];
    }
    case 'backup_finished': {
      const fields = { kind: event.kind, file: event.file, bytes: event.bytes };
      return [line('info', event.type, fields, 'backed up')];
    }
    case 'backup_doubtful': {
      const fields = { kind: event.kind, file: event.file, reason: event.reason };
      return [line('error', event.type, fields, 'backed up books that contradict themselves')];
    }
    case 'backup_failed': {
      const fields = { kind: event.kind, reason: event.reason };
      return [line('error', event.type, fields, 'no backup was made')];
    }
    case 'backup_unreadable': {
      const fields = { file: event.file, reason: event.reason };
      return [line('warn', event.type, fields, 'a backup that is kept cannot be read')];
    }
    case 'schedule_postponed': {
      const fields = { schedule: event.schedule, reason: event.reason };
      return [line('info', event.type, fields, 'what was due is put off')];
    }
    case 'schedule_failed': {
      const { schedule, reason, triesLeft: tries_left } = event;
      const fields = { schedule, reason, tries_left };
      return [line('error', event.type, fields, 'what was due was not done')];
    }
  }
}

type Finished = Extract<ProofEvent, { type: 'reconciliation_finished' }>;

function finishedLines(event: Finished): readonly LogLine[] {
  const { open } = event;
  const openCount = Object.values(open).reduce((sum, count) => sum + count, 0);
  const fields = {
    run_id: event.runId,
    scope: event.scope,
    slot: event.slot,
    matched: event.matched,
    open,
    repaired: event.repaired,
    problem: event.problem,
    duration_seconds: event.seconds,
  };
  const logged = event.findings.slice(0, FINDINGS_LOGGED_MAX);
  const lines = logged.map((finding) => findingLine(event.runId, finding));
  if (openCount === 0 && event.problem === null) {
    return [...lines, line('info', 'reconciliation_success', fields, 'records equal the chain')];
  }
  const more = { ...fields, findings: openCount + event.repaired, logged: logged.length };
  const message = 'records and chain differ; each of them: teller reconcile show RUN';
  return [...lines, line('error', 'reconciliation_finished', more, message)];
}

function findingLine(runId: string, finding: HealedFinding): LogLine {
  const fields = {
    run_id: runId,
    type: finding.type,
    output: finding.reference,
    address: finding.address,
    recorded_lovelace: finding.recorded?.lovelace.toString() ?? null,
    on_chain_lovelace: finding.onChain?.lovelace.toString() ?? null,
    state: finding.state,
    reason: finding.reason,
  };
  return finding.state === 'open'
    ? line('error', 'reconciliation_discrepancy', fields, 'records and chain differ')
    : line('warn', 'reconciliation_discrepancy', fields, 'records and chain differed; repaired');
}

/** All of it is in the job's row: of lists the log has the beginning. */
const bounded = (result: Readonly<Record<string, unknown>> | null) =>
  result === null
    ? null
    : Object.fromEntries(
        Object.entries(result).map(([name, value]) => [
          name,
          Array.isArray(value) ? value.slice(0, LISTED_MAX) : value,
        ]),
      );
const LISTED_MAX = 20;

const progressFields = ({ done, total, rate, secondsLeft }: ProgressReport) => ({
  done,
  total,
  rate: Math.round(rate),
  seconds_left: secondsLeft === null ? null : Math.round(secondsLeft),
});
