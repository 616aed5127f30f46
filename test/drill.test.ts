import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { builtProgram } from './processes/built-program.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** As `npm run drill` runs it, which builds first. */
const SCRIPT = ['scripts/drill.mjs'];
/** The same of what is built already. */
const BUILT = ['--import', 'tsx', 'demo/drill.ts'];

/** The drill as a person runs it, with what it prints. */
async function drill(
  how: readonly string[],
  ...flags: string[]
): Promise<{ exitCode: number | null; output: string }> {
  if (how === BUILT) builtProgram();
  const child = spawn(process.execPath, [...how, ...flags], { cwd: root, timeout: 170_000 });
  let output = '';
  const collect = (text: string): void => {
    output += text;
  };
  child.stdout.setEncoding('utf8').on('data', collect);
  child.stderr.setEncoding('utf8').on('data', collect);
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, output };
}

describe('npm run drill', () => {
  test.each([
    ['critical', SCRIPT, 12],
    ['addresses', BUILT, 6],
    ['all', BUILT, 12],
  ] as const)(
    'loses the database and has the same books again from the backup of the set %s',
    { timeout: 180_000 },
    async (set, how, customers) => {
      const { exitCode, output } = await drill(how, '--customers', String(customers), '--set', set);
      expect(output).toMatch(/✓ the state digest at the height of the loss is the same/);
      const twice = 2 * customers;
      expect(output).toMatch(
        new RegExp(`✓ \\d+ balances, ${twice} payouts, ${twice} payments: those of before`),
      );
      expect(output).toMatch(/Recovery time \(RTO\): [\d.]+ s until payouts went on/);
      expect(output).not.toContain('✗');
      expect(output.trimEnd()).toMatch(/Nothing is left running\.$/);
      expect(exitCode).toBe(0);
    },
  );

  test('says what it takes where it is asked for that, and builds nothing', async () => {
    const { exitCode, output } = await drill(SCRIPT, '--help');
    expect(output).toMatch(/^Usage: npm run drill \[-- --customers NUMBER\] \[--set critical\|/);
    expect(exitCode).toBe(0);
  });

  test('says what it takes where it is called wrongly', { timeout: 60_000 }, async () => {
    const { exitCode, output } = await drill(BUILT, '--set', 'some');
    expect(output).toContain('Usage: npm run drill');
    expect(exitCode).toBe(2);
  });
});
