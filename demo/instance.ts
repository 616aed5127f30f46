import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A log line of the worker; the fields that the demo reads. */
export type LogLine = {
  readonly event?: string;
  readonly level: string;
  readonly msg?: string;
  readonly [field: string]: string | number | null | undefined;
};

/** One `teller run`, a process of its own so that it can be killed. */
export type Instance = {
  readonly name: 'A' | 'B';
  readonly pid: number;
  /** Where its HTTP answers; undefined until it does. */
  readonly url: string | undefined;
  readonly leads: boolean;
  readonly pays: boolean;
  /** `SLOT.HASH` of the last block that it recorded in this life. */
  readonly cursor: string | undefined;
  readonly running: boolean;
  /** SIGKILL: no chance to say goodbye to anybody. */
  readonly kill: () => Promise<void>;
  /** SIGTERM, as an operator does. @returns the exit code, null where it had to be killed */
  readonly stop: () => Promise<number | null>;
  /** The last of what it wrote beside its log, for when something went wrong. */
  readonly lastWords: () => string;
};

/** Above the worker's own SHUTDOWN_TIMEOUT. */
const STOP_MS_MAX = 8_000;
const LAST_WORDS_MAX = 4_000;

/** Preloaded: should the demo itself be killed, the worker must not live on. */
const END_WITH_PARENT = `data:text/javascript,${encodeURIComponent(
  "process.once('disconnect', () => process.kill(process.pid, 'SIGKILL')); process.channel?.unref();",
)}`;

export function startInstance(
  name: Instance['name'],
  settings: Readonly<Record<string, string>>,
  onLog: (line: LogLine) => void,
): Instance {
  // A group of its own: Ctrl-C reaches the demo alone, which then ends everything in order. And an
  // environment of its own: settings of whoever watches must not leak into it.
  const child = spawn(process.execPath, ['--import', END_WITH_PARENT, 'dist/cli.js', 'run'], {
    cwd: root,
    detached: true,
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const seen: Seen = { url: undefined, leads: false, pays: false, cursor: '', words: '' };
  const keep = (text: string): void => {
    seen.words = (seen.words + text).slice(-LAST_WORDS_MAX);
  };
  child.once('error', (error) => keep(error.message));
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('its output was asked for');
  stderr.setEncoding('utf8').on('data', keep);
  createInterface({ input: stdout }).on('line', (text) => {
    const line = parse(text);
    if (line === undefined) return keep(`${text}\n`);
    observe(seen, line);
    onLog(line);
  });
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    name,
    get pid() {
      return child.pid ?? 0;
    },
    get url() {
      return seen.url;
    },
    get leads() {
      return running() && seen.leads;
    },
    get pays() {
      return running() && seen.pays;
    },
    get cursor() {
      return seen.cursor;
    },
    get running() {
      return running();
    },
    kill: async () => {
      await end(child, 'SIGKILL');
    },
    stop: () => end(child, 'SIGTERM'),
    lastWords: () => seen.words.trim(),
  };
}

/** What its log has told so far. */
type Seen = {
  url: string | undefined;
  leads: boolean;
  pays: boolean;
  cursor: string;
  words: string;
};

function observe(seen: Seen, line: LogLine): void {
  if (line.event === 'listening') seen.url = String(line.address);
  if (line.event === 'leader_acquired') seen.leads = true;
  if (line.event === 'leader_lost') seen.leads = false;
  if (line.event === 'payer_acquired') seen.pays = true;
  if (line.event === 'payer_lost') seen.pays = false;
  if (line.event === 'block_processed' || line.event === 'rollback') {
    seen.cursor = String(line.cursor);
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  const impatient = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  child.kill(signal);
  await exited;
  clearTimeout(impatient);
  return child.exitCode;
}

function parse(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}
