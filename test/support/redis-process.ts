import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './postgres-server.js';
import type { RedisBinary } from './redis-binary.js';

export type RedisOptions = {
  readonly binary: RedisBinary;
  readonly password?: string;
  /** One node that serves all slots. */
  readonly cluster?: boolean;
};

/** A Redis that keeps nothing on disk: stopped and started again, it is empty. */
export type RedisProcess = {
  readonly url: string;
  start(): Promise<void>;
  /** SIGKILL. */
  stopHard(): Promise<void>;
  /** Stops and removes everything. Never throws, so that it can stand in any cleanup. */
  remove(): Promise<void>;
};

const START_TIMEOUT_MS = 20_000;
const LOG_CHARACTERS_KEPT = 4_000;

export async function createRedisProcess(options: RedisOptions): Promise<RedisProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'teller-redis-'));
  const port = await freePort();
  let server: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    server ??= await launch(directory, port, options);
  };
  const stopHard = async (): Promise<void> => {
    const stopping = server;
    server = undefined;
    if (stopping?.exitCode !== null || stopping.signalCode !== null) return;
    const exited = once(stopping, 'exit');
    stopping.kill('SIGKILL');
    await exited;
  };
  const remove = async (): Promise<void> => {
    await stopHard();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await start();
  } catch (error) {
    await remove();
    throw error;
  }
  const login = options.password === undefined ? '' : `:${options.password}@`;
  const scheme = options.cluster === true ? 'redis+cluster' : 'redis';
  return { url: `${scheme}://${login}127.0.0.1:${port}`, start, stopHard, remove };
}

async function launch(
  directory: string,
  port: number,
  { binary, password, cluster = false }: RedisOptions,
): Promise<ChildProcess> {
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
  const volatile = ['--save', '', '--appendonly', 'no'];
  const login = password === undefined ? [] : ['--requirepass', password];
  const alone = cluster ? ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] : [];
  const { libraryPath } = binary;
  const server = spawn(binary.path, [...settings, ...volatile, ...login, ...alone], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...(libraryPath && { LD_LIBRARY_PATH: libraryPath }) },
  });
  let log = '';
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => {
      server.kill('SIGKILL');
      reject(new Error(`Redis ${reason} on port ${port}:\n${log}`));
    };
    const timer = setTimeout(() => fail('did not start in time'), START_TIMEOUT_MS);
    server.once('error', (error) => fail(`could not be run (${error.message})`));
    server.once('exit', (code) => fail(`ended with code ${String(code)}`));
    server.stdout.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-LOG_CHARACTERS_KEPT);
      if (log.includes('Ready to accept connections')) {
        clearTimeout(timer);
        resolve();
      }
    });
  });
  return server;
}
