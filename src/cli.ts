#!/usr/bin/env node
import { runTeller } from './verbs/program.js';
import type { Run } from './verbs/run.js';

/** Loaded when it is needed: a verb that asks one thing starts without the whole daemon. */
const run: Run = async (config, options) => {
  const daemon = await import('./run.js');
  return daemon.run(config, options);
};

// A reader that has seen enough (`| head`) closes the pipe; that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

const exitCode = await runTeller(
  process.argv.slice(2),
  {
    environment: process.env,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    isInteractive: process.stderr.isTTY,
  },
  run,
);
// `devnet` sets its own. Not `process.exit`: what is still being written would be lost.
if (exitCode !== 0) process.exitCode = exitCode;
