import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const tsx = fileURLToPath(new URL('../../node_modules/.bin/tsx', import.meta.url));
const verb = new URL('./verb.ts', import.meta.url).href;

/** The verb in a process of its own, as the command runs it. */
const PROGRAM = `
  import { Command } from 'commander';
  import { addDevnetVerb } from '${verb}';
  const program = new Command('teller');
  addDevnetVerb(program);
  await program.parseAsync(process.argv.slice(1), { from: 'user' });
`;

function run(...flags: string[]) {
  const child = spawn(tsx, ['--input-type=module', '--eval', PROGRAM, 'devnet', ...flags], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
  });
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.err += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => code as number);
  return { child, output, ended };
}

describe('teller devnet', () => {
  test('listens where it says, one JSON object a line, and ends cleanly on SIGTERM', {
    timeout: 30_000,
  }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'devnet-'));
    const scenario = join(folder, 'scenario.json');
    await writeFile(scenario, '[{"do": "mine", "blocks": 2}]');
    const { child, output, ended } = run(
      '--port',
      '0',
      '--block-time',
      '0',
      '--json',
      '--scenario',
      scenario,
    );
    await expect.poll(() => output.out.split('\n').length, { timeout: 20_000 }).toBe(3);
    const [first, second] = output.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toMatchObject({ event: 'listening', network: 'custom:42' });
    expect(second).toMatchObject({ event: 'step', do: 'mine', tip: { height: 11 } });
    const health = await fetch(`${String(first!.httpUrl)}/health`);
    expect(await health.json()).toMatchObject({ lastKnownTip: { height: 11 } });
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    await rm(folder, { recursive: true });
  });

  test("refuses a scenario it can't read with exit code 2, before it listens", {
    timeout: 30_000,
  }, async () => {
    const { output, ended } = run('--port', '0', '--scenario', '/nowhere/at-all.json');
    expect(await ended).toBe(2);
    expect(output.err).toContain('--scenario /nowhere/at-all.json: ');
    expect(output.out).toBe('');
  });

  test('has an example in its help', { timeout: 30_000 }, async () => {
    const { output, ended } = run('--help');
    expect(await ended).toBe(0);
    expect(output.out).toContain('$ teller devnet --port 1337');
  });
});
