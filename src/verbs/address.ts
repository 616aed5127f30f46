import type { Command } from 'commander';
import { checkAddress } from '../chain/address.js';
import { listAddresses, showAddress } from '../payments/reads.js';
import { type RegistrationOutcome, registerAddresses } from '../payments/registration.js';
import { addSettle } from './address-settle.js';
import { refuseOtherNetwork, withDatabase } from './database.js';
import {
  finish,
  type JsonFlag,
  type PageFlags,
  pageFlags,
  sayNextPage,
  type VerbContext,
  withExample,
} from './flags.js';
import { type ImportFlags, importAddresses } from './import.js';
import { EXIT, type ExitCode, sayFields, sayJson, sayTable, UsageError } from './terminal.js';

export function addAddressVerbs(program: Command, context: VerbContext): void {
  const address = program.command('address').description('addresses to watch for payments');
  withExample(
    address
      .command('add <address>')
      .description('watches an address for a user')
      .requiredOption('--user <id>', 'whose payments these are')
      .option('--ref-type <text>', 'kind of what is paid for, like "order"')
      .option('--ref-id <text>', 'which one')
      .option('--backfill', 'credits what the address holds already')
      .action((text: string, flags: AddFlags) => add(context, text, flags)),
    'teller address add addr_test1vz… --user ann --ref-type order --ref-id 1001',
  );
  withExample(
    address
      .command('import <file>')
      .description('watches the addresses of a CSV file; - reads standard input')
      .option('--backfill', 'credits what the addresses hold already')
      .action((file: string, flags: ImportFlags) => importAddresses(context, file, flags)),
    'teller address import addresses.csv',
    'head -2 addresses.csv',
  ).addHelpText('after', '  address,user_id,reference_type,reference_id\n  addr1q…,ann,order,1001');
  withExample(
    pageFlags(address.command('list').description('watched addresses'))
      .option('--user <id>', 'only those of one user')
      .action((flags: JsonFlag & PageFlags & { user?: string }) => list(context, flags)),
    'teller address list --user ann',
  );
  withExample(
    address
      .command('show <address>')
      .description('one watched address')
      .action((text: string, flags: JsonFlag) => show(context, text, flags)),
    'teller address show addr_test1vz…',
  );
  addSettle(address, context);
}

type AddFlags = JsonFlag & { user: string; refType?: string; refId?: string; backfill?: true };

/** An address that can't be used is wrong usage; one that is somebody else's is a failure. */
const EXIT_CODES: Readonly<Record<RegistrationOutcome, ExitCode>> = {
  created: EXIT.done,
  exists: EXIT.done,
  conflict: EXIT.failed,
  invalid: EXIT.badUsage,
};

async function add(context: VerbContext, text: string, flags: AddFlags): Promise<void> {
  const { terminal } = context;
  const names = ['network', 'partitionId', 'hotWalletAddress'] as const;
  await withDatabase(terminal, names, async ({ pool, settings }) => {
    await refuseOtherNetwork(pool, settings);
    const request = {
      address: text,
      userId: flags.user,
      referenceType: flags.refType,
      referenceId: flags.refId,
      backfill: flags.backfill,
    };
    const [result] = await registerAddresses(pool, [request], { ...settings, actor: 'cli' });
    if (result === undefined) throw new Error('a registration without a result');
    const { address, outcome, detail } = result;
    if (flags.json === true) sayJson(terminal, result);
    else if (detail !== undefined) terminal.err(`${address}: ${detail}\n`);
    else terminal.out(`${address}: ${outcome === 'created' ? 'watched' : 'was watched already'}\n`);
    finish(context, EXIT_CODES[outcome]);
  });
}

async function list(
  { terminal }: VerbContext,
  flags: JsonFlag & PageFlags & { user?: string },
): Promise<void> {
  await withDatabase(terminal, [], async ({ pool }) => {
    const page = await listAddresses(pool, { userId: flags.user }, flags);
    if (flags.json === true) return sayJson(terminal, page);
    if (page.items.length === 0) return terminal.out('no such address is watched\n');
    sayTable(terminal, page.items, [
      ['ADDRESS', (row) => row.address],
      ['USER', (row) => row.userId],
      ['TYPE', (row) => row.referenceType],
      ['REFERENCE', (row) => row.referenceId],
      ['SINCE', (row) => row.createdAt],
    ]);
    sayNextPage(terminal, page.nextCursor);
  });
}

async function show(context: VerbContext, text: string, flags: JsonFlag): Promise<void> {
  const { terminal } = context;
  await withDatabase(terminal, ['network'], async ({ pool, settings }) => {
    const checked = checkAddress(text, settings.network);
    if (!checked.ok) throw new UsageError(`ADDRESS: given ${text}: ${checked.problem}`);
    const found = await showAddress(pool, checked.address.text);
    if (found === null) {
      terminal.err('the address is not watched\n');
      return finish(context, EXIT.failed);
    }
    if (flags.json === true) sayJson(terminal, found);
    else sayFields(terminal, found);
  });
}
