import type { Command } from 'commander';
import { readBalances } from '../payments/balance-reads.js';
import { addAcceptSeal } from './balance-accept-seal.js';
import { type VerifyFlags, verifyBalances } from './balance-verify.js';
import { withDatabase } from './database.js';
import { type JsonFlag, type VerbContext, withExample } from './flags.js';
import { printable, sayJson, sayTable, showAmount, showUnit } from './terminal.js';

export function addBalanceVerbs(program: Command, context: VerbContext): void {
  const balance = program
    .command('balance')
    .description("users' balances")
    .addHelpText('after', '\nExample:\n  $ teller balance show ann\n  $ teller balance verify\n');
  withExample(
    balance
      .command('show <user>')
      .description('what a user has, unit by unit')
      .action((userId: string, flags: JsonFlag) => show(context, userId, flags)),
    'teller balance show ann',
  );
  withExample(
    balance
      .command('verify')
      .description(
        'holds balances, ledger, payments, payouts, seals and reserves against each other; ' +
          'exit 3 on any mismatch. Wallets that hold less than users are owed are told of, and are no mismatch: ' +
          'money may be elsewhere. Needs DATABASE_URL alone; a NETWORK that is set must be that of the database',
      )
      .option('--reserves', 'exit 3 also where the wallets hold less of a unit than users are owed')
      .option(
        '--against <file>',
        'a backup, or what this verb printed before: seals must be those of then',
      )
      .action((flags: VerifyFlags) => verifyBalances(context, flags)),
    'teller balance verify',
    'teller balance verify --against /backups/chain-teller-preprod-critical-20260131T030000000Z.zip',
  );
  addAcceptSeal(balance, context);
}

async function show({ terminal }: VerbContext, userId: string, flags: JsonFlag): Promise<void> {
  await withDatabase(terminal, [], async ({ pool }) => {
    const balances = await readBalances(pool, userId);
    if (flags.json === true) return sayJson(terminal, { balances });
    if (balances.length === 0) {
      const user = printable(userId);
      return terminal.out(`${user} has no balance yet\n`);
    }
    sayTable(terminal, balances, [
      ['UNIT', (row) => showUnit(row.unit)],
      ['AVAILABLE', (row) => showAmount(row.unit, row.available)],
      ['HELD', (row) => showAmount(row.unit, row.held)],
      ['PENDING', (row) => showAmount(row.unit, row.pending)],
    ]);
  });
}
