import type { Command } from 'commander';
import { readGuard } from '../guard/guard-queries.js';
import { readPayouts } from '../health/payout-status.js';
import { readProof } from '../health/reconcile-reads.js';
import { type Status, tellStatus } from '../health/status.js';
import { readSyncState } from '../health/sync-state.js';
import { countAll } from '../payments/reads.js';
import { readCoverage } from '../reconcile/schedule/coverage-queries.js';
import { readLeader } from '../sync/leader-session.js';
import { readVersion } from '../version.js';
import { withDatabase } from './database.js';
import { type JsonFlag, type VerbContext, withExample } from './flags.js';
import { counted, sayFields, sayJson, showAda } from './terminal.js';

/** From the database alone: how the leader's connection is, only the instances themselves know. */
export function addStatusVerb(program: Command, { terminal }: VerbContext): void {
  const command = program
    .command('status')
    .description('how far the books are, what is in them, and where payouts stand')
    .action((flags: JsonFlag) =>
      withDatabase(terminal, ['partitionId', 'hotWalletAddress'], async ({ pool, settings }) => {
        const { partitionId, hotWalletAddress } = settings;
        const state = await readSyncState(pool, partitionId);
        const status = tellStatus({
          version: readVersion(),
          network: state?.network ?? null,
          vitals: null,
          state,
          leader: await readLeader(pool, partitionId),
          counts: await countAll(pool),
          payouts: await readPayouts(pool, hotWalletAddress, partitionId),
          payer: null,
          queueDepths: null,
          guard: await readGuard(pool, partitionId),
          proof: await readProof(pool),
          coverage: await readCoverage(pool, partitionId, new Date()),
        });
        if (flags.json === true) sayJson(terminal, status);
        else
          sayFields(terminal, {
            ...booksFields(status),
            ...proofFields(status),
            ...payoutFields(status),
          });
      }),
    );
  withExample(command, 'teller status', 'teller status --json | jq .lag');
}

const booksFields = (status: Status) => ({
  version: status.version,
  network: status.network,
  leader: leaderField(status.leader),
  'leader epoch': status.leaderEpoch,
  'recorded up to': status.cursor?.height ?? null,
  'tip of the chain': status.tip?.height ?? null,
  'blocks behind': status.lag,
  'last change': status.updatedAt,
  'chain held': chainField(status.guard),
  'watched addresses': status.watchedAddresses,
  ...countFields(status.payments, (name) => `${name} payments`),
});

function leaderField(leader: Status['leader']): string {
  if (leader === null) return 'nobody';
  const { verb, pid, host } = leader;
  if (verb === null) return "somebody whose session doesn't say who";
  return `teller ${verb}${pid === null ? '' : `, process ${pid} on ${host ?? '-'}`}`;
}

const chainField = (guard: Status['guard']): string =>
  guard?.held === true
    ? `since ${guard.since}: ${guard.reasons.map((reason) => reason.detail).join('; ')}`
    : 'no';

function proofFields(status: Status) {
  const { lastReconciliation: run, lastBackup: backup, reconciliationCoverage: coverage } = status;
  const open = Object.values(status.discrepancies ?? {}).reduce((sum, count) => sum + count, 0);
  return {
    'last reconciliation':
      run === null
        ? 'never'
        : `${run.finishedAt ?? '-'}, run ${run.id}: ${counted(run.matched, 'output')} agreed`,
    'open discrepancies': open,
    'compared within a day':
      coverage === null
        ? null
        : `${Math.floor(coverage.reconciledRatio * 100)} % of the watched addresses`,
    'last backup':
      backup === null ? 'never' : `${backup.finishedAt}, ${backup.kind}: ${backup.file ?? '-'}`,
  };
}

function payoutFields({ payoutsPaused, payoutsHeld, fenceRequestedAt, ...status }: Status) {
  const wallet = status.hotWallet;
  return {
    ...countFields(status.payouts, (name) => `payouts ${name.replace('_', ' ')}`),
    'payouts paused':
      payoutsPaused === null
        ? 'no'
        : `since ${payoutsPaused.since} by ${payoutsPaused.by ?? '-'}: ${payoutsPaused.reason ?? '-'}`,
    'payouts held':
      payoutsHeld === null ? 'no' : `since ${payoutsHeld.since}: ${payoutsHeld.reason ?? '-'}`,
    ...(fenceRequestedAt === null ? {} : { 'fence asked for': fenceRequestedAt }),
    ...(wallet === null
      ? {}
      : {
          'hot wallet': wallet.address,
          'hot wallet ada': showAda(wallet.lovelace),
          '  spendable': `${showAda(wallet.spendable)} in ${wallet.spendableOutputs} of ${wallet.unspentOutputs} outputs`,
          '  reserved': showAda(wallet.reserved),
          '  quarantined': showAda(wallet.quarantined),
          '  left in 24 hours': showAda(wallet.outflowOfDay),
          '  hours left': wallet.hoursLeft,
        }),
  };
}

const countFields = (
  counts: Readonly<Record<string, number>> | null,
  title: (name: string) => string,
) => Object.fromEntries(Object.entries(counts ?? {}).map(([name, count]) => [title(name), count]));
