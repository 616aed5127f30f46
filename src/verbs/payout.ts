import { type Command, Option } from 'commander';
import { approvePayout } from '../payouts/accepting/approval.js';
import { cancelPayout } from '../payouts/accepting/cancel.js';
import { pausePayouts, resumePayouts } from '../payouts/accepting/pause.js';
import { listPayouts, readPayout } from '../payouts/accepting/reads.js';
import type { PayoutControl } from '../payouts/model/control-queries.js';
import { actorOf } from '../payouts/model/identity.js';
import {
  PAYOUT_STATUSES,
  type Payout,
  type PayoutStatus,
  type PayoutView,
  showPayout,
} from '../payouts/model/payout.js';
import { keyCaller, operator } from './caller.js';
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
import { addPayoutAcceptSecret } from './payout-accept-secret.js';
import { addPayoutCreate } from './payout-create.js';
import { addPayoutFence } from './payout-fence.js';
import {
  type Column,
  EXIT,
  printable,
  sayFields,
  sayJson,
  showAda,
  UsageError,
} from './terminal.js';

export function addPayoutVerbs(program: Command, context: VerbContext): void {
  const payout = program.command('payout').description('outbound payments');
  addPayoutCreate(payout, context);
  addReading(payout, context);
  withExample(
    payout
      .command('approve <id>')
      .description(
        'approves a payout as the API key in TELLER_API_KEY (scope approve), never its creator',
      )
      .action((id: string, flags: JsonFlag) => approve(context, readId(id), flags)),
    'TELLER_API_KEY=… teller payout approve 4f0c2d5e8a7b91633c5d2e1f00aa77bc',
  );
  withExample(
    payout
      .command('cancel <id>')
      .description('ends a payout that surely was never submitted')
      .action((id: string, flags: JsonFlag) => cancel(context, readId(id), flags)),
    'teller payout cancel 4f0c2d5e8a7b91633c5d2e1f00aa77bc',
  );
  withExample(
    payout
      .command('pause')
      .description('stops every submission at once, until it is resumed')
      .option('--reason <text>', 'for those who find them paused')
      .action((flags: JsonFlag & { reason?: string }) => pause(context, flags)),
    'teller payout pause --reason "the provider answers nonsense"',
  );
  withExample(
    payout
      .command('resume')
      .description('ends a pause')
      .action((flags: JsonFlag) => resume(context, flags)),
    'teller payout resume',
  );
  addPayoutFence(payout, context);
  addPayoutAcceptSecret(payout, context);
}

function addReading(payout: Command, context: VerbContext): void {
  withExample(
    pageFlags(payout.command('list').description('payouts, oldest first'))
      .option('--user <id>', 'only those of one user')
      .option('--to <address>', 'only those to one address')
      .addOption(
        new Option('--status <status>', 'only those with one status').choices(PAYOUT_STATUSES),
      )
      .option('--since <time>', 'only those created then or later', time)
      .action((flags: ListFlags) => list(context, flags)),
    'teller payout list --status awaiting_approval',
  );
  withExample(
    payout
      .command('show <id>')
      .description('one payout')
      .action((id: string, flags: JsonFlag) => show(context, readId(id), flags)),
    'teller payout show 4f0c2d5e8a7b91633c5d2e1f00aa77bc',
  );
}

function readId(text: string): string {
  const id = text.toLowerCase();
  if (/^[0-9a-f]{32}$/.test(id)) return id;
  throw new UsageError(`ID: given ${printable(text)}, wanted 32 hex digits`);
}

type ListFlags = JsonFlag &
  PageFlags & { user?: string; to?: string; status?: PayoutStatus; since?: Date };

async function list({ terminal }: VerbContext, flags: ListFlags): Promise<void> {
  const { user: userId, to: given, status, since } = flags;
  await withAddressFilter(terminal, { name: '--to', given }, async (pool, destinationAddress) => {
    const page = await listPayouts(pool, { userId, status, since, destinationAddress }, flags);
    const columns: Column<PayoutView>[] = [
      ['PAYOUT', (row) => row.id],
      ['USER', (row) => row.userId],
      ['ADA', (row) => showAda(row.amountLovelace)],
      ['ASSETS', (row) => Object.keys(row.assets).length],
      ['STATUS', (row) => row.status],
      ['TO', (row) => row.destinationAddress],
      ['CREATED', (row) => row.createdAt],
    ];
    sayPage(terminal, flags, page, { none: 'there are no such payouts', columns });
  });
}

async function show(context: VerbContext, id: string, flags: JsonFlag): Promise<void> {
  const { terminal } = context;
  await withDatabase(terminal, [], async ({ pool }) => {
    const found = await readPayout(pool, id);
    if (found === null) return refuse(context, 'there is no such payout');
    say(context, flags, found);
  });
}

async function approve(context: VerbContext, id: string, flags: JsonFlag): Promise<void> {
  const { terminal } = context;
  await withDatabase(terminal, ['apiKeys'], async ({ pool, settings }) => {
    const caller = keyCaller(terminal, settings.apiKeys, 'approve');
    if (caller === null) {
      return refuse(context, 'a second person approves with an API key: set TELLER_API_KEY');
    }
    const outcome = await approvePayout(pool, id, caller);
    switch (outcome.type) {
      case 'approved':
        return tell(context, flags, outcome.payout, 'approved');
      case 'not_found':
        return refuse(context, 'there is no such payout');
      case 'own':
        return refuse(context, `the key ${caller.name} made this payout: another must approve it`);
      case 'not_awaiting':
        return refuse(context, `the payout is ${outcome.status} and awaits no approval`);
    }
  });
}

async function cancel(context: VerbContext, id: string, flags: JsonFlag): Promise<void> {
  await withDatabase(context.terminal, [], async ({ pool }) => {
    const outcome = await cancelPayout(pool, id, operator());
    if (outcome.type === 'cancelled') return tell(context, flags, outcome.payout, 'cancelled');
    const detail = outcome.type === 'not_found' ? 'there is no such payout' : outcome.detail;
    refuse(context, detail);
  });
}

async function pause(context: VerbContext, flags: JsonFlag & { reason?: string }): Promise<void> {
  const { terminal } = context;
  await withDatabase(terminal, [], async ({ pool }) => {
    const reason = flags.reason ?? null;
    const { changed, control } = await pausePayouts(pool, actorOf(operator()), reason);
    if (flags.json === true) return sayJson(terminal, showControl(control));
    const by = printable(control.pausedBy ?? '-');
    const since = control.pausedAt?.toISOString() ?? '';
    terminal.out(
      changed
        ? 'payouts are paused; what was submitted before may still come into a block\n'
        : `payouts were paused already, by ${by} since ${since}\n`,
    );
  });
}

async function resume(context: VerbContext, flags: JsonFlag): Promise<void> {
  const { terminal } = context;
  await withDatabase(terminal, [], async ({ pool }) => {
    const { changed, control } = await resumePayouts(pool, actorOf(operator()));
    if (flags.json === true) return sayJson(terminal, showControl(control));
    terminal.out(changed ? 'payouts go on\n' : 'payouts were not paused\n');
    if (control.heldAt === null) return;
    terminal.out(`they are held all the same: ${printable(control.holdReason ?? '')}\n`);
  });
}

const showControl = (control: PayoutControl) => ({
  pausedAt: control.pausedAt?.toISOString() ?? null,
  pausedBy: control.pausedBy,
  pauseReason: control.pauseReason,
  heldAt: control.heldAt?.toISOString() ?? null,
  holdReason: control.holdReason,
});

function tell(context: VerbContext, flags: JsonFlag, payout: Payout, what: string): void {
  if (flags.json === true) sayJson(context.terminal, showPayout(payout));
  else context.terminal.out(`${payout.id}: ${what}\n`);
}

function say({ terminal }: VerbContext, flags: JsonFlag, view: PayoutView): void {
  if (flags.json === true) sayJson(terminal, view);
  else sayFields(terminal, { ...view, ada: showAda(view.amountLovelace) });
}

function refuse(context: VerbContext, why: string): void {
  context.terminal.err(`teller: ${why}\n`);
  finish(context, EXIT.failed);
}
