import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';

const BENCHES = ['catch-up', 'accept', 'payouts', 'coins', 'reconcile', 'verify', 'rebuild'];

/** `npm run bench -- WORDS`, in a process of its own. */
async function bench(...words: readonly string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'bench/main.ts', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [exitCode] = (await exited) as [number | null];
  return { exitCode, out, err };
}

describe('npm run bench', () => {
  test('says what there is to measure', async () => {
    const { exitCode, out, err } = await bench('--help');
    expect([exitCode, err]).toEqual([0, '']);
    for (const name of BENCHES) expect(out).toMatch(new RegExp(`^ +${name} +\\S`, 'm'));
  });

  test.each(BENCHES)('says what %s does and which flags it takes', async (name) => {
    const { exitCode, out, err } = await bench(name, '--help');
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`^Usage: npm run bench -- ${name} \\[options\\]\n\n\\S`));
    expect(out).toMatch(/^ +--\w+ <number> +\S.* \(default: [\d,]+\)/m);
  });

  test.each([
    ['a name', ['catchup'], /given catchup, wanted one of catch-up, accept,/],
    ['a flag', ['rebuild', '--block', '10'], /unknown option '--block'/],
    ['a number', ['verify', '--users', 'many'], /'many' is invalid.* whole number/],
    ['too small a number', ['reconcile', '--outputs', '0'], /'0' is invalid.* whole number, 1 to/],
    ['one word more', ['coins', 'more'], /too many arguments/],
    ['a flag of the default', ['--users', '10'], /unknown option '--users'/],
  ])('refuses %s that it does not know, in a line or two', async (_, words, says) => {
    const { exitCode, out, err } = await bench(...words);
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toMatch(says);
    expect(err).toContain('--help');
    expect(err.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
  });
});
