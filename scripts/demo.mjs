/** `npm run demo`: from a fresh checkout to a running demonstration. Arguments go to the demo. */
import { pathToFileURL } from 'node:url';
import { installMissing } from './install.mjs';
import { run, runStep, StepFailed, tool } from './steps.mjs';

const node = process.execPath;
try {
  await installMissing();
  await runStep('build', node, ['scripts/build.mjs']);
  const tsx = pathToFileURL(tool('tsx/dist/loader.mjs')).href;
  await run('demo', node, ['--import', tsx, 'demo/main.ts', ...process.argv.slice(2)]);
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  // Ctrl-C is how the demo is meant to be ended; it has nothing to complain about.
  if (error.exitCode !== 130) console.error(error.message);
  process.exitCode = error.exitCode;
}
