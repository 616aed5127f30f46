import type { Command } from 'commander';
import { readBalances, verifyBalances } from '../payments/balance-reads.js';
import { withDatabase } from './database.js';
import { finish, type JsonFlag, type VerbContext, withExample } from './flags.js';
import { counted, EXIT, printable, sayJson, sayTable, showAda } from './terminal.js';

export function addBalanceVerbs(program: Command, context: VerbContext): void {
  const balance = program.command('balance').description("users' balances");
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
      .description('recomputes every balance from its ledger entries; exit 3 on any mismatch')
      .action((flags: JsonFlag) => verify(context, flags)),
    'teller balance verify',
  );
}

async function show({ terminal }: VerbContext, userId: string, flags: JsonFlag): Promise<void> {
  await withDatabase(terminal, [], async ({ pool }) => {
    const balances = await readBalances(pool, userId);
    if (flags.json === true) return sayJson(terminal, { balances });
    if (balances.length === 0) {
      const user = printable(userId);
      return terminal.out(`${user} has no balance yet\n`);
    }
    const amount = (unit: string, text: string) => (unit === 'lovelace' ? showAda(text) : text);
    sayTable(terminal, balances, [
      ['UNIT', (row) => (row.unit === 'lovelace' ? 'ada' : row.unit)],
      ['AVAILABLE', (row) => amount(row.unit, row.available)],
      ['HELD', (row) => amount(row.unit, row.held)],
      ['PENDING', (row) => amount(row.unit, row.pending)],
    ]);
  });
}

async function verify(context: VerbContext, flags: JsonFlag): Promise<void> {
  const { terminal } = context;
  await withDatabase(terminal, [], async ({ pool }) => {
    const result = await verifyBalances(pool);
    const { balances, entries, mismatchCount, mismatches } = result;
    if (flags.json === true) sayJson(terminal, result);
    else if (mismatchCount === 0) {
      const equal = balances === 1 ? 'equals the sum of its' : 'equal the sums of their';
      const ofEntries = entries === 1 ? '1 ledger entry' : `${entries} ledger entries`;
      terminal.out(`${counted(balances, 'balance')} ${equal} ${ofEntries}\n`);
    } else {
      sayTable(terminal, mismatches, [
        ['USER', (row) => row.userId],
        ['UNIT', (row) => row.unit],
        ['RECORDED', (row) => bucketsOf(row.recorded)],
        ['LEDGER SAYS', (row) => bucketsOf(row.computed)],
      ]);
      const differ = mismatchCount === 1 ? 'differs from its' : 'differ from their';
      terminal.out(`${mismatchCount} of ${counted(balances, 'balance')} ${differ} ledger\n`);
    }
    finish(context, mismatchCount === 0 ? EXIT.done : EXIT.discrepancies);
  });
}

type Buckets = { readonly available: string; readonly held: string; readonly pending: string };
const bucketsOf = ({ available, held, pending }: Buckets): string =>
  `available ${available}, held ${held}, pending ${pending}`;
