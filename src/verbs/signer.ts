import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { checkAddress } from '../chain/address.js';
import type { Network } from '../chain/network.js';
import { ConfigError, readSettings } from '../config.js';
import { createLogger } from '../health/logging.js';
import type { RunningSigner } from '../signer/start.js';
import { type VerbContext, wholeNumber, withExample } from './flags.js';
import { sayJson, type Terminal, UsageError } from './terminal.js';

type Flags = {
  readonly key: string;
  readonly cert: string;
  readonly keyFile: string;
  readonly ca: string;
  readonly host: string;
  readonly port: number;
  readonly journal?: string;
  readonly maxPerTransactionAda?: bigint;
  readonly maxPerDayAda?: bigint;
  readonly maxFeeAda: bigint;
  readonly destinations?: string;
  readonly allowTokens?: boolean;
  readonly json?: boolean;
};

/** Twice the fee of the largest transaction there can be. */
const FEE_LOVELACE_MAX = 2_000_000n;

export function addSignerVerb(program: Command, { terminal }: VerbContext): void {
  const command = program
    .command('signer')
    .description(
      'keeps the key elsewhere: signs what a worker with SIGNER=https://… sends, in limits',
    )
    .requiredOption('--key <file>', 'key of the hot wallet: cardano-cli, bech32 or mnemonic')
    .requiredOption('--cert <file>', "this server's certificate, PEM")
    .requiredOption('--key-file <file>', "the certificate's private key, PEM")
    .requiredOption('--ca <file>', "authority of the workers' certificates, PEM; no others get in")
    .option('--host <address>', 'address to listen at', '127.0.0.1')
    .option(
      '--port <number>',
      'port to listen at; 0 takes a free one',
      wholeNumber(0, 65_535),
      8443,
    )
    .option('--max-per-transaction-ada <ada>', 'most that may leave in one, fee included', ada)
    .option('--max-per-day-ada <ada>', 'most that may leave in any 24 hours; needs --journal', ada)
    .addOption(
      new Option('--max-fee-ada <ada>', 'most that a fee may be')
        .argParser(ada)
        .default(FEE_LOVELACE_MAX, '2'),
    )
    .option('--destinations <file>', 'only these addresses are paid, one a line')
    .option('--allow-tokens', 'lets native tokens leave, which limits in ADA do not bound')
    .option('--journal <file>', 'remembers what was signed across restarts')
    .action((flags: Flags) => runSigner(flags, terminal));
  withExample(
    command,
    'NETWORK=preprod HOT_WALLET_ADDRESS=addr_test1… teller signer --key payment.skey \\\n' +
      '    --cert server.pem --key-file server-key.pem --ca workers.pem \\\n' +
      '    --max-per-transaction-ada 5000 --max-per-day-ada 50000 --journal signed.jsonl',
  );
}

/** Runs until SIGINT or SIGTERM. */
async function runSigner(flags: Flags, terminal: Terminal): Promise<void> {
  const names = ['network', 'hotWalletAddress', 'logLevel'] as const;
  const { network, hotWalletAddress, logLevel } = readSettings(terminal.environment, names);
  if (hotWalletAddress === null) {
    throw new ConfigError(["HOT_WALLET_ADDRESS: is required for a signer, and isn't set"]);
  }
  if (flags.maxPerDayAda !== undefined && flags.journal === undefined) {
    throw new UsageError('--max-per-day-ada: needs --journal, or a restart would forget the day');
  }
  const { startSigner } = await import('../signer/start.js');
  const signer = await startSigner({
    network,
    keyPath: flags.key,
    listen: { host: flags.host, port: flags.port },
    journalPath: flags.journal ?? null,
    tls: {
      cert: await readText('--cert', flags.cert),
      key: await readText('--key-file', flags.keyFile),
      ca: await readText('--ca', flags.ca),
    },
    allowance: {
      wallet: hotWalletAddress,
      lovelacePerTransactionMax: flags.maxPerTransactionAda ?? null,
      lovelacePerDayMax: flags.maxPerDayAda ?? null,
      feeLovelaceMax: flags.maxFeeAda,
      destinations: await readDestinations(flags.destinations, network),
      letsTokensLeave: flags.allowTokens === true,
    },
    log: createLogger(logLevel, flags.json === true ? 'stderr' : 'stdout'),
  }).catch(explainListening);
  if (flags.json === true) {
    sayJson(terminal, { event: 'listening', url: signer.url, keyHash: signer.keyHash });
  }
  await untilSignal(signer);
}

function explainListening(error: unknown): never {
  const isListen = error instanceof Error && 'syscall' in error && error.syscall === 'listen';
  if (!isListen) throw error;
  throw new UsageError(`--host, --port: can't listen there: ${error.message}`);
}

async function untilSignal(signer: RunningSigner): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
  });
  await signer.close();
}

async function readText(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new UsageError(`${flag}: ${path} can't be read (${code})`);
  }
}

/** One address a line; empty lines and what stands behind # don't count. */
async function readDestinations(
  path: string | undefined,
  network: Network,
): Promise<ReadonlySet<string> | null> {
  if (path === undefined) return null;
  const lines = (await readText('--destinations', path)).split('\n');
  const destinations = lines.flatMap((line, index) => {
    const text = line.replace(/#.*/, '').trim();
    if (text === '') return [];
    const checked = checkAddress(text, network);
    if (checked.ok) return [checked.address.text];
    throw new UsageError(
      `--destinations: ${path}, line ${index + 1}: ${JSON.stringify(text)} ${checked.problem}`,
    );
  });
  return new Set(destinations);
}

/** As lovelace. */
function ada(text: string): bigint {
  const [, whole, fraction = ''] = /^(\d{1,11})(?:\.(\d{1,6}))?$/.exec(text) ?? [];
  if (whole !== undefined) return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
  throw new InvalidArgumentError('Wanted ADA, with up to six decimals.');
}
