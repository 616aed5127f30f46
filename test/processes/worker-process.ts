import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** One line of a worker's log, with the moment at which it got here. */
export type LogLine = Readonly<Record<string, unknown>> & {
  readonly event?: string;
  /** Milliseconds, of `performance.now`. */
  readonly arrivedAt: number;
};

export type Wait = {
  readonly withinMs?: number;
  /** Lines before this one don't count; `lines.length` is "from now on". */
  readonly from?: number;
  readonly where?: (line: LogLine) => boolean;
};

export type Answer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> };

/** A `teller run` of its own process. */
export type WorkerProcess = {
  readonly lines: readonly LogLine[];
  /** All that it ever wrote, both streams. */
  readonly output: () => string;
  /** Waits for a log event. */
  readonly until: (event: string, wait?: Wait) => Promise<LogLine>;
  readonly get: (path: string, key?: string) => Promise<Answer>;
  /** Waits until `/health/ready` gives this reason; `ready` where it gives none. */
  readonly untilReadiness: (reason: string, withinMs?: number) => Promise<Answer>;
  readonly post: (
    path: string,
    body: unknown,
    key: string,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answer>;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Resolves with the exit code, or with the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Kills it where it still runs. */
  readonly end: () => Promise<void>;
};

/** Ends the worker with this process, also where this process is killed: its end closes the pipe. */
const LEASH =
  'data:text/javascript,process.stdin.on("close",()=>process.kill(process.pid,"SIGKILL")).resume().unref()';

export async function startWorker(
  program: string,
  environment: Readonly<Record<string, string>>,
): Promise<WorkerProcess> {
  const child = spawn(process.execPath, ['--import', LEASH, program, 'run'], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines: LogLine[] = [];
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (text) => {
      output += `${text}\n`;
      lines.push(readLine(text));
    });
  }
  const exited = once(child, 'exit').then(
    ([code, signal]) => (code ?? signal) as number | NodeJS.Signals,
  );
  let gone = false;
  void exited.then(() => {
    gone = true;
  });

  const until = async (event: string, wait: Wait = {}): Promise<LogLine> => {
    const { withinMs = 15_000, from = 0, where = () => true } = wait;
    const deadline = performance.now() + withinMs;
    for (;;) {
      const found = lines.slice(from).find((line) => line.event === event && where(line));
      if (found !== undefined) return found;
      if (gone || performance.now() > deadline) {
        const why = gone ? 'ended' : `said no ${event} in ${withinMs} ms`;
        throw new Error(`the worker ${why}:\n${output.slice(-3000)}`);
      }
      await sleep(10);
    }
  };
  const { address } = await until('listening', { withinMs: 30_000 });
  const ask = async (path: string, init?: RequestInit): Promise<Answer> => {
    const answer = await fetch(`${String(address)}${path}`, init).catch((cause: unknown) => {
      throw new Error(`no answer to ${path}:\n${output.slice(-3000)}`, { cause });
    });
    return { status: answer.status, body: (await answer.json()) as Answer['body'] };
  };
  return {
    lines,
    output: () => output,
    until,
    get: (path, key) =>
      ask(path, key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } }),
    untilReadiness: async (reason, withinMs = 15_000) => {
      const deadline = performance.now() + withinMs;
      for (;;) {
        const answer = await ask('/health/ready');
        const told = answer.status === 200 ? 'ready' : answer.body.reason;
        if (told === reason) return answer;
        if (performance.now() > deadline) {
          throw new Error(`not ${reason}: ${JSON.stringify(answer)}\n${output.slice(-3000)}`);
        }
        await sleep(50);
      }
    },
    post: (path, body, key, headers = {}) =>
      ask(path, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          ...headers,
        },
        body: JSON.stringify(body),
      }),
    signal: (signal) => void child.kill(signal),
    exited,
    end: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function readLine(text: string): LogLine {
  const arrivedAt = performance.now();
  try {
    return { ...(JSON.parse(text) as object), arrivedAt };
  } catch {
    return { text, arrivedAt };
  }
}
