import { spawn } from 'node:child_process';
import { once } from 'node:events';

export type Ended = {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
};

/** `teller VERB` as a person calls it, in a process of its own, to its end. */
export async function runVerb(
  program: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...words], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
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
