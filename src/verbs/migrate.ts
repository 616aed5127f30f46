import type { Command } from 'commander';
import { readSettings } from '../config.js';
import { migrate, pendingMigrations } from '../database/migrate.js';
import { finish, type JsonFlag, type VerbContext, withExample } from './flags.js';
import { EXIT, sayJson } from './terminal.js';

export function addMigrateVerb(program: Command, context: VerbContext): void {
  const command = program
    .command('migrate')
    .description('brings the database schema up to date')
    .option('--check', 'change nothing; exit 3 when migrations are pending')
    .action(async (flags: JsonFlag & { check?: boolean }) => {
      const { databaseDirectUrl } = readSettings(context.terminal.environment, [
        'databaseUrl',
        'databaseDirectUrl',
      ]);
      const url = databaseDirectUrl.reveal();
      if (flags.check === true) await check(context, flags, url);
      else await apply(context, flags, url);
    });
  withExample(command, 'DATABASE_URL=postgres://teller@localhost/teller teller migrate');
}

async function check({ terminal, outcome }: VerbContext, flags: JsonFlag, url: string) {
  const pending = await pendingMigrations(url);
  if (flags.json === true) sayJson(terminal, { pending });
  else if (pending.length === 0) terminal.out('the schema is up to date\n');
  else for (const name of pending) terminal.out(`pending: ${name}\n`);
  finish({ terminal, outcome }, pending.length === 0 ? EXIT.done : EXIT.discrepancies);
}

async function apply({ terminal }: VerbContext, flags: JsonFlag, url: string) {
  const applied = await migrate(url);
  if (flags.json === true) sayJson(terminal, { applied });
  else if (applied.length === 0) terminal.out('the schema is up to date\n');
  else for (const name of applied) terminal.out(`applied: ${name}\n`);
}
