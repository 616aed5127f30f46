import { z } from 'zod';
import { FIRST_DIGEST } from '../payments/digest/facts.js';
import type { Job } from '../reconcile/jobs/job-queries.js';
import { readProgress } from '../reconcile/rebuild/rebuild-progress.js';
import { doingOf } from './rebuild-doing.js';
import {
  doneToLedger,
  ledgerDone,
  sayBeginnings,
  sayLeft,
  saySealsChanged,
  sealsChanged,
  some,
} from './repair-words.js';
import { counted, printable, sayTable, type Terminal } from './terminal.js';

const result = z.object({
  dryRun: z.boolean(),
  differences: z.record(z.string(), z.number()),
  examples: z.array(
    z.object({
      type: z.string(),
      txHash: z.string(),
      outputIndex: z.number(),
      address: z.string(),
      state: z.string(),
      reason: z.string().nullable(),
    }),
  ),
  healed: z.number(),
  open: z.number(),
  left: z.array(z.string()).default([]),
  sealsChanged,
  ledger: ledgerDone,
  beginnings: z.number().default(0),
  // Not in what was applied, nor in what an earlier version looked at.
  ledgerDifferences: z
    .object({
      payments: z.number(),
      payouts: z.number(),
      lost: z.number(),
      balances: z.number(),
      isPartial: z.boolean(),
    })
    .optional(),
  problem: z.string().nullable().default(null),
  digest: z.object({
    // Where it was compared: the books went on until they were told.
    height: z.number(),
    equal: z.boolean(),
    stored: z.string(),
    derived: z.string(),
    tables: z.string().optional(),
  }),
  blocks: z.number(),
  seconds: z.number(),
  rate: z.number(),
});

export type ShownResult = z.infer<typeof result> & { readonly total: number };

/** Null where the job ended without one. */
export function readResult(job: Job): ShownResult | null {
  const parsed = result.safeParse(job.result);
  if (job.state !== 'done' || !parsed.success) return null;
  const total = Object.values(parsed.data.differences).reduce((sum, count) => sum + count, 0);
  return { ...parsed.data, total };
}

/** Whether nothing is left to do: nothing differs in a dry run, nothing was left open by what was applied. */
export function isClean(shown: ShownResult): boolean {
  const { dryRun, total, digest, problem, open, left, ledgerDifferences } = shown;
  if (problem !== null) return false;
  if (!dryRun) return open === 0 && left.length === 0;
  return total === 0 && digest.equal && differingInLedger(ledgerDifferences).length === 0;
}

/** As `--json` shows it. */
export function showJob(job: Job) {
  const progress = readProgress(job.progress);
  return {
    id: job.id,
    state: job.state,
    from: typeof job.params.from === 'string' ? job.params.from : null,
    dryRun: job.params.dryRun === true,
    requestedBy: job.requestedBy,
    requestedAt: job.requestedAt.toISOString(),
    finishedAt: job.finishedAt?.toISOString() ?? null,
    progress:
      progress === null
        ? null
        : {
            stage: progress.stage,
            doing: doingOf(job, progress),
            done: progress.done,
            total: progress.total,
            rate: progress.rate,
            secondsLeft: progress.secondsLeft,
            comparisons: progress.last?.comparisons ?? 0,
            newBlocks: progress.last?.newBlocks ?? 0,
            shown: `${progress.done} of ${progress.total ?? '?'}`,
          },
    result: job.result,
    problem: job.problem,
  };
}

const EQUAL = 'nothing differs: the books are what the chain says';

export function sayResult(terminal: Terminal, shown: ShownResult): void {
  const { blocks, seconds, rate, total, healed, open, digest, problem } = shown;
  terminal.out(
    `${counted(blocks, 'block')} read in ${seconds.toFixed(1)} s, ${Math.round(rate)}/s\n`,
  );
  const inLedger = shown.dryRun
    ? differingInLedger(shown.ledgerDifferences)
    : doneToLedger(shown.ledger);
  const isLookedAt = !shown.dryRun || shown.ledgerDifferences !== undefined;
  const isLedgerEqual = isLookedAt && inLedger.length === 0 && shown.left.length === 0;
  const isEqual = problem === null && digest.equal && isLedgerEqual;
  if (total === 0) terminal.out(`${isEqual ? EQUAL : 'no output differs'}\n`);
  else sayDifferences(terminal, shown);
  if (!shown.dryRun && total + open > 0) {
    terminal.out(`${healed} healed, ${open} left open\n`);
  }
  if (inLedger.length > 0) {
    terminal.out(`ledger: ${inLedger.join(', ')}${shown.dryRun ? WOULD_CORRECT : ''}\n`);
  }
  sayBeginnings(terminal, shown.beginnings);
  if (!shown.dryRun) sayLeft(terminal, shown.left);
  saySealsChanged(terminal, shown.sealsChanged);
  if (problem !== null) terminal.out(`beside the chain: ${printable(problem)}\n`);
  terminal.out(`${digestInWords(digest)}\n`);
}

// What proves rows and entries is asked only where they are corrected.
const WOULD_CORRECT = '; a rebuild corrects what is proven and names the rest';

function differingInLedger(differences: ShownResult['ledgerDifferences']): string[] {
  if (differences === undefined) return [];
  const { payments, payouts, lost, balances, isPartial } = differences;
  return [
    some(payments, 'payment differs from its entries', 'payments differ from their entries'),
    some(payouts, 'payout differs from its entries', 'payouts differ from their entries'),
    some(lost, 'payment has entries and no row', 'payments have entries and no rows'),
    some(balances, "balance isn't the sum of its entries", "balances aren't the sums of theirs"),
    isPartial ? ['and more'] : [],
  ].flat();
}

function digestInWords({ height, equal, stored, derived, tables }: ShownResult['digest']): string {
  const at = height < 0 ? 'before the first block' : `at height ${height}`;
  if (equal && stored === FIRST_DIGEST) {
    return `no state digest was compared: ${at} neither the books nor the chain have anything to fold into one`;
  }
  if (equal) return `state digest ${at}: ${stored}, that of the chain`;
  if (stored !== derived)
    return `the state digest ${at} was ${stored}, of the chain it is ${derived}`;
  return `the tables' state digest ${at} was ${tables ?? 'another one'}, of the chain it is ${derived}`;
}

function sayDifferences(terminal: Terminal, { differences, examples }: ShownResult): void {
  const rows = Object.entries(differences).flatMap(([type, count]) =>
    examples
      .filter((example) => example.type === type)
      .map((example, position) => ({ ...example, type, count: position === 0 ? count : null })),
  );
  sayTable(terminal, rows, [
    ['TYPE', (row) => (row.count === null ? '' : row.type)],
    ['COUNT', (row) => row.count ?? ''],
    ['OUTPUT', (row) => `${row.txHash}#${row.outputIndex}`],
    ['ADDRESS', (row) => row.address],
    ['STATE', (row) => row.state],
    ['REASON', (row) => row.reason],
  ]);
}
