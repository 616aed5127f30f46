import { Command } from 'commander';
import { addDevnetVerb } from '../devnet/verb.js';
import { readVersion } from '../version.js';
import { addAddressVerbs } from './address.js';
import { addBackupVerb } from './backup.js';
import { addBalanceVerbs } from './balance.js';
import { addDigestVerb } from './digest.js';
import { failureOf } from './failure.js';
import type { VerbContext } from './flags.js';
import { addGuardVerbs } from './guard.js';
import { addMigrateVerb } from './migrate.js';
import { addPaymentVerbs } from './payment.js';
import { addPayoutVerbs } from './payout.js';
import { addRebuildVerb } from './rebuild.js';
import { addReconcileVerbs } from './reconcile.js';
import { addRestoreVerb } from './restore.js';
import { addRunVerb, type Run } from './run.js';
import { addSignerVerb } from './signer.js';
import { addStatusVerb } from './status.js';
import { EXIT, type Terminal } from './terminal.js';
import { addWalletVerbs } from './wallet.js';

/**
 * One invocation of `teller`. @returns its exit code
 *
 * @param words what stands behind `teller`
 */
export async function runTeller(
  words: readonly string[],
  terminal: Terminal,
  run: Run,
): Promise<number> {
  const context: VerbContext = { terminal, outcome: { exitCode: EXIT.done } };
  try {
    await buildProgram(context, run).parseAsync([...words], { from: 'user' });
    return context.outcome.exitCode;
  } catch (error) {
    const { exitCode, message } = failureOf(error);
    if (message !== '') terminal.err(`teller: ${message.trimEnd()}\n`);
    return exitCode;
  }
}

function buildProgram(context: VerbContext, run: Run): Command {
  const { terminal } = context;
  // Verbs inherit what is set before they are added.
  const program = new Command('teller')
    .description('takes and sends money on Cardano, and keeps books that equal the chain')
    .version(readVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
    })
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 bad usage, 3 discrepancies found\n');
  addRunVerb(program, context, run);
  addMigrateVerb(program, context);
  addAddressVerbs(program, context);
  addPaymentVerbs(program, context);
  addPayoutVerbs(program, context);
  addWalletVerbs(program, context);
  addBalanceVerbs(program, context);
  addDigestVerb(program, context);
  addReconcileVerbs(program, context);
  addGuardVerbs(program, context);
  addBackupVerb(program, context);
  addRebuildVerb(program, context);
  addRestoreVerb(program, context);
  addStatusVerb(program, context);
  addSignerVerb(program, context);
  addDevnetVerb(program);
  return program;
}
