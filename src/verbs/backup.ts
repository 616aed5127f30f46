import { type Command, Option } from 'commander';
import { removeLeftovers } from '../reconcile/backup/backup-by-plan.js';
import { BACKUP_SETS, type BackupSet } from '../reconcile/backup/backup-sets.js';
import { directoryProblem } from '../reconcile/backup/directory-problem.js';
import { type BackupReport, makeBackup, type OnRows } from '../reconcile/backup/make-backup.js';
import { readVersion } from '../version.js';
import { withDatabase } from './database.js';
import { finish, type JsonFlag, type VerbContext, withExample } from './flags.js';
import { Interrupted, untilInterrupted } from './interruption.js';
import { startProgress } from './progress.js';
import { counted, EXIT, sayFields, sayJson, type Terminal, UsageError } from './terminal.js';

type Flags = JsonFlag & { readonly to: string; readonly set: BackupSet };

export function addBackupVerb(program: Command, context: VerbContext): void {
  const command = program
    .command('backup')
    .description('writes what the chain cannot give back into a file, as of one moment')
    .requiredOption('--to <directory>', 'where the file is written; it must be there')
    .addOption(
      new Option(
        '--set <set>',
        'critical: without the payments that the chain gives back; addresses: nothing but these',
      )
        .choices(BACKUP_SETS)
        .default('all'),
    )
    .action((flags: Flags) => backup(context, flags));
  withExample(
    command,
    'teller backup --to /var/backups/teller',
    'teller backup --to /var/backups/teller --set critical --json | jq -r .file',
  );
}

async function backup(context: VerbContext, flags: Flags): Promise<void> {
  const { terminal } = context;
  const problem = await directoryProblem(flags.to);
  if (problem !== null) {
    throw new UsageError(`--to: given ${JSON.stringify(flags.to)}: ${problem}`);
  }
  const report = await withDatabase(terminal, ['network'], ({ pool, settings }) => {
    const deps = {
      pool,
      url: settings.databaseDirectUrl.reveal(),
      network: settings.network.name,
      version: readVersion(),
      now: () => new Date(),
    };
    const progress = showRows(terminal);
    return untilInterrupted((signal) =>
      makeBackup({ ...deps, signal }, flags.set, flags.to, progress.onRows).catch(
        (error: unknown) => {
          if (!signal.aborted) throw error;
          throw new Interrupted(
            `interrupted; no backup was made, and nothing is left in ${flags.to}`,
          );
        },
      ),
    )
      .finally(progress.stop)
      .finally(() => removeLeftovers(flags.to, new Date()).catch(() => undefined));
  });
  const shown = showReport(report);
  if (flags.json === true) sayJson(terminal, shown);
  else say(terminal, shown, report);
  for (const problem of report.problems)
    terminal.err(`teller: the file is whole, but ${problem}\n`);
  finish(context, report.problems.length > 0 ? EXIT.discrepancies : EXIT.done);
}

type Shown = ReturnType<typeof showReport>;

function say(terminal: Terminal, shown: Shown, report: BackupReport): void {
  const { file, bytes, point, digest } = shown;
  sayFields(terminal, {
    file,
    bytes,
    rows: report.manifest.tables.reduce((sum, { rows }) => sum + rows, 0),
    'as of':
      point === null ? 'no block yet' : `${point.slot}.${point.hash}, height ${point.height}`,
    digest,
  });
  const { leftOut } = report.manifest;
  if (leftOut.length > 0) {
    terminal.err(
      `left out, not being teller's: ${counted(leftOut.length, 'table')}, ${leftOut.join()}\n`,
    );
  }
}

/** The planner's idea of how many rows there are comes with the first of them. */
function showRows(terminal: Terminal): { onRows: OnRows; stop: () => void } {
  let progress: ReturnType<typeof startProgress> | undefined;
  let position = 0;
  return {
    onRows: (rows, estimated) => {
      progress ??= startProgress(terminal, 'rows', estimated, Date.now);
      position += rows;
      progress.advance(rows, position);
    },
    stop: () => progress?.stop(),
  };
}

function showReport({ file, bytes, sha256, manifest, problems }: BackupReport) {
  const [first] = manifest.points;
  const { set, createdAt, tables, leftOut } = manifest;
  return {
    file,
    bytes,
    sha256,
    set,
    createdAt,
    point:
      first === undefined || first.hash === null
        ? null
        : { slot: first.slot, hash: first.hash, height: first.height },
    digest: first?.digest ?? null,
    tables: Object.fromEntries(tables.map(({ name, rows }) => [name, rows])),
    leftOut,
    problems,
  };
}
