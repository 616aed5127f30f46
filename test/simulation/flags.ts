import { Command, Option } from 'commander';
import { wholeNumber } from '../../src/verbs/flags.js';

const SEED_MAX = 1_000_000_000;

export type Flags = {
  readonly seeds: number;
  readonly from: number;
  readonly payouts: boolean;
  readonly corruption: boolean;
  readonly guard: boolean;
};

/** What the simulation is given; a flag that it doesn't know ends it before anything is started. */
export const simulationCommand = (): Command =>
  new Command('npm run simulate --')
    .description(
      'two instances follow a chain in one database, with faults, crashes and registrations from a seed',
    )
    .addOption(
      new Option('--seeds <number>', 'how many worlds')
        .argParser(wholeNumber(1, SEED_MAX))
        .default(100),
    )
    .addOption(
      new Option('--from <seed>', 'the seed of the first one')
        .argParser(wholeNumber(0, SEED_MAX))
        .default(1),
    )
    .option('--payouts', 'they pay out, too', false)
    .option('--corruption', 'another hand changes the books, which are repaired and rebuilt', false)
    .option('--guard', 'the chain is guarded, by depth of rollbacks and by witnesses', false)
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText('after', '\nExample:\n  $ npm run simulate -- --seeds 1 --from 77 --payouts\n');
