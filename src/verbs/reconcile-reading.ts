import { type Command, Option } from 'commander';
import { actorOf } from '../payouts/model/identity.js';
import { explainDiscrepancy } from '../reconcile/runs/explain.js';
import type { RunScope } from '../reconcile/runs/run-queries.js';
import {
  DISCREPANCY_STATES,
  type DiscrepancyView,
  listDiscrepancies,
  listRuns,
  type RunView,
  readRun,
} from '../reconcile/runs/run-reads.js';
import { operator } from './caller.js';
import { withDatabase } from './database.js';
import {
  finish,
  type JsonFlag,
  type PageFlags,
  pageFlags,
  sayNextPage,
  type VerbContext,
  withExample,
} from './flags.js';
import { sayPage } from './listing.js';
import { differingAddresses, sayTotals, totalsOf } from './reconcile-totals.js';
import { sayDiscrepancies } from './reconcile-words.js';
import { type Column, EXIT, sayFields, sayJson, UsageError } from './terminal.js';

const SCOPES: readonly RunScope[] = ['full', 'addresses', 'continuous'];

type ListFlags = JsonFlag & PageFlags & { readonly scope?: RunScope };
type ShowFlags = JsonFlag & PageFlags & { readonly state?: DiscrepancyView['state'] };
type ExplainFlags = JsonFlag & { readonly reason: string };

/** `--json` stands before or behind the word, and means the same. */
export function addReconcileReading(reconcile: Command, context: VerbContext): void {
  withExample(
    pageFlags(reconcile.command('list').description('runs, newest first'))
      .addOption(new Option('--scope <scope>', 'only those of one kind').choices(SCOPES))
      .action((_: ListFlags, command: Command) => list(context, command.optsWithGlobals())),
    'teller reconcile list --scope full',
  );
  withExample(
    pageFlags(reconcile.command('show <run>').description('a run, and what it found'))
      .addOption(
        new Option('--state <state>', 'only what is in one state').choices(DISCREPANCY_STATES),
      )
      .action((run: string, _: ShowFlags, command: Command) =>
        show(context, run, command.optsWithGlobals()),
      ),
    'teller reconcile show 12 --state open',
  );
  withExample(
    reconcile
      .command('explain <discrepancy>')
      .description(
        'closes an open difference that you answer for, also in runs to come for as long as neither side ' +
          'of it changes; it is written down with your name, whatever TELLER_API_KEY says',
      )
      .requiredOption('--reason <text>', 'why it is right as it is')
      .action((id: string, _: ExplainFlags, command: Command) =>
        explain(context, id, command.optsWithGlobals()),
      ),
    'teller reconcile explain 34 --reason "swept by hand on 2026-05-02, ticket 77"',
  );
}

async function list({ terminal }: VerbContext, flags: ListFlags): Promise<void> {
  await withDatabase(terminal, [], async ({ pool }) => {
    const page = await listRuns(pool, flags.scope, flags);
    const columns: Column<RunView>[] = [
      ['RUN', (row) => row.id],
      ['SCOPE', (row) => row.scope],
      ['STATE', (row) => row.state],
      ['BLOCK', (row) => row.blockHeight],
      ['MATCHED', (row) => row.matched],
      ['MISSING', (row) => row.missing],
      ['EXTRA', (row) => row.extra],
      ['MISMATCHED', (row) => row.mismatched],
      ['REPAIRED', (row) => row.repaired],
      ['OPEN', (row) => row.open],
      ['ASKED BY', (row) => row.requestedBy],
      ['STARTED', (row) => row.startedAt],
      ['PROBLEM', (row) => row.problem],
    ];
    sayPage(terminal, flags, page, { none: 'nothing was ever compared', columns });
  });
}

async function show(context: VerbContext, given: string, flags: ShowFlags): Promise<void> {
  const { terminal } = context;
  const runId = readNumber('RUN', given);
  await withDatabase(terminal, [], async ({ pool }) => {
    const run = await readRun(pool, runId);
    if (run === null) return refuse(context, 'there is no such run: `teller reconcile list`');
    const page = await listDiscrepancies(pool, { runId, state: flags.state }, flags);
    if (flags.json === true) {
      const { items: discrepancies, nextCursor } = page;
      const { repaired } = run;
      const totals = totalsOf(run);
      const byAddress = differingAddresses(run);
      return sayJson(terminal, { run, discrepancies, nextCursor, totals, byAddress, repaired });
    }
    const fields = Object.entries(run).filter(([name]) => name !== 'totals');
    sayFields(terminal, Object.fromEntries(fields));
    sayTotals(terminal, run);
    if (page.items.length > 0) sayDiscrepancies(terminal, page.items);
    sayNextPage(terminal, page.nextCursor);
  });
}

async function explain(context: VerbContext, given: string, flags: ExplainFlags): Promise<void> {
  const { terminal } = context;
  const id = readNumber('DISCREPANCY', given);
  const reason = flags.reason.trim();
  if (reason === '') throw new UsageError('--reason: is empty; wanted why it is right as it is');
  await withDatabase(terminal, [], async ({ pool }) => {
    const by = actorOf(operator());
    const outcome = await explainDiscrepancy(pool, id, by, reason, new Date());
    if (outcome.type === 'not_found') return refuse(context, 'there is no such discrepancy');
    const { discrepancy } = outcome;
    if (outcome.type === 'not_open') {
      const { state } = discrepancy;
      const why = state === 'open' ? 'its run is not over yet' : `it is ${state} already`;
      return refuse(context, `discrepancy ${id} can't be closed: ${why}`);
    }
    if (flags.json === true) sayJson(terminal, discrepancy);
    else terminal.out(`discrepancy ${id} is explained, by ${discrepancy.closedBy ?? '-'}\n`);
  });
}

function readNumber(name: string, text: string): string {
  if (/^\d{1,18}$/.test(text)) return text;
  throw new UsageError(
    `${name}: given ${text}, wanted a number as \`teller reconcile list\` shows`,
  );
}

function refuse(context: VerbContext, why: string): void {
  context.terminal.err(`teller: ${why}\n`);
  finish(context, EXIT.failed);
}
