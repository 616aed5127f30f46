import { z } from 'zod';
import type { Job } from '../reconcile/jobs/job-queries.js';
import { readProgress } from '../reconcile/rebuild/rebuild-progress.js';
import { sayLeft, saySealsChanged, sealsChanged } from './repair-words.js';
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
  ledger: z.object({ entries: z.number(), balances: z.number(), statuses: z.number() }),
  problem: z.string().nullable().default(null),
  digest: z.object({
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
            done: progress.done,
            total: progress.total,
            rate: progress.rate,
            secondsLeft: progress.secondsLeft,
            shown: `${progress.done} of ${progress.total ?? '?'}`,
          },
    result: job.result,
    problem: job.problem,
  };
}

const EQUAL = 'nothing differs: the books are what the chain says';

export function sayResult(terminal: Terminal, shown: ShownResult): void {
  const { blocks, seconds, rate, total, healed, open, ledger, digest, problem } = shown;
  terminal.out(
    `${counted(blocks, 'block')} read in ${seconds.toFixed(1)} s, ${Math.round(rate)}/s\n`,
  );
  const isEqual = problem === null && digest.equal;
  if (total === 0) terminal.out(`${isEqual ? EQUAL : 'no output differs'}\n`);
  else sayDifferences(terminal, shown);
  if (!shown.dryRun && total + open > 0) {
    terminal.out(`${healed} healed, ${open} left open\n`);
  }
  if (!shown.dryRun && ledger.entries + ledger.balances > 0) {
    terminal.out(
      `${counted(ledger.entries, 'correcting entry').replace('entrys', 'entries')} in the ledger, ` +
        `${counted(ledger.balances, 'balance')} set to the sum of its entries\n`,
    );
  }
  if (!shown.dryRun) sayLeft(terminal, shown.left);
  saySealsChanged(terminal, shown.sealsChanged);
  if (problem !== null) terminal.out(`beside the chain: ${printable(problem)}\n`);
  terminal.out(`${digestInWords(digest)}\n`);
}

const digestInWords = ({ equal, stored, derived, tables }: ShownResult['digest']): string => {
  if (equal) return `state digest ${stored} is that of the chain`;
  if (stored !== derived) return `the state digest was ${stored}, of the chain it is ${derived}`;
  return `the tables' state digest was ${tables ?? 'another one'}, of the chain it is ${derived}`;
};

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
