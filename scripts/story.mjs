import { pathToFileURL } from 'node:url';
import { installMissing } from './install.mjs';
import { run, runStep, StepFailed, tool } from './steps.mjs';

const HELP = ['--help', '-h'];
/** Ctrl-C is how a story is meant to be ended: whoever does it knows. */
const INTERRUPTED = 130;

/**
 * From a fresh checkout to a story that runs. Arguments go to it.
 *
 * @param {string} name
 * @param {string} program its TypeScript, from the root
 */
export async function startStory(name, program) {
  const words = process.argv.slice(2);
  try {
    await installMissing();
    if (!words.some((word) => HELP.includes(word))) {
      await runStep('build', process.execPath, ['scripts/build.mjs']);
    }
    const tsx = pathToFileURL(tool('tsx/dist/loader.mjs')).href;
    await run(name, process.execPath, ['--import', tsx, program, ...words]);
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    if (error.exitCode !== INTERRUPTED) console.error(error.message);
    process.exitCode = error.exitCode;
  }
}
