/** `npm run drill`: from a fresh checkout to a database that was lost and restored. Arguments go to the drill. */
import { pathToFileURL } from 'node:url';
import { installMissing } from './install.mjs';
import { run, runStep, StepFailed, tool } from './steps.mjs';

const node = process.execPath;
const asksForHelp = process.argv.slice(2).some((word) => word === '--help' || word === '-h');
try {
  await installMissing();
  if (!asksForHelp) await runStep('build', node, ['scripts/build.mjs']);
  const tsx = pathToFileURL(tool('tsx/dist/loader.mjs')).href;
  await run('drill', node, ['--import', tsx, 'demo/drill.ts', ...process.argv.slice(2)]);
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  // Whoever ends it by Ctrl-C knows.
  if (error.exitCode !== 130) console.error(error.message);
  process.exitCode = error.exitCode;
}
