import { type Command, InvalidArgumentError } from 'commander';
import { type Config, readConfig } from '../config.js';
import { createLogger, type Logger } from '../health/logging.js';
import { type JsonFlag, type VerbContext, withExample } from './flags.js';
import type { ExitCode } from './terminal.js';

/** The daemon; resolves with its exit code once it has stopped. */
export type Run = (
  config: Config,
  options: { readonly roles: readonly string[]; readonly log: Logger },
) => Promise<number>;

/** Those of the contract that this version can take. */
const ROLES = ['sync', 'api', 'payouts', 'scheduler'] as const;
const LATER_ROLES = ['webhooks'] as const;

export function addRunVerb(program: Command, context: VerbContext, run: Run): void {
  const command = program
    .command('run')
    .description('the daemon: follows the chain and keeps the books; settings come from variables')
    .option(
      '--roles <list>',
      `comma separated: ${ROLES.join(', ')}; default: all that are configured, payouts by SIGNER`,
      parseRoles,
    )
    .action(async (flags: JsonFlag & { roles?: readonly string[] }) => {
      const config = readConfig(context.terminal.environment);
      const log = createLogger(config.logLevel, flags.json === true ? 'stderr' : 'stdout');
      const exitCode = await run(config, { roles: flags.roles ?? configuredRoles(config), log });
      context.outcome.exitCode = exitCode as ExitCode;
    });
  withExample(
    command,
    'NETWORK=preprod DATABASE_URL=postgres://teller@localhost/teller \\\n' +
      '    OGMIOS_URL=ws://localhost:1337 teller run',
  );
}

/** Keys are only read where this instance is to pay. */
const configuredRoles = (config: Config): readonly string[] =>
  ROLES.filter((role) => role !== 'payouts' || config.signer !== null);

function parseRoles(text: string): readonly string[] {
  const roles = text.split(',').map((role) => role.trim());
  for (const role of roles) {
    if ((LATER_ROLES as readonly string[]).includes(role)) {
      throw new InvalidArgumentError(`The role ${role} comes with a later version.`);
    }
    if (!(ROLES as readonly string[]).includes(role)) {
      throw new InvalidArgumentError(`Wanted some of ${ROLES.join(', ')}.`);
    }
  }
  return [...new Set(roles)];
}
