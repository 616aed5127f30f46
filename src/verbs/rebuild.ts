import { type Command, InvalidArgumentError } from 'commander';
import { readSettings } from '../config.js';
import { actorOf } from '../payouts/model/identity.js';
import { cancelJob, latestJobs, readJob } from '../reconcile/jobs/job-queries.js';
import { expectFollowed } from '../reconcile/rebuild/find-start.js';
import { parseRebuildFrom, REBUILD_FROM_FORMS } from '../reconcile/rebuild/rebuild-from.js';
import { expectCursor } from '../reconcile/runs/comparison-point.js';
import { operator } from './caller.js';
import { refuseOtherNetwork, withDatabase } from './database.js';
import { finish, type JsonFlag, type VerbContext, withExample } from './flags.js';
import { refuseOtherWallet } from './hot-wallet.js';
import { untilInterrupted } from './interruption.js';
import { doAsLeader, LEADING_SETTINGS } from './leading-job.js';
import { refuseOlderSchema } from './older-schema.js';
import { refuseUnknownStart } from './rebuild-start.js';
import { startTelling } from './rebuild-telling.js';
import { isClean, readResult, sayResult, showJob } from './rebuild-words.js';
import { EXIT, sayJson, sayTable, UsageError } from './terminal.js';

type Flags = JsonFlag & { readonly from?: string; readonly dryRun?: boolean };

export function addRebuildVerb(program: Command, context: VerbContext): void {
  const rebuild = withExample(
    program
      .command('rebuild')
      .description(
        'derives the chain facts once more beside the books, and applies what differs; the same again while one ' +
          'is queued or under way follows that one, any other is queued behind it',
      )
      .option('--from <point>', `where to begin: ${REBUILD_FROM_FORMS}`, from)
      .option('--dry-run', 'tells what differs and changes nothing; exit 3 where something does')
      .action((flags: Flags) => run(context, flags)),
    'teller rebuild --from 7d --dry-run',
    'teller rebuild --from origin',
    'teller rebuild status',
  );
  withExample(
    rebuild
      .command('status')
      .description('the latest rebuilds, and how far they are')
      .action((_: JsonFlag, command: Command) => status(context, command.optsWithGlobals())),
    'teller rebuild status',
  );
  withExample(
    rebuild
      .command('cancel <id>')
      .description('ends a rebuild of which nothing was applied yet')
      .action((id: string, _: JsonFlag, command: Command) =>
        cancel(context, id, command.optsWithGlobals()),
      ),
    'teller rebuild cancel 12',
  );
}

function from(text: string): string {
  if (parseRebuildFrom(text) !== undefined) return text;
  throw new InvalidArgumentError(`Wanted ${REBUILD_FROM_FORMS}.`);
}

async function run(context: VerbContext, flags: Flags): Promise<void> {
  const { terminal } = context;
  const { from: given } = flags;
  if (given === undefined) throw new UsageError(`--from: wanted ${REBUILD_FROM_FORMS}`);
  const settings = readSettings(terminal.environment, LEADING_SETTINGS);
  const request = {
    kind: 'rebuild' as const,
    params: { from: given, dryRun: flags.dryRun === true },
    requestedBy: actorOf(operator()),
  };
  await withDatabase(terminal, [], async ({ pool }) => {
    await refuseOlderSchema(settings);
    await refuseOtherNetwork(pool, settings);
    // It may have to lead, and then follows the chain with this wallet.
    await refuseOtherWallet(pool, settings);
    // Leading, it would begin to follow the chain itself, and then find books or none, whichever came first.
    await expectCursor(pool, settings.partitionId);
    await expectFollowed(pool, settings.partitionId);
  });
  const telling = startTelling(terminal, () => Date.now());
  const { job, followed } = await untilInterrupted(async (signal) => {
    await refuseUnknownStart(terminal, settings, given, signal);
    return doAsLeader(settings, request, telling, signal);
  }).finally(telling.stop);
  const result = readResult(job);
  if (flags.json === true) sayJson(terminal, { ...showJob(job), followed });
  if (result === null) {
    terminal.err(`teller: rebuild ${job.id} ${job.state}: ${job.problem ?? 'nobody said why'}\n`);
    return finish(context, EXIT.failed);
  }
  if (flags.json !== true) sayResult(terminal, result);
  finish(context, isClean(result) ? EXIT.done : EXIT.discrepancies);
}

const LATEST = 10;

async function status({ terminal }: VerbContext, flags: JsonFlag): Promise<void> {
  await withDatabase(terminal, ['partitionId'], async ({ pool, settings }) => {
    const jobs = await latestJobs(pool, settings.partitionId, 'rebuild', LATEST);
    if (flags.json === true) return sayJson(terminal, { items: jobs.map(showJob) });
    if (jobs.length === 0) return terminal.out('no rebuild was ever asked for\n');
    sayTable(terminal, jobs.map(showJob), [
      ['ID', (job) => job.id],
      ['STATE', (job) => job.state],
      ['FROM', (job) => job.from],
      ['DRY RUN', (job) => (job.dryRun ? 'yes' : 'no')],
      ['DOING', (job) => (job.finishedAt === null ? (job.progress?.doing ?? null) : null)],
      ['BLOCKS', (job) => job.progress?.shown ?? null],
      ['ASKED BY', (job) => job.requestedBy],
      ['SINCE', (job) => job.requestedAt],
      ['PROBLEM', (job) => job.problem],
    ]);
  });
}

async function cancel(context: VerbContext, id: string, flags: JsonFlag): Promise<void> {
  const { terminal } = context;
  if (!/^\d{1,18}$/.test(id)) throw new UsageError(`ID: given ${id}, wanted a number`);
  await withDatabase(terminal, [], async ({ pool }) => {
    const job = await readJob(pool, id);
    const isRebuild = job?.kind === 'rebuild';
    const done = isRebuild && (await cancelJob(pool, id, `cancelled by ${actorOf(operator())}`));
    if (flags.json === true) sayJson(terminal, { id, cancelled: done });
    else if (done) terminal.out(`rebuild ${id} is cancelled; nothing was changed\n`);
    if (done) return;
    const why = isRebuild
      ? `has ended already: ${job.state}`
      : 'is unknown: `teller rebuild status`';
    terminal.err(`teller: rebuild ${id} ${why}\n`);
    finish(context, EXIT.failed);
  });
}
