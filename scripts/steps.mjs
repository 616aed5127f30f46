import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** After a signal a child has this long to leave nothing running; then it is killed. */
const GRACE_MS = 30_000;

/** A step that failed, or was interrupted; `exitCode` is what the whole script ends with. */
export class StepFailed extends Error {
  name = 'StepFailed';
  constructor(step, exitCode, detail) {
    super(`${step} failed (${detail})`);
    this.step = step;
    this.exitCode = exitCode;
  }
}

/** Says what begins, runs it with our terminal, and says how long it took. */
export async function runStep(step, command, args, env = {}) {
  console.log(`\n> ${step}`);
  const began = Date.now();
  await run(step, command, args, env);
  console.log(`> ${step}: done in ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

/** A program that a package of ours brings, run by this very Node. */
export const tool = (path) => fileURLToPath(new URL(`../node_modules/${path}`, import.meta.url));

/**
 * Runs one program to its end. A signal to us becomes a signal to it, and we wait for it: whoever
 * waits for us may then rely on its being gone.
 */
export function run(step, command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...env },
    });
    let interrupted;
    let killer;
    const forward = (signal) => {
      // A terminal's Ctrl-C reaches the child without us; twice would mean "at once, without care".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
      interrupted ??= signal;
      killer ??= setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref();
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    const settle = (code, signal, error) => {
      clearTimeout(killer);
      for (const name of signals) process.off(name, forward);
      const ended = interrupted ?? signal;
      if (ended) reject(new StepFailed(step, 128 + constants.signals[ended], ended));
      else if (error) reject(new StepFailed(step, 1, error.message));
      else if (code !== 0) reject(new StepFailed(step, code, `exit code ${code}`));
      else resolve();
    };
    child.once('error', (error) => settle(null, null, error));
    child.once('exit', (code, signal) => settle(code, signal));
  });
}
