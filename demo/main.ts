/** `npm run demo`: the product at work on a simulated chain. `--exit` ends by itself. */
import { parseArgs } from 'node:util';
import { createNarrator } from './narrator.js';
import { stayUp } from './playground.js';
import { type Stage, setStage } from './stage.js';
import { tellStory } from './story.js';
import { StoryBroken } from './wait.js';
import { seconds } from './words.js';

const EXIT_INTERRUPTED = 130;
const EXIT_BAD_USAGE = 2;
const USAGE = 'Usage: npm run demo [-- --exit]';

const stopping = new AbortController();
const narrator = createNarrator(process.stdout);
// A terminal's Ctrl-C comes to the whole group and again from npm: any number of them means "end".
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stopping.abort(new Error(signal)));
}
// A pipe that was closed (`| head`) must not keep the rest from being cleaned up.
process.stdout.on('error', () => stopping.abort(new Error('nobody reads')));
process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (options?.help === true) {
    narrator.plain(`${USAGE}\n--exit  ends by itself, with exit code 0 only if every step held`);
    return 0;
  }
  if (options === undefined) return EXIT_BAD_USAGE;
  const began = performance.now();
  narrator.plain(
    'chain-teller: takes and sends money on Cardano and keeps books that equal the chain.',
  );
  narrator.plain('Starting PostgreSQL, a simulated chain and two instances of the worker…');
  let stage: Stage | undefined;
  try {
    stage = await setStage(narrator, stopping.signal);
    narrator.plain(`Ready after ${seconds(performance.now() - began)}: ${stage.database.where}.`);
    const customers = await tellStory(stage);
    narrator.plain(`\nEvery step held. It took ${seconds(performance.now() - began)}.`);
    if (!options.exit) await stayUp(stage, customers);
    return 0;
  } catch (error) {
    if (stopping.signal.aborted) return EXIT_INTERRUPTED;
    tellFailure(error, stage);
    return 1;
  } finally {
    if (stopping.signal.aborted) narrator.plain('\nEnding…');
    // Whatever still waits for something must not go on while its stage is taken down.
    stopping.abort(new Error('the end'));
    await stage?.close();
    narrator.plain('Nothing is left running.');
  }
}

function readOptions(): { readonly exit: boolean; readonly help: boolean } | undefined {
  try {
    return parseArgs({
      options: {
        exit: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    console.error(`${String(error)}\n${USAGE}`);
    return undefined;
  }
}

function tellFailure(error: unknown, stage: Stage | undefined): void {
  narrator.failed(error instanceof StoryBroken ? error.message : ((error as Error).stack ?? ''));
  for (const instance of stage?.instances() ?? []) {
    if (instance.lastWords() !== '')
      narrator.plain(`teller ${instance.name}: ${instance.lastWords()}`);
  }
}
