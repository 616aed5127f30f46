import { Command } from 'commander';

type Bench = readonly [measures: string, run: () => Promise<unknown>];

/** `npm run bench -- [NAME] [flags]`: one measurement, with its own flags. */
const BENCHES: Readonly<Record<string, Bench>> = {
  'catch-up': [
    'blocks a second that are caught up with (the default)',
    () => import('./catch-up.js'),
  ],
  accept: ['payouts a second that are accepted over HTTP', () => import('./accept.js')],
  payouts: ['payouts from accepted to in a block', () => import('./payouts.js')],
  coins: ['choosing inputs out of a large wallet', () => import('./coin-selection.js')],
  reconcile: ['comparing records with the chain', () => import('./reconcile.js')],
  verify: ['verifying balances against their entries', () => import('./verify.js')],
  rebuild: ['a rebuild, beside catching up', () => import('./rebuild.js')],
};

const [given] = process.argv.slice(2);
if (given === '--help' || given === '-h') help();
else await start();

function help(): void {
  const command = new Command('npm run bench --')
    .description('Measures on this machine; exit code 1 where a target is missed.')
    .usage('[name] [options]')
    .addHelpText('after', '\nEach has flags of its own: npm run bench -- NAME --help');
  for (const [name, [measures]] of Object.entries(BENCHES)) {
    command.command(name).description(measures).helpOption(false);
  }
  command.helpCommand(false).outputHelp();
}

async function start(): Promise<void> {
  const isNamed = given !== undefined && !given.startsWith('-');
  const bench = BENCHES[isNamed ? given : 'catch-up'];
  if (bench === undefined) {
    const names = Object.keys(BENCHES).join(', ');
    console.error(
      `bench: given ${given ?? ''}, wanted one of ${names}\n(--help says what each does)`,
    );
    process.exitCode = 2;
    return;
  }
  // What is left are the flags of the one that runs.
  if (isNamed) process.argv.splice(2, 1);
  await bench[1]();
}
