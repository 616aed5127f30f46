import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../test/support/database.js';
import type { TestDatabase } from '../test/support/test-databases.js';
import { type ConfigError, readConfig } from './config.js';
import { createLogger } from './health/logging.js';
import { run } from './run.js';
import { failureOf } from './verbs/failure.js';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const lines: string[] = [];
const log = createLogger('info', { write: (line: string) => void lines.push(line) });
beforeEach(() => void lines.splice(0));

/** Without the role that follows the chain: nothing here needs a node. */
const start = (signal?: AbortSignal, more: NodeJS.ProcessEnv = {}): Promise<number> =>
  run(
    readConfig({
      NETWORK: 'preprod',
      DATABASE_URL: database.url,
      OGMIOS_URL: 'ws://127.0.0.1:9',
      HTTP_PORT: '0',
      ...more,
    }),
    { roles: ['api'], log, ...(signal === undefined ? {} : { signal }) },
  );

const until = async (event: string): Promise<string> => {
  for (;;) {
    const found = lines.find((line) => line.includes(`"event":"${event}"`));
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

describe('a daemon', () => {
  test('starts without the disk for its backups, says so, and shows that they are due', async () => {
    const stop = new AbortController();
    const config = readConfig({
      NETWORK: 'preprod',
      DATABASE_URL: database.url,
      OGMIOS_URL: 'ws://127.0.0.1:9',
      HTTP_PORT: '0',
      BACKUP_CRON: '5 * * * *',
      BACKUP_DIR: '/nowhere/at/all',
    });
    const ended = run(config, { roles: ['sync', 'scheduler'], log, signal: stop.signal });
    const unusable = await until('backup_directory_unusable');
    expect(unusable).toContain('there is no such directory');
    const { address } = JSON.parse(await until('listening')) as { address: string };
    // From these BackupOverdue is told, however long there never was one.
    await expect
      .poll(async () => (await fetch(`${address}/metrics`)).text())
      .toContain('backup_interval_seconds 3600');
    stop.abort();
    expect(await ended).toBe(0);
    // Who never writes one isn't asked for it.
    lines.splice(0);
    const stopApi = new AbortController();
    const api = run(config, { roles: ['api'], log, signal: stopApi.signal });
    await until('listening');
    stopApi.abort();
    expect(await api).toBe(0);
    expect(lines.join()).not.toContain('backup_directory_unusable');
  });

  test.each([
    ['another network', 1, 'preview', /NETWORK: given preprod.*DATABASE_URL.*follows preview/],
    [
      'another number of partitions',
      2,
      'preprod',
      /TOTAL_PARTITIONS: given 1.*DATABASE_URL.*laid out for 2/,
    ],
  ])('refuses to start on a database of %s', async (_, partitions, network, why) => {
    await database.pool.query(
      'insert into sync_state (partition_id, total_partitions, network) values (0, $1, $2)',
      [partitions, network],
    );
    const signal = AbortSignal.timeout(3_000);
    const failure = await start(signal).then(
      () => null,
      (error: unknown) => error as ConfigError,
    );
    expect(failure?.problems).toHaveLength(1);
    expect(failure?.problems[0]).toMatch(why);
    expect(failureOf(failure).exitCode).toBe(2);
    expect(lines.join()).not.toContain('listening');
  });

  test('refuses to start with another PAYOUT_ID_SECRET than the one that the database knows', async () => {
    const secrets = ['what the first of two hosts has', 'what the other one has been given'];
    const [ours, other] = secrets.map((PAYOUT_ID_SECRET) => ({ PAYOUT_ID_SECRET }));
    for (const round of [1, 2]) {
      lines.splice(0);
      const stop = new AbortController();
      const ended = start(stop.signal, ours);
      await until('listening');
      stop.abort();
      expect(await ended, `start ${round}`).toBe(0);
    }
    lines.splice(0);
    const failure = await start(AbortSignal.timeout(10_000), other).then(
      () => null,
      (error: unknown) => error as ConfigError,
    );
    expect(failure?.problems).toHaveLength(1);
    expect(failure?.problems[0]).toMatch(/^PAYOUT_ID_SECRET: is not the secret .* fingerprint /);
    expect(failureOf(failure).exitCode).toBe(2);
    const said = [...lines, failure?.message].join();
    expect(said).not.toContain('listening');
    for (const secret of secrets) expect(said).not.toContain(secret);
  });

  test('says all that is wrong with who pays before it connects to anything', async () => {
    const config = readConfig({
      NETWORK: 'preprod',
      DATABASE_URL: 'postgres://nobody@127.0.0.1:9/nothing',
      OGMIOS_URL: 'ws://127.0.0.1:9',
      HOT_WALLET_ADDRESS: 'addr_test1vqneq3v0dqh3x3muv6ee3lt8e5729xymnxuavx6tndcjc2cv24ef9',
      SIGNER: 'file:/does/not/exist',
      PAYOUT_ID_SECRET: 'long enough to be a secret',
      PAYOUT_DESTINATIONS: 'zzz',
    });
    const failure = await run(config, { roles: ['sync', 'payouts'], log }).then(
      () => null,
      (error: unknown) => error as ConfigError,
    );
    expect(failure?.problems).toHaveLength(2);
    expect(failure?.problems.join()).toMatch(/PAYOUT_DESTINATIONS: .*SIGNER: /s);
    expect(lines).toEqual([]);
  });

  test('starts on a database of its own network, and tells of lost connections in one line', async () => {
    await database.pool.query(
      "insert into sync_state (partition_id, total_partitions, network) values (0, 1, 'preprod')",
    );
    const stop = new AbortController();
    const ended = start(stop.signal);
    await until('listening');
    await database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'chain-teller'`,
    );
    const line = JSON.parse(await until('database_connection_lost')) as Record<string, unknown>;
    expect(line.reason).toMatch(/terminat.* \(57P01\)/);
    expect(line).not.toHaveProperty('err');
    stop.abort();
    expect(await ended).toBe(0);
  });
});
