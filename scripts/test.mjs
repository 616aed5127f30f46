/**
 * `npm test`: everything that must hold before a change is accepted, in one command on a fresh
 * machine. Arguments go to vitest: `npm test -- src/devnet`. The last line is `N passed, N failed`.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installMissing, root } from './install.mjs';
import { findPromtool } from './promtool.mjs';
import { runStep, StepFailed, tool } from './steps.mjs';

const node = process.execPath;
const inCi = !['', '0', 'false'].includes(process.env.CI ?? '');
const vitestArguments = process.argv.slice(2);
const tally = { passed: 0, failed: 0, skipped: 0 };
process.exitCode = await main();

async function main() {
  const began = Date.now();
  let exitCode = 0;
  try {
    await installMissing();
    await runStep('format and lint', node, [
      tool('@biomejs/biome/bin/biome'),
      'ci',
      '--error-on-warnings',
      '--diagnostic-level=warn',
      // Where colours are forced, it wraps every single character of a difference in them.
      ...(process.stdout.isTTY ? [] : ['--colors=off']),
      '.',
    ]);
    await runStep('lint with types', node, [tool('eslint/bin/eslint.js'), '.']);
    await runStep('types', node, [tool('typescript/bin/tsc'), '--noEmit']);
    await runStep('build', node, ['scripts/build.mjs']);
    await runTests();
    await checkAlertRules();
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    exitCode = error.exitCode || 1;
    tally.failed = Math.max(tally.failed, 1);
    console.error(`\n${error.message}`);
  }
  console.log(`\nnpm test took ${((Date.now() - began) / 1000).toFixed(0)} s`);
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : '';
  console.log(`${tally.passed} passed, ${tally.failed} failed${skipped}`);
  return exitCode;
}

async function runTests() {
  const directory = mkdtempSync(join(tmpdir(), 'teller-test-'));
  const report = join(directory, 'report.json');
  try {
    await runStep('tests', node, [
      tool('vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...vitestArguments,
    ]);
  } finally {
    count(report);
    rmSync(directory, { recursive: true, force: true });
  }
  judgeSkips();
}

/**
 * A filter skips on purpose. Without one, a skip means that something was not proved: official
 * material is absent, which a public checkout can't help, or something is wrong with the machine.
 */
function judgeSkips() {
  if (vitestArguments.length > 0 || tally.skipped === 0) return;
  console.warn(`\n!!! SKIPPED: ${tally.skipped} of the tests; why is said above\n`);
  if (inCi && existsSync(join(root, '..', 'shared'))) {
    throw new StepFailed('tests', 1, `${tally.skipped} skipped, and CI is set`);
  }
}

/** A file that can't even be loaded has no tests to fail; it counts as one. */
function count(report) {
  let results;
  try {
    results = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return;
  }
  const unloadable = results.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((t) => t.status === 'failed'),
  );
  tally.passed = results.numPassedTests;
  tally.failed = results.numFailedTests + unloadable.length;
  tally.skipped = results.numPendingTests + results.numTodoTests;
}

async function checkAlertRules() {
  if (vitestArguments.length > 0) return;
  const promtool = findPromtool();
  if (promtool === undefined) {
    const advice = 'promtool is not here and could not be fetched: install Debian\'s "prometheus"';
    if (inCi) throw new StepFailed('alert rules', 1, advice);
    tally.skipped += 1;
    console.warn(`\n!!! SKIPPED: alert rules. ${advice}\n`);
    return;
  }
  await runStep('alert rules', promtool, ['check', 'rules', 'ops/alerts.yml']);
  await runStep('alert rule tests', promtool, ['test', 'rules', 'ops/alerts.test.yml']);
}
