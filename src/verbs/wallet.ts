import { type Command, Option } from 'commander';
import { ConfigError } from '../config.js';
import {
  HOLDING_STATES,
  type HoldingState,
  type JudgedHolding,
  tallyHoldings,
} from '../payouts/wallet/wallet.js';
import { readHoldings } from '../payouts/wallet/wallet-holdings.js';
import { withDatabase } from './database.js';
import { type JsonFlag, type VerbContext, wholeNumber, withExample } from './flags.js';
import { sayFields, sayJson, sayTable, showAda } from './terminal.js';

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 100_000;

type ShowFlags = JsonFlag & { readonly limit: number; readonly state?: HoldingState };

export function addWalletVerbs(program: Command, context: VerbContext): void {
  const wallet = program
    .command('wallet')
    .description('the hot wallet: what it holds, and putting its outputs in order');
  withExample(
    wallet
      .command('show', { isDefault: true })
      .description(
        'unspent outputs, the largest first: which are reserved, or quarantined, and why',
      )
      .addOption(new Option('--state <state>', 'only these').choices(HOLDING_STATES))
      .option(
        '--limit <number>',
        `how many to list, at most ${LIMIT_MAX}`,
        wholeNumber(0, LIMIT_MAX),
        LIMIT_DEFAULT,
      )
      .action((flags: ShowFlags) => show(context, flags)),
    'teller wallet',
    'teller wallet show --state quarantined --json',
  );
  addConsolidate(wallet, context);
  addSplit(wallet, context);
}

/** The most that is worth gathering in at once: some twenty transactions. */
const INPUTS_MAX = 1_000;
const INPUTS_DEFAULT = 60;
/** A transaction has room for not many more. */
const PIECES_MAX = 200;
const TIMEOUT_DEFAULT_SECONDS = 600;

export type ActFlags = JsonFlag & {
  readonly dryRun?: boolean;
  readonly wait: boolean;
  readonly timeout: number;
};

const actFlags = (command: Command): Command =>
  command
    .option('--dry-run', 'print the transactions; nothing is signed')
    .option('--no-wait', "don't wait until they are in a block")
    .option(
      '--timeout <seconds>',
      'how long to wait for a block',
      wholeNumber(1, 86_400),
      TIMEOUT_DEFAULT_SECONDS,
    );

function addConsolidate(wallet: Command, context: VerbContext): void {
  type Flags = ActFlags & { readonly maxInputs: number; readonly includeQuarantined?: boolean };
  const command = wallet
    .command('consolidate')
    .description('gathers the smallest outputs into one; no instance may pay meanwhile')
    .option(
      '--max-inputs <number>',
      'how many outputs to gather at most',
      wholeNumber(2, INPUTS_MAX),
      INPUTS_DEFAULT,
    )
    .option('--include-quarantined', 'also those that payouts are never paid from')
    .action(async (flags: Flags) => {
      // Loads the library that builds transactions, which other verbs do without.
      const { tidyWallet } = await import('./wallet-tidy.js');
      const { maxInputs: mostInputs, includeQuarantined: quarantinedToo = false } = flags;
      await tidyWallet(context, flags, { type: 'consolidate', mostInputs, quarantinedToo });
    });
  withExample(
    actFlags(command),
    'teller wallet consolidate --dry-run',
    'teller wallet consolidate --max-inputs 200 --include-quarantined',
  );
}

function addSplit(wallet: Command, context: VerbContext): void {
  type Flags = ActFlags & { readonly outputs: number };
  const command = wallet
    .command('split')
    .description('divides the largest outputs; no instance may pay meanwhile')
    .requiredOption('--outputs <number>', 'how many to make', wholeNumber(2, PIECES_MAX))
    .action(async (flags: Flags) => {
      const { tidyWallet } = await import('./wallet-tidy.js');
      await tidyWallet(context, flags, { type: 'split', pieces: flags.outputs });
    });
  withExample(actFlags(command), 'teller wallet split --outputs 20 --dry-run');
}

async function show({ terminal }: VerbContext, flags: ShowFlags): Promise<void> {
  const names = ['network', 'partitionId', 'hotWalletAddress'] as const;
  await withDatabase(terminal, names, async ({ pool, settings }) => {
    const address = walletAddress(settings.hotWalletAddress);
    const holdings = await readHoldings(pool, address, settings.partitionId);
    const { outputs, spendableOutputs, ...amounts } = tallyHoldings(holdings);
    const chosen = holdings.filter(
      ({ state }) => flags.state === undefined || state === flags.state,
    );
    const listed = chosen.slice(0, flags.limit);
    const more = chosen.length - listed.length;
    if (flags.json === true) {
      const totals = Object.fromEntries(
        Object.entries(amounts).map(([name, lovelace]) => [name, lovelace.toString()]),
      );
      const items = listed.map(showHolding);
      return sayJson(terminal, { address, outputs, spendableOutputs, ...totals, items, more });
    }
    sayFields(terminal, {
      address,
      ada: `${showAda(amounts.lovelace.toString())} in ${outputs} outputs`,
      spendable: `${showAda(amounts.spendable.toString())} in ${spendableOutputs}`,
      reserved: showAda(amounts.reserved.toString()),
      quarantined: showAda(amounts.quarantined.toString()),
    });
    if (listed.length > 0) terminal.out('\n');
    if (listed.length > 0) sayTable(terminal, listed, COLUMNS);
    if (more > 0) terminal.err(`there are ${more} more: --limit, --state\n`);
  });
}

export function walletAddress(address: string | null): string {
  if (address !== null) return address;
  throw new ConfigError(["HOT_WALLET_ADDRESS: is required for this verb, and isn't set"]);
}

const COLUMNS = [
  ['OUTPUT', (row: JudgedHolding) => row.reference],
  ['ADA', (row: JudgedHolding) => showAda(row.lovelace.toString())],
  ['ASSETS', (row: JudgedHolding) => row.assets.size],
  ['BLOCK', (row: JudgedHolding) => row.blockHeight],
  ['STATE', (row: JudgedHolding) => row.state],
  ['WHY', whyOf],
] as const;

function whyOf({ reserved, quarantine }: JudgedHolding): string | null {
  if (reserved === null) return quarantine;
  const by = `${reserved.kind} batch ${reserved.batchId}`;
  return reserved.txHash === null ? by : `${by}, transaction ${reserved.txHash}`;
}

const showHolding = (holding: JudgedHolding) => ({
  output: holding.reference,
  lovelace: holding.lovelace.toString(),
  assets: Object.fromEntries([...holding.assets].map(([unit, amount]) => [unit, String(amount)])),
  blockHeight: holding.blockHeight,
  state: holding.state,
  reservedBy: holding.reserved,
  quarantine: holding.quarantine,
});
