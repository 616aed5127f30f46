import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresBinaries, postgresOwner } from './postgres-binaries.js';

export type ServerOptions = {
  /** True: a commit survives a hard stop, as in production. False: several times faster. */
  readonly durable: boolean;
  /** What it keeps of its tables in memory of its own; PostgreSQL's 128 where it isn't given. */
  readonly sharedBuffersMb?: number;
  /** A free one is taken where it isn't given. */
  readonly port?: number;
};

/** A PostgreSQL whose data lives and dies with it. */
export type PostgresServer = {
  readonly url: string;
  start(): Promise<void>;
  /** As a power cut would: no checkpoint, no goodbye to clients. */
  stopHard(): Promise<void>;
  /** Stops and removes everything. Never throws, so that it can stand in any cleanup. */
  remove(): Promise<void>;
};

const START_TIMEOUT_MS = 60_000;
/** Another process may take the port between our look and the server's bind. */
const PORT_ATTEMPTS = 5;
const LOG_CHARACTERS_KEPT = 8_000;

export async function createPostgresServer(options: ServerOptions): Promise<PostgresServer> {
  const directory = mkdtempSync(join(tmpdir(), 'teller-postgres-'));
  let server: ChildProcess | undefined;
  let port = options.port ?? (await freePort());

  const start = async (): Promise<void> => {
    server ??= await launch(directory, port, options);
  };
  const stopHard = async (): Promise<void> => {
    const stopping = server;
    server = undefined;
    if (stopping?.exitCode !== null || stopping.signalCode !== null) return;
    const exited = once(stopping, 'exit');
    stopping.kill('SIGQUIT');
    await exited;
  };
  const remove = async (): Promise<void> => {
    await stopHard();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };

  try {
    const password = randomBytes(18).toString('base64url');
    initialise(directory, password);
    for (let attempt = 1; server === undefined; attempt += 1) {
      await start().catch(async (error: unknown) => {
        if (options.port !== undefined || attempt === PORT_ATTEMPTS) throw error;
        port = await freePort();
      });
    }
    return {
      url: `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`,
      start,
      stopHard,
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

function initialise(directory: string, password: string): void {
  const owner = postgresOwner();
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (owner !== undefined) {
    chownSync(directory, owner.uid, owner.gid);
    chownSync(passwordFile, owner.uid, owner.gid);
  }
  const { initdb } = postgresBinaries(directory);
  // The C locale sorts by bytes, so that the same rows come in the same order on every machine.
  const flags = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'];
  execFileSync(
    initdb,
    [`--pgdata=${join(directory, 'data')}`, `--pwfile=${passwordFile}`, '--no-sync', ...flags],
    { ...owner, cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  rmSync(passwordFile);
}

async function launch(
  directory: string,
  port: number,
  options: ServerOptions,
): Promise<ChildProcess> {
  const { postgres } = postgresBinaries(directory);
  const server = spawn(
    postgres,
    ['-D', join(directory, 'data'), ...settings(port, options).flatMap((text) => ['-c', text])],
    { ...postgresOwner(), cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => {
      server.kill('SIGQUIT');
      reject(new Error(`PostgreSQL ${reason} on port ${port}:\n${log}`));
    };
    const timer = setTimeout(() => fail('did not start in time'), START_TIMEOUT_MS);
    server.once('error', (error) => fail(`could not be run (${error.message})`));
    server.once('exit', (code) => fail(`ended with code ${String(code)}`));
    server.stderr.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-LOG_CHARACTERS_KEPT);
      if (log.includes('ready to accept connections')) {
        clearTimeout(timer);
        resolve();
      }
    });
  });
  return server;
}

function settings(port: number, { durable, sharedBuffersMb = 128 }: ServerOptions): string[] {
  const always = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=300',
    `shared_buffers=${sharedBuffersMb}MB`,
    // Tests provoke errors by the thousand; starts and stops stay in the log.
    'log_min_messages=log',
    'log_checkpoints=off',
  ];
  const careless = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];
  return durable ? always : [...always, ...careless];
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('No free port was given');
  return address.port;
}
