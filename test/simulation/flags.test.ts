import { spawnSync } from 'node:child_process';
import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { root } from '../support/sources.js';
import { type Flags, simulationCommand } from './flags.js';

describe('npm run simulate', () => {
  const read = (...words: string[]): Flags => {
    const command = simulationCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    return command.parse(words, { from: 'user' }).opts<Flags>();
  };

  test('tries a hundred worlds of the plain kind by default, and others where it is asked', () => {
    const plain = { seeds: 100, from: 1, payouts: false, corruption: false, guard: false };
    expect(read()).toEqual(plain);
    const asked = { ...plain, seeds: 1, from: 77, payouts: true, guard: true };
    expect(read('--seeds', '1', '--from', '77', '--payouts', '--guard')).toEqual(asked);
  });

  test.each([
    ['--seeds', 'many'],
    ['--seeds', '0'],
    ['--from', '1.5'],
    ['--from', ''],
    ['--payout'],
    ['100'],
  ])('refuses %s %s', (...words) => {
    expect(() => read(...words)).toThrow(CommanderError);
  });

  const run = (...words: string[]) =>
    spawnSync(process.execPath, ['--import', 'tsx', 'test/simulation/main.ts', ...words], {
      cwd: root,
      encoding: 'utf8',
    });

  test('says what there is where it is asked, and where it is called wrongly', {
    timeout: 60_000,
  }, () => {
    const help = run('--help');
    expect(help).toMatchObject({ status: 0, stderr: '' });
    expect(help.stdout).toMatch(/^Usage: npm run simulate -- /);
    for (const flag of ['--seeds', '--from', '--payouts', '--corruption', '--guard']) {
      expect(help.stdout).toContain(`  ${flag} `);
    }
    const wrong = run('--payout');
    expect(wrong).toMatchObject({ status: 2, stdout: '' });
    expect(wrong.stderr).toMatch(/^error: unknown option '--payout'\n.*\(--help shows/s);
  });
});
