import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { ConfigError, readSettings, type Secret } from '../config.js';
import { otherIdSecret } from '../payouts/model/id-secret.js';
import { actorOf } from '../payouts/model/identity.js';
import { openArchive } from '../reconcile/backup/read-archive.js';
import { type RestoreReport, restoreBackup } from '../reconcile/backup/restore.js';
import { operator } from './caller.js';
import { withDatabase } from './database.js';
import { finish, type JsonFlag, type VerbContext, withExample } from './flags.js';
import { showRestoring } from './restore-progress.js';
import { counted, EXIT, sayFields, sayJson, type Terminal, UsageError } from './terminal.js';

export function addRestoreVerb(program: Command, context: VerbContext): void {
  const command = program
    .command('restore <file>')
    .description(
      'puts a backup into an empty or a freshly migrated database; payouts hold after it',
    )
    .action((file: string, flags: JsonFlag) => restore(context, file, flags));
  withExample(
    command,
    'DATABASE_URL=postgres://teller@localhost/empty \\\n' +
      '    teller restore chain-teller-preprod-all-20260131T030000000Z.zip',
  );
}

async function restore(context: VerbContext, given: string, flags: JsonFlag): Promise<void> {
  const { terminal } = context;
  const settings = readSettings(terminal.environment, [
    'network',
    'databaseUrl',
    'databaseDirectUrl',
    'payoutIdSecret',
  ]);
  await refuseMissing(given);
  const archive = await openArchive(resolve(given));
  const deps = {
    url: settings.databaseDirectUrl.reveal(),
    network: settings.network.name,
    actor: actorOf(operator()),
    now: () => new Date(),
  };
  const progress = showRestoring(terminal, archive.manifest, Date.now);
  const report = await restoreBackup(deps, archive, progress).finally(() => {
    progress.stop();
    archive.close();
  });
  const differs = report.digests?.some((check) => check.firstDifference !== null) ?? false;
  if (flags.json === true) sayJson(terminal, showReport(report, differs));
  else tell(terminal, report, differs);
  await refuseOtherSecret(terminal, settings.payoutIdSecret);
  const isSound = !differs && report.problems.length === 0;
  finish(context, isSound ? EXIT.done : EXIT.discrepancies);
}

/** Whoever restores may not have it; a worker with the wrong one doesn't start. */
async function refuseOtherSecret(terminal: Terminal, secret: Secret | null): Promise<void> {
  if (secret === null) return;
  const problem = await withDatabase(terminal, [], ({ pool }) => otherIdSecret(pool, secret));
  if (problem !== null) throw new ConfigError([`${problem}. The backup is restored all the same`]);
}

async function refuseMissing(file: string): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found?.isFile() === true) return;
  throw new UsageError(
    `FILE: given ${file}, wanted a backup; there is ${found === null ? 'nothing' : 'no file'} there`,
  );
}

function tell(terminal: Terminal, report: RestoreReport, differs: boolean): void {
  const { manifest, rows } = report;
  const [point] = manifest.points;
  sayFields(terminal, {
    restored: `${counted(rows, 'row')} of ${counted(manifest.tables.length, 'table')}`,
    set: manifest.set,
    'made at': manifest.createdAt,
    'as of':
      point?.hash == null ? 'no block yet' : `${point.slot}.${point.hash}, height ${point.height}`,
    digest: `${point?.digest ?? '-'}${digestNote(report, differs)}`,
  });
  tellNext(terminal, report);
  if (differs) {
    terminal.err(
      'teller: payments and wallet were not what their digest says when the backup was made: run ' +
        '`teller rebuild --from origin` once the worker runs\n',
    );
  }
  for (const problem of report.problems) {
    terminal.err(`teller: so it was already when the backup was made: ${problem}\n`);
  }
}

function tellNext(terminal: Terminal, { jobs, paused, pausedBefore }: RestoreReport): void {
  if (paused) {
    terminal.out(
      '\nPayouts are paused: addresses alone do not tell what was paid before, and a payout that is asked ' +
        'for again\nwould be paid again. Start `teller run` with START_POINT before the first payout ' +
        '(`origin` is): what was paid\nis then learned from the chain. Once it is at the tip, `teller payout resume`.\n',
    );
    return;
  }
  terminal.out(
    '\nPayouts are held. Start `teller run`: it follows the chain from there to the tip.\n',
  );
  if (jobs.length > 0) {
    terminal.out(
      'A rebuild is queued: whoever leads fills in from the chain what was left out. Until it has ended ' +
        'the\nbooks can neither be verified nor compared with the chain.\n',
    );
  }
  if (pausedBefore !== null) {
    const { by, at, reason } = pausedBefore;
    terminal.out(
      `They were also paused when the backup was made (by ${by ?? 'somebody'}, ${at.toISOString()}: ${reason ?? 'no reason given'}), and ` +
        'stay so:\nnothing is paid and no fence goes out until `teller payout resume`. After that\n',
    );
  }
  terminal.out(
    '`teller payout fence` makes payouts go on soon; else they do once what was signed expired.\n',
  );
}

const digestNote = ({ digests }: RestoreReport, differs: boolean): string => {
  if (digests === null) return '';
  return differs ? ', and the rows differ from it' : ', and the rows are those';
};

const showReport = (
  { file, manifest, rows, digests, problems, jobs, paused, pausedBefore }: RestoreReport,
  differs: boolean,
) => ({
  file,
  set: manifest.set,
  createdAt: manifest.createdAt,
  points: manifest.points,
  rows,
  tables: Object.fromEntries(manifest.tables.map((table) => [table.name, table.rows])),
  digest: digests === null ? 'not_compared' : differs ? 'differs' : 'equal',
  problems,
  jobs,
  paused,
  pausedBefore,
});
