import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { StoryBroken } from './wait.js';

const root = fileURLToPath(new URL('..', import.meta.url));

export type Ended = {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
};

type Settings = Readonly<Record<string, string>>;

/** `teller VERB` as an operator runs it, with the settings of the workers. */
export async function runVerb(
  settings: Settings,
  words: readonly string[],
  signal?: AbortSignal,
): Promise<Ended> {
  const child = spawn(process.execPath, ['dist/cli.js', ...words], {
    cwd: root,
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal === undefined ? {} : { signal }),
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
  return { exitCode, out, err };
}

type Answer = Readonly<Record<string, unknown>>;

/** The same with `--json`. @returns its answer; @throws StoryBroken where it ends otherwise than wanted */
export async function askVerb(
  settings: Settings,
  words: readonly string[],
  wantedExit = 0,
  signal?: AbortSignal,
): Promise<Answer> {
  const { exitCode, out, err } = await runVerb(settings, [...words, '--json'], signal);
  if (exitCode !== wantedExit) {
    throw new StoryBroken(
      `teller ${words.join(' ')}: exit ${exitCode}, wanted ${wantedExit}: ${err}${out}`.trim(),
    );
  }
  return JSON.parse(out.trim().split('\n').at(-1) ?? '{}') as Answer;
}
