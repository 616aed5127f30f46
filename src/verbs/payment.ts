import { type Command, Option } from 'commander';
import { PAYMENT_STATUSES, type PaymentStatus, type PaymentView } from '../payments/payment.js';
import { listPayments, readPayment } from '../payments/reads.js';
import { withDatabase } from './database.js';
import {
  finish,
  type JsonFlag,
  type PageFlags,
  pageFlags,
  time,
  type VerbContext,
  withExample,
} from './flags.js';
import { sayPage, withAddressFilter } from './listing.js';
import { type Column, EXIT, sayFields, sayJson, showAda, UsageError } from './terminal.js';

export function addPaymentVerbs(program: Command, context: VerbContext): void {
  const payment = program.command('payment').description('incoming payments');
  withExample(
    pageFlags(payment.command('list').description('payments, oldest first'))
      .option('--user <id>', 'only those to one user')
      .option('--address <address>', 'only those to one address')
      .addOption(
        new Option('--status <status>', 'only those with one status').choices(PAYMENT_STATUSES),
      )
      .option('--since <time>', 'only those detected then or later', time)
      .action((flags: ListFlags) => list(context, flags)),
    'teller payment list --user ann --status confirmed --since 2026-01-31',
  );
  withExample(
    payment
      .command('show <tx#index>')
      .description('one payment, by its transaction and output index')
      .action((reference: string, flags: JsonFlag) => show(context, reference, flags)),
    "teller payment show '3b40265111d8bb3c3c608d95b3a0bf83461ace32d79336579a1939b3aad1c0b7#0'",
  );
}

type ListFlags = JsonFlag &
  PageFlags & { user?: string; address?: string; status?: PaymentStatus; since?: Date };

async function list({ terminal }: VerbContext, flags: ListFlags): Promise<void> {
  const { user: userId, address: given, status, since } = flags;
  await withAddressFilter(terminal, { name: '--address', given }, async (pool, address) => {
    const page = await listPayments(pool, { userId, status, since, address }, flags);
    const columns: Column<PaymentView>[] = [
      ['PAYMENT', (row) => `${row.txHash}#${row.outputIndex}`],
      ['USER', (row) => row.userId],
      ['ADA', (row) => showAda(row.amountLovelace)],
      ['ASSETS', (row) => Object.keys(row.assets).length],
      ['STATUS', (row) => row.status],
      ['CONFIRMATIONS', confirmationsOf],
      ['DETECTED', (row) => row.detectedAt],
    ];
    sayPage(terminal, flags, page, { none: 'there are no such payments', columns });
  });
}

const confirmationsOf = (row: PaymentView): string =>
  `${row.confirmations}/${row.requiredConfirmations}`;

async function show(context: VerbContext, reference: string, flags: JsonFlag): Promise<void> {
  const { terminal } = context;
  const [, txHash, index] = /^([0-9a-f]{64})#(\d{1,9})$/.exec(reference.toLowerCase()) ?? [];
  if (txHash === undefined || index === undefined) {
    throw new UsageError(`TX#INDEX: given ${reference}, wanted 64 hex digits, # and a number`);
  }
  await withDatabase(terminal, [], async ({ pool }) => {
    const found = await readPayment(pool, txHash, Number(index));
    if (found === null) {
      terminal.err('there is no such payment\n');
      return finish(context, EXIT.failed);
    }
    if (flags.json === true) sayJson(terminal, found);
    else sayFields(terminal, { ...found, ada: showAda(found.amountLovelace) });
  });
}
