import type { Command } from 'commander';
import { ConfigError } from '../config.js';
import { acceptIdSecret, fingerprintOf } from '../payouts/model/id-secret.js';
import { actorOf } from '../payouts/model/identity.js';
import { operator } from './caller.js';
import { withDatabase } from './database.js';
import { type JsonFlag, type VerbContext, withExample } from './flags.js';
import { sayJson, UsageError } from './terminal.js';

type Flags = JsonFlag & { readonly reason: string };

export function addPayoutAcceptSecret(payout: Command, context: VerbContext): void {
  withExample(
    payout
      .command('accept-secret')
      .description(
        'answers for another PAYOUT_ID_SECRET, where the one before is lost: the one that is set makes the ids ' +
          'from then on, which is written down with your name; a payout that the database forgot is no longer recognised',
      )
      .requiredOption(
        '--reason <text>',
        'why nothing that was paid and forgotten can be asked for again',
      )
      .action((flags: Flags) => accept(context, flags)),
    'teller payout accept-secret --reason "lost with the host; nothing was restored, ticket 88"',
  );
}

async function accept({ terminal }: VerbContext, flags: Flags): Promise<void> {
  const reason = flags.reason.trim();
  if (reason === '') throw new UsageError('--reason: is empty; wanted why that is safe');
  await withDatabase(terminal, ['payoutIdSecret'], async ({ pool, settings }) => {
    const { payoutIdSecret: secret } = settings;
    if (secret === null) throw new ConfigError(["PAYOUT_ID_SECRET: is required and isn't set"]);
    const accepted = await acceptIdSecret(pool, secret, actorOf(operator()), reason);
    const fingerprint = fingerprintOf(secret);
    if (flags.json === true) return sayJson(terminal, { accepted, fingerprint });
    terminal.out(
      accepted
        ? `${fingerprint}: the secret with this fingerprint makes the ids of payouts from now on; set it on all instances and restart them\n`
        : `${fingerprint}: the secret with this fingerprint makes the ids of payouts already\n`,
    );
  });
}
