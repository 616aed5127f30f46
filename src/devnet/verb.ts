import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { Step } from './scenario.js';
import { playScenario, readScenario, ScenarioError } from './scenario.js';
import type { Devnet } from './server.js';

type Flags = {
  readonly host: string;
  readonly port: number;
  readonly blockTime: number;
  readonly blocks: number;
  readonly seed: string;
  readonly magic: number;
  readonly ogmios: '6' | '7';
  readonly apiKey?: readonly string[];
  readonly scenario?: string;
  readonly empty?: boolean;
  readonly json?: boolean;
};

/** The configuration is wrong: exit code 2, as everywhere in the command. */
const BAD_USAGE = 2;

export function addDevnetVerb(program: Command): void {
  program
    .command('devnet')
    .description('runs a simulated Cardano chain that speaks Ogmios, for integration tests')
    .option('--host <address>', 'address to listen at', '127.0.0.1')
    .option('--port <number>', 'port to listen at; 0 takes a free one', wholeNumber(65_535), 1337)
    .option(
      '--block-time <duration>',
      'between blocks: seconds, or with a unit (200ms, 2s); 0: only on request',
      durationMs,
      2000,
    )
    .option('--blocks <number>', 'blocks there are at the start', wholeNumber(1_000_000), 10)
    .option('--seed <text>', 'one seed, one chain', '1')
    .option('--magic <number>', 'network magic', wholeNumber(4_294_967_295), 42)
    .addOption(
      new Option('--ogmios <version>', 'version to speak').choices(['6', '7']).default('6'),
    )
    .option('--api-key <key...>', 'let only these keys in')
    .option('--scenario <file>', 'JSON list of timed steps to play')
    .option('--empty', 'blocks hold nothing but what is asked for')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', EXAMPLE)
    .action(async (flags: Flags) => {
      process.exitCode = await runDevnet(flags);
    });
}

const EXAMPLE = `
Example:
  $ teller devnet --port 1337 --block-time 0.5
  $ curl -X POST localhost:1337/control/pay -d '{"address": "addr_test1...", "lovelace": "5000000"}'
  $ curl -X POST localhost:1337/control/fork -d '{"depth": 3}'
  $ curl localhost:1337/control        lists all that can be asked for

A scenario file:
  [{"afterMs": 1000, "do": "pay", "address": "addr_test1...", "lovelace": "5000000"},
   {"do": "mine", "blocks": 3},
   {"afterMs": 2000, "do": "fault", "fault": {"kind": "drop"}}]`;

/** Runs until SIGINT or SIGTERM. @returns the exit code */
async function runDevnet(flags: Flags): Promise<number> {
  const steps = await scenarioOf(flags.scenario);
  if (typeof steps === 'string') {
    process.stderr.write(`${steps}\n`);
    return BAD_USAGE;
  }
  // The ledger's rules take their time to load, which nobody wants to wait for in other verbs.
  const { startDevnet } = await import('./server.js');
  const devnet = await startDevnet({
    host: flags.host,
    port: flags.port,
    seed: flags.seed,
    networkMagic: flags.magic,
    version: flags.ogmios,
    blocks: flags.blocks,
    random: flags.empty !== true,
    ...(flags.blockTime === 0 ? {} : { blockTimeMs: flags.blockTime }),
    ...(flags.apiKey === undefined ? {} : { apiKeys: flags.apiKey }),
  });
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const tell = flags.json === true ? tellJson : tellPeople;
  tell.started(devnet);
  try {
    await playScenario(devnet, steps, tell.played, stop.signal);
    await aborted(stop.signal);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    await devnet.close();
  }
  return 0;
}

/** The steps, or what is wrong with the file. */
async function scenarioOf(file: string | undefined): Promise<Step[] | string> {
  if (file === undefined) return [];
  try {
    return readScenario(await readFile(file, 'utf8'));
  } catch (error) {
    const detail = error instanceof ScenarioError ? error.message : String(error);
    return `--scenario ${file}: ${detail}`;
  }
}

const tellJson = {
  started: ({ url, httpUrl, chain }: Devnet) =>
    printJson({ event: 'listening', url, httpUrl, network: `custom:${chain.networkMagic}` }),
  played: ({ action }: Step, result: Record<string, unknown>) =>
    printJson({ event: 'step', do: action.do, ...result }),
};

const tellPeople = {
  started: ({ url, httpUrl, chain }: Devnet) =>
    print(
      `devnet: OGMIOS_URL=${url} NETWORK=custom:${chain.networkMagic}\n` +
        `health:  ${httpUrl}/health\ncontrol: ${httpUrl}/control\n`,
    ),
  played: ({ action }: Step, result: Record<string, unknown>) =>
    print(`${action.do}: ${JSON.stringify(result)}\n`),
};

const print = (text: string): void => void process.stdout.write(text);
const printJson = (value: unknown): void => print(`${JSON.stringify(value)}\n`);

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve());
  });

const wholeNumber =
  (most = 86_400_000) =>
  (text: string): number => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number <= most) return number;
    throw new InvalidArgumentError(`must be a whole number from 0 to ${most}.`);
  };

/** Seconds like every duration of the configuration, or with its unit said. */
function durationMs(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text) ?? [];
  const milliseconds = Math.round(Number(amount) * (unit === 'ms' ? 1 : 1000));
  if (amount !== undefined && milliseconds <= BLOCK_TIME_MS_MAX) return milliseconds;
  throw new InvalidArgumentError('must be seconds, or a number with its unit: 0.5, 2s, 200ms.');
}

const BLOCK_TIME_MS_MAX = 86_400_000;
