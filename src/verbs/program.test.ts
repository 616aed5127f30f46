import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { createEmptyDatabase } from '../../test/support/database.js';
import { tellerInTests } from '../../test/support/teller.js';
import { knownMigrations } from '../database/migrate.js';
import type { Run } from './run.js';

const { under, teller } = tellerInTests();

const VERBS = [
  'run',
  'migrate',
  'address add',
  'address import',
  'address list',
  'address show',
  'address settle',
  'payment list',
  'payment show',
  'payout create',
  'payout list',
  'payout show',
  'payout approve',
  'payout cancel',
  'payout pause',
  'payout resume',
  'payout fence',
  'payout accept-secret',
  'balance show',
  'balance verify',
  'status',
  'devnet',
];

describe('usage', () => {
  test.each(VERBS)('teller %s --help has an example and --json', async (verb) => {
    const { exitCode, out } = await teller([...verb.split(' '), '--help']);
    expect(exitCode).toBe(0);
    expect(out).toContain('Example:');
    expect(out).toContain('--json');
  });

  test.each([
    [
      ['payment', 'list', '--limit', 'ten'],
      ['--limit', 'ten', '1 to 500'],
    ],
    [
      ['payment', 'list', '--status', 'done'],
      ['--status', 'done', 'pending, confirmed'],
    ],
    [
      ['payment', 'list', '--since', 'yesterday'],
      ['--since', 'yesterday', 'ISO 8601'],
    ],
    [
      ['payment', 'list', '--cursor', 'x'],
      ['--cursor', 'none of ours'],
    ],
    [
      ['payment', 'list', '--address', 'addr1x'],
      ['--address', 'addr1x'],
    ],
    [
      ['payment', 'show', 'abc#0'],
      ['TX#INDEX', 'abc#0', '64 hex digits'],
    ],
    [['address', 'add', 'addr1x'], ['--user']],
    [
      ['address', 'add', 'addr1x', '--user', 'ann'],
      ['addr1x', 'checksum'],
    ],
    [
      ['address', 'show', 'addr1x'],
      ['ADDRESS', 'addr1x', 'checksum'],
    ],
    [
      ['address', 'import', '/no/such/file'],
      ['FILE', '/no/such/file'],
    ],
    [
      ['run', '--roles', 'sync,webhooks'],
      ['--roles', 'webhooks', 'later version'],
    ],
    [
      ['run', '--roles', 'chef'],
      ['--roles', 'chef', 'sync, api'],
    ],
    [['pay'], ['pay']],
    [['status', '--colour'], ['--colour']],
    [['address', 'show'], ['address']],
  ])('%j ends with 2 and names what is wrong', async (words, wanted) => {
    const { exitCode, out, err } = await teller(words);
    expect(exitCode).toBe(2);
    expect(out).toBe('');
    for (const text of wanted) expect(err).toContain(text);
  });

  test('a wrong configuration ends with 2 and every problem', async () => {
    const { exitCode, err } = await teller(['run'], { environment: { HTTP_PORT: 'x' } });
    expect(exitCode).toBe(2);
    for (const name of ['NETWORK', 'DATABASE_URL', 'OGMIOS_URL', 'HTTP_PORT'])
      expect(err).toContain(name);
  });

  test('--version tells the version', async () => {
    expect((await teller(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('a database that is not there', () => {
  test.each([
    ['that refuses connections', 'postgres://u:hunter2@127.0.0.1:1/x', 1, "can't be reached"],
    ['without a schema', '', 2, 'teller migrate'],
    ['that does not exist', 'nowhere', 1, 'does not exist'],
  ])('%s is told in one line', async (_, url, code, why) => {
    const blank = await createEmptyDatabase();
    const nowhere = blank.url.replace(/\/[^/]*$/, '/nowhere');
    const DATABASE_URL = url === '' ? blank.url : url === 'nowhere' ? nowhere : url;
    const { exitCode, err } = await teller(['balance', 'verify'], {
      environment: { NETWORK: 'preprod', DATABASE_URL },
    });
    await blank.drop();
    expect(exitCode).toBe(code);
    expect(err).toContain(why);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(err).not.toContain('hunter2');
  });
});

describe('migrate', () => {
  test('--check ends with 3 until it was done', async () => {
    const blank = await createEmptyDatabase();
    const options = { environment: { DATABASE_URL: blank.url } };
    expect((await teller(['migrate', '--check'], options)).exitCode).toBe(3);
    const applied = await teller(['migrate', '--json'], options);
    expect(applied).toMatchObject({ exitCode: 0, err: '' });
    expect(JSON.parse(applied.out)).toMatchObject({ applied: knownMigrations() });
    expect(await teller(['migrate', '--check'], options)).toMatchObject({
      exitCode: 0,
      out: 'the schema is up to date\n',
    });
    await blank.drop();
  });
});

describe('run', () => {
  test('hands the daemon its settings and roles, and ends as it ends', async () => {
    const calls: unknown[] = [];
    const run: Run = (config, { roles }) => {
      calls.push([config.network.name, roles]);
      return Promise.resolve(1);
    };
    const whole = { ...under.environment, OGMIOS_URL: 'ws://localhost:1337' };
    expect((await teller(['run'], { environment: whole, run })).exitCode).toBe(1);
    await teller(['run', '--roles', 'api'], { environment: whole, run });
    expect(calls).toEqual([
      ['preprod', ['sync', 'api', 'scheduler']],
      ['preprod', ['api']],
    ]);
  });
  test('tells in one line that its port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const run: Run = async () => {
      await once(createServer().listen(port, '127.0.0.1'), 'listening');
      return 0;
    };
    const environment = { ...under.environment, OGMIOS_URL: 'ws://localhost:1337' };
    const { exitCode, err } = await teller(['run'], { environment, run });
    taken.close();
    expect(exitCode).toBe(1);
    expect(err).toMatch(/^teller: HTTP_HOST, HTTP_PORT: can't listen there: .*EADDRINUSE.*\n$/);
  });
});

describe('the process', () => {
  const CLI = fileURLToPath(new URL('../cli.ts', import.meta.url));
  const start = (...words: string[]) =>
    spawn(process.execPath, ['--import', 'tsx', CLI, ...words], {
      env: { ...process.env, ...under.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  test('ends with the exit code of its verb', async () => {
    const child = start('payment', 'show', 'abc');
    const exitCode = await new Promise((resolve) => child.once('exit', resolve));
    expect(exitCode).toBe(2);
  });
});
