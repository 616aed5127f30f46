import type { Command } from 'commander';
import type { Pool } from 'pg';
import { checkAddress } from '../chain/address.js';
import { readSettings } from '../config.js';
import { actorOf } from '../payouts/model/identity.js';
import { watchedAmong } from '../reconcile/runs/address-queries.js';
import {
  type DiscrepancyView,
  listDiscrepancies,
  type RunView,
  readRun,
} from '../reconcile/runs/run-reads.js';
import type { ChainSettings } from '../run/chain.js';
import { operator } from './caller.js';
import { refuseOtherNetwork, withDatabase } from './database.js';
import { finish, type JsonFlag, type VerbContext, withExample } from './flags.js';
import { refuseOtherWallet } from './hot-wallet.js';
import { untilInterrupted } from './interruption.js';
import {
  doAsLeader,
  type EndedJob,
  LEADING_SETTINGS,
  type LeadingSettings,
} from './leading-job.js';
import { compareNow } from './reconcile-comparison.js';
import { addReconcileReading } from './reconcile-reading.js';
import { startTelling } from './reconcile-telling.js';
import { differingAddresses, sayTotals, totalsOf } from './reconcile-totals.js';
import { sayDiscrepancies, sayVerdict } from './reconcile-words.js';
import { isLeft, readRepair, sayRepair } from './repair-words.js';
import { EXIT, sayJson, type Terminal, UsageError } from './terminal.js';

type Flags = JsonFlag & {
  readonly address?: readonly string[];
  readonly repair?: boolean;
  readonly resume?: boolean;
};

/** What is printed of a run; all of it is in the database. */
const SHOWN_MAX = 200;
const JSON_MAX = 10_000;
const PAGE_ROWS = 500;

export function addReconcileVerbs(program: Command, context: VerbContext): void {
  const command = program
    .command('reconcile')
    .description(
      'compares records with the chain at one and the same block; exit 3 where they differ',
    )
    .option('--address <address...>', 'only these; default: all that is watched')
    .option(
      '--repair',
      'heals what the chain explains, by correcting entries; exit 3 where more is left; the same again while one ' +
        'is queued or under way follows that one',
    )
    .option(
      '--resume',
      'goes on with the comparison that was interrupted within the hour, at its block; where there is none it begins one',
    )
    .action((flags: Flags) => reconcile(context, flags));
  withExample(command, 'teller reconcile', 'teller reconcile --repair', 'teller reconcile show 12');
  addReconcileReading(command, context);
}

async function reconcile(context: VerbContext, flags: Flags): Promise<void> {
  const { terminal } = context;
  if (flags.resume === true && (flags.address !== undefined || flags.repair === true)) {
    const why = 'a repair goes on by itself, and some addresses are compared anew';
    throw new UsageError(`--resume: stands alone: ${why}`);
  }
  const settings = readSettings(terminal.environment, LEADING_SETTINGS);
  const addresses = flags.address?.map((given) => canonical(given, settings)) ?? null;
  await withDatabase(terminal, [], async ({ pool }) => {
    await refuseOtherNetwork(pool, settings);
    // Whoever asks for a repair may have to lead, and then follows the chain with this wallet.
    if (addresses === null || flags.repair === true) await refuseOtherWallet(pool, settings);
    if (addresses !== null) await refuseUnregistered(pool, settings, addresses);
    const ended = flags.repair === true ? await repair(context, settings, addresses) : null;
    const repaired = ended === null ? null : readRepair(ended.job);
    const runId =
      flags.repair === true
        ? (repaired?.runId ?? null)
        : await compareNow(context, pool, settings, { addresses, resume: flags.resume === true });
    if (runId === null) return finish(context, EXIT.failed);
    const run = await readRun(pool, runId);
    if (run === null) throw new Error(`run ${runId} is gone`);
    await sayRun(terminal, flags, pool, run, ended);
    if (repaired !== null && flags.json !== true) sayRepair(terminal, repaired);
    const left = repaired === null ? run.open > 0 || run.problem !== null : isLeft(repaired, run);
    finish(context, left ? EXIT.discrepancies : EXIT.done);
  });
}

function canonical(given: string, { network }: Pick<ChainSettings, 'network'>): string {
  const checked = checkAddress(given, network);
  if (!checked.ok) throw new UsageError(`${wantedAddress(given)}; this one ${checked.problem}`);
  return checked.address.text;
}

/** Before a job is made of it, which could only fail. */
async function refuseUnregistered(
  pool: Pool,
  { partitionId, hotWalletAddress }: ChainSettings,
  addresses: readonly string[],
): Promise<void> {
  const watched = await watchedAmong(pool, partitionId, hotWalletAddress, addresses);
  const unknown = addresses.find((address) => !watched.has(address));
  if (unknown === undefined) return;
  throw new UsageError(`${wantedAddress(unknown)}; \`teller address list\` shows them`);
}

const wantedAddress = (given: string): string =>
  `--address: given ${given}, wanted a registered address`;

/** Done by whoever leads, or by this process where nobody does. @returns null where it failed */
async function repair(
  { terminal }: VerbContext,
  settings: LeadingSettings,
  addresses: readonly string[] | null,
): Promise<EndedJob | null> {
  const request = {
    kind: 'repair' as const,
    params: { addresses },
    requestedBy: actorOf(operator()),
  };
  const telling = startTelling(terminal, Date.now);
  const ended = await untilInterrupted((signal) =>
    doAsLeader(settings, request, telling, signal),
  ).finally(telling.stop);
  const { job } = ended;
  if (job.state === 'done') return ended;
  terminal.err(`teller: the repair ${job.state}: ${job.problem ?? 'nobody said why'}\n`);
  return null;
}

async function sayRun(
  terminal: Terminal,
  flags: JsonFlag,
  pool: Pool,
  run: RunView,
  ended: EndedJob | null,
): Promise<void> {
  const discrepancies = await foundBy(pool, run.id, flags.json === true ? JSON_MAX : SHOWN_MAX);
  if (flags.json === true) {
    const { repaired } = run;
    const byAddress = differingAddresses(run);
    const shown = { run, discrepancies, totals: totalsOf(run), byAddress, repaired };
    if (ended === null) return sayJson(terminal, shown);
    const { job, followed } = ended;
    return sayJson(terminal, { ...shown, repair: job.result, followed });
  }
  const found = run.missing + run.extra + run.mismatched;
  if (discrepancies.length > 0) sayDiscrepancies(terminal, discrepancies);
  if (found > discrepancies.length) {
    terminal.out(`and ${found - discrepancies.length} more: teller reconcile show ${run.id}\n`);
  }
  sayTotals(terminal, run);
  sayVerdict(terminal, run, found);
}

async function foundBy(pool: Pool, runId: string, max: number): Promise<DiscrepancyView[]> {
  const found: DiscrepancyView[] = [];
  let cursor: string | undefined;
  do {
    const limit = Math.min(PAGE_ROWS, max - found.length);
    const page = await listDiscrepancies(pool, { runId }, { limit, cursor });
    found.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && found.length < max);
  return found;
}
