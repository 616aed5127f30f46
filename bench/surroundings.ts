import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { totalmem } from 'node:os';
import { createInterface } from 'node:readline';
import { startEmbeddedPostgres } from '../test/support/embedded-postgres.js';
import {
  cloneTemplate,
  startTestServer,
  type TestDatabase,
} from '../test/support/test-databases.js';

export type BenchDatabase = TestDatabase & { readonly close: () => Promise<void> };

/** The share of memory is what PostgreSQL's manual advises for a server ("Resource Consumption"). */
const AS_IN_USE = { durable: true, sharedBuffersMb: Math.floor(totalmem() / 2 ** 20 / 4) };

/**
 * On the server of `DATABASE_URL`, or an embedded one that is set up as servers in use are: it waits for its disk,
 * and has a quarter of the memory.
 */
export async function openDatabase(): Promise<BenchDatabase> {
  const given = process.env.DATABASE_URL;
  const embedded = given === undefined ? await startEmbeddedPostgres(AS_IN_USE) : undefined;
  const { server, close } = await startTestServer(given ?? embedded?.url);
  const database = await cloneTemplate(server);
  return {
    ...database,
    close: async () => {
      await database.drop();
      await close();
      await embedded?.close();
    },
  };
}

export type Feeder = {
  readonly url: string;
  readonly httpUrl: string;
  readonly close: () => Promise<void>;
};

/** A devnet in a process of its own, so that its work doesn't count as the worker's. */
export async function startFeeder(...flags: readonly string[]): Promise<Feeder> {
  const words = ['devnet', '--port', '0', '--block-time', '0', '--json', ...flags];
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli.ts', ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const { url, httpUrl } = JSON.parse(line) as { url: string; httpUrl: string };
    const close = async (): Promise<void> => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    };
    return { url, httpUrl, close };
  }
  throw new Error('the devnet ended before it listened');
}

/** Has a feeder do something, as its `/control/` says. */
export async function control(feeder: Feeder, what: string, body: object): Promise<void> {
  const answer = await fetch(`${feeder.httpUrl}/control/${what}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${what}: ${await answer.text()}`);
}

export const verdict = (holds: boolean): string => (holds ? 'holds' : 'MISSED');

/** The middle one; 0 of none. */
export const median = (list: readonly number[]): number =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
