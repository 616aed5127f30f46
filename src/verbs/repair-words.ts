import { z } from 'zod';
import type { Job } from '../reconcile/jobs/job-queries.js';
import type { RunView } from '../reconcile/runs/run-reads.js';
import { counted, printable, type Terminal } from './terminal.js';

const count = z.number().int().nonnegative().default(0);
export const sealsChanged = z
  .object({ count, shown: z.array(z.string()) })
  .default({ count: 0, shown: [] });

/** Earlier versions counted less. */
export const ledgerDone = z
  .object({ entries: count, balances: count, statuses: count, lost: count })
  .default({ entries: 0, balances: 0, statuses: 0, lost: 0 });
type LedgerDone = z.infer<typeof ledgerDone>;

const result = z.object({
  runId: z.string(),
  open: count,
  ledger: ledgerDone,
  digests: count,
  references: count,
  inclusions: count,
  rollbacks: count,
  headers: count,
  beginnings: count,
  left: z.array(z.string()).default([]),
  problem: z.string().nullable().default(null),
  sealsChanged,
});
export type ShownRepair = z.infer<typeof result>;

/** Null where the job ended without a result. */
export function readRepair(job: Job): ShownRepair | null {
  const parsed = result.safeParse(job.result);
  return job.state === 'done' && parsed.success ? parsed.data : null;
}

/** Whether more is left than somebody answers for: discrepancies, ledger, or what no single output explains. */
export function isLeft(repair: ShownRepair, run: RunView): boolean {
  const found = run.missing + run.extra + run.mismatched;
  const explained = Math.max(0, found - run.repaired - run.open);
  const open = Math.max(run.open, repair.open - explained);
  return open > 0 || repair.left.length > 0 || repair.problem !== null;
}

const INCLUDED = 'given the inclusion that the ledger has';
const ENDED = 'rolled back as the ledger says';
const LEFT_SHOWN = 50;

/** What was done to more than the outputs that differed, and what was left as it is. */
export function sayRepair(terminal: Terminal, repair: ShownRepair): void {
  const { left, problem } = repair;
  const done = doneToLedger(repair.ledger);
  terminal.out(`ledger: ${done.length === 0 ? 'nothing to correct' : done.join(', ')}\n`);
  const rows = [
    some(
      repair.references,
      'given the references of its address',
      'given the references of their addresses',
    ),
    some(repair.inclusions, INCLUDED, INCLUDED),
    some(repair.rollbacks, ENDED, ENDED),
  ].flat();
  if (rows.length > 0) terminal.out(`payments: ${rows.join(', ')}\n`);
  if (repair.headers > 0) terminal.out(`headers of blocks: ${repair.headers} read again\n`);
  sayBeginnings(terminal, repair.beginnings);
  const digest = [
    some(repair.digests, 'row set right', 'rows set right'),
    problem === null ? ['that of its tables'] : [],
  ].flat();
  if (digest.length > 0) terminal.out(`state digest: ${digest.join(', ')}\n`);
  sayLeft(terminal, left);
  saySealsChanged(terminal, repair.sealsChanged);
}

export function sayBeginnings(terminal: Terminal, addresses: number): void {
  if (addresses === 0) return;
  const what = `${addresses} ${addresses === 1 ? 'counts' : 'count'} again`;
  terminal.out(`addresses: ${what} from where the audit log says\n`);
}

/** What was corrected in ledger, balances and statuses; empty where nothing was. */
export const doneToLedger = ({ entries, balances, statuses, lost }: LedgerDone): string[] =>
  [
    some(entries, 'correcting entry appended', 'correcting entries appended'),
    some(balances, 'balance set to the sum of its entries', 'balances set to the sums'),
    some(statuses, 'payment status set', 'payment statuses set'),
    some(
      lost,
      'payment without a row put back or settled',
      'payments without a row put back or settled',
    ),
  ].flat();

/** What is healed isn't what was sealed, and goes on being told. */
export function saySealsChanged(
  terminal: Terminal,
  { count: seals, shown }: ShownRepair['sealsChanged'],
): void {
  const [first] = shown;
  if (first === undefined) return;
  const more = seals > shown.length ? ` and ${seals - shown.length} more` : '';
  terminal.out(
    `rows were changed after they were sealed: ${shown.join(', ')}${more}. Whatever was healed, ` +
      '`teller balance verify` ends with 3 until a person accepts each of them:\n' +
      `\`teller balance accept-seal ${first} --reason TEXT\`\n`,
  );
}

/** What was left as it is, and why. */
export function sayLeft(terminal: Terminal, left: readonly string[]): void {
  for (const reason of left.slice(0, LEFT_SHOWN)) terminal.out(`left: ${printable(reason)}\n`);
  const more = left.length - LEFT_SHOWN;
  if (more > 0) terminal.out(`and ${counted(more, 'more reason')}: --json shows all\n`);
  if (left.length > 0) terminal.out('what is left needs a person: `teller balance verify`\n');
}

export const some = (number: number, one: string, many: string): string[] =>
  number === 0 ? [] : [`${number} ${number === 1 ? one : many}`];
