import type { Command } from 'commander';
import { checkAddress } from '../chain/address.js';
import { textProblem } from '../payments/registration-request.js';
import { actorOf } from '../payouts/model/identity.js';
import { type Settled, settleOwner } from '../reconcile/compare/settle-owner.js';
import { operator } from './caller.js';
import { refuseOtherNetwork, withDatabase } from './database.js';
import { finish, type JsonFlag, type VerbContext, withExample } from './flags.js';
import { EXIT, printable, sayJson, UsageError } from './terminal.js';

type Flags = JsonFlag & { readonly user: string; readonly reason: string };

export function addSettle(address: Command, context: VerbContext): void {
  withExample(
    address
      .command('settle <address>')
      .description(
        'says whose an address is that `reconcile` names because it belongs to another user than it was ' +
          'registered for, or because nobody registered it; it is written down with your name',
      )
      .requiredOption('--user <id>', 'whose it is')
      .requiredOption('--reason <text>', 'how you know')
      .action((text: string, flags: Flags) => settle(context, text, flags)),
    'teller address settle addr_test1vz… --user ann --reason "her order 1001, ticket 77"',
  );
}

async function settle(context: VerbContext, text: string, flags: Flags): Promise<void> {
  const { terminal } = context;
  const { user: userId } = flags;
  const reason = flags.reason.trim();
  if (reason === '') throw new UsageError('--reason: is empty; wanted how you know whose it is');
  const problem = textProblem('it', userId);
  if (problem !== undefined) throw new UsageError(`--user: ${problem}`);
  const names = ['network', 'partitionId', 'hotWalletAddress'] as const;
  await withDatabase(terminal, names, async ({ pool, settings }) => {
    await refuseOtherNetwork(pool, settings);
    const checked = checkAddress(text, settings.network);
    if (!checked.ok) throw new UsageError(`ADDRESS: given ${text}: ${checked.problem}`);
    const address = checked.address.text;
    if (address === settings.hotWalletAddress) {
      throw new UsageError(`ADDRESS: given ${address}: is the hot wallet, which is nobody's`);
    }
    const actor = actorOf(operator());
    const settlement = { address, userId, actor, reason };
    const outcome = await settleOwner(pool, settings.partitionId, settlement);
    if (outcome.type !== 'settled') {
      terminal.err(`teller: ${address} ${whyNot(outcome)}\n`);
      return finish(context, EXIT.failed);
    }
    const { userId: owner, registeredFor } = outcome.before;
    const before = { userId: owner, registeredFor };
    if (flags.json === true) {
      return sayJson(terminal, { settled: true, address, userId, before, by: actor, reason });
    }
    const was = `in the books ${printable(owner ?? 'nobody')}, registered for ${printable(registeredFor ?? 'nobody')}`;
    terminal.out(
      `${address} is of user ${printable(userId)} from now on, by ${actor} (${was})\n` +
        'next: `teller reconcile --repair` brings what it was paid to that user\n',
    );
  });
}

function whyNot(outcome: Exclude<Settled, { readonly type: 'settled' }>): string {
  switch (outcome.type) {
    case 'undisputed':
      return `is not disputed: it belongs to ${printable(outcome.userId)}, as it was registered`;
    case 'not_in_books':
      return (
        `is not in the books, and was registered for ${printable(outcome.before.registeredFor ?? 'nobody')}: ` +
        '`teller address add` registers it again'
      );
    case 'not_found':
      return 'is not watched, and nobody ever registered it: `teller address add` does';
  }
}
