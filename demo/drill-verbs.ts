import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { StoryBroken } from './wait.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** `teller VERB … --json` with the settings of the workers; its answer. @throws StoryBroken where it fails */
export async function tellerJson(
  settings: Readonly<Record<string, string>>,
  ...words: readonly string[]
): Promise<Readonly<Record<string, unknown>>> {
  const child = spawn(process.execPath, ['dist/cli.js', ...words, '--json'], {
    cwd: root,
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  if (exitCode !== 0) {
    throw new StoryBroken(`teller ${words.join(' ')}: exit ${exitCode}: ${err}${out}`.trim());
  }
  return JSON.parse(out.trim().split('\n').at(-1) ?? '{}') as Record<string, unknown>;
}
