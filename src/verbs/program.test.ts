import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bech32 } from '@scure/base';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createEmptyDatabase } from '../../test/support/database.js';
import type { TestDatabase } from '../../test/support/test-databases.js';
import { migrate } from '../database/migrate.js';
import { runTeller } from './program.js';
import type { Run } from './run.js';

function address(seed: number): string {
  const bytes = new Uint8Array(29);
  bytes[0] = 0x60;
  new DataView(bytes.buffer).setUint32(25, seed);
  return bech32.encode('addr_test', bech32.toWords(bytes));
}

let database: TestDatabase;
let folder: string;
let environment: NodeJS.ProcessEnv;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'teller-verbs-'));
  database = await createEmptyDatabase();
  await migrate(database.url);
  environment = { NETWORK: 'preprod', DATABASE_URL: database.url };
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await database.drop();
});
beforeEach(async () => {
  await database.pool.query(
    'truncate payment_addresses, incoming_payments, user_balances, balance_transactions, sync_state cascade',
  );
});

const noRun: Run = () => Promise.reject(new Error('nothing is to run here'));

async function teller(
  words: string[],
  options: { environment?: NodeJS.ProcessEnv; run?: Run } = {},
) {
  let out = '';
  let err = '';
  const terminal = {
    environment: options.environment ?? environment,
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    isInteractive: false,
  };
  const exitCode = await runTeller(words, terminal, options.run ?? noRun);
  return { exitCode, out, err };
}
const json = async (...words: string[]) => {
  const { exitCode, out } = await teller([...words, '--json']);
  return {
    exitCode,
    lines: out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  };
};

const VERBS = [
  'run',
  'migrate',
  'address add',
  'address import',
  'address list',
  'address show',
  'payment list',
  'payment show',
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
      ['run', '--roles', 'sync,payouts'],
      ['--roles', 'payouts', 'later version'],
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
    ['that refuses connections', 'postgres://u:hunter2@127.0.0.1:1/x', "can't be reached"],
    ['without a schema', '', 'teller migrate'],
    ['that does not exist', 'nowhere', 'does not exist'],
  ])('%s is told in one line', async (_, url, why) => {
    const blank = await createEmptyDatabase();
    const nowhere = blank.url.replace(/\/[^/]*$/, '/nowhere');
    const DATABASE_URL = url === '' ? blank.url : url === 'nowhere' ? nowhere : url;
    const { exitCode, err } = await teller(['balance', 'verify'], {
      environment: { DATABASE_URL },
    });
    await blank.drop();
    expect(exitCode).toBe(1);
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
    expect(JSON.parse(applied.out)).toMatchObject({ applied: ['0001_follow-the-chain'] });
    expect(await teller(['migrate', '--check'], options)).toMatchObject({
      exitCode: 0,
      out: 'the schema is up to date\n',
    });
    await blank.drop();
  });
});

describe('addresses', () => {
  test('are added, found again, and kept for their owner', async () => {
    const add = [
      'address',
      'add',
      address(1),
      '--user',
      'ann',
      '--ref-type',
      'order',
      '--ref-id',
      '7',
    ];
    expect(await json(...add)).toEqual({
      exitCode: 0,
      lines: [{ address: address(1), outcome: 'created' }],
    });
    expect(await teller(add)).toMatchObject({
      exitCode: 0,
      out: `${address(1)}: was watched already\n`,
    });
    const bob = await teller(['address', 'add', address(1), '--user', 'bob']);
    expect(bob).toMatchObject({ exitCode: 1, out: '' });
    expect(bob.err).toContain('another user');
    expect(await json('address', 'show', address(1))).toMatchObject({
      lines: [{ userId: 'ann', referenceType: 'order', referenceId: '7' }],
    });
    expect((await teller(['address', 'show', address(2)])).exitCode).toBe(1);
    const listed = await json('address', 'list', '--user', 'ann');
    expect(listed.lines).toMatchObject([{ items: [{ address: address(1) }], nextCursor: null }]);
  });

  test('of another network than that of the database are refused', async () => {
    await database.pool.query(
      "insert into sync_state (partition_id, total_partitions, network) values (0, 1, 'preview')",
    );
    const { exitCode, err } = await teller(['address', 'add', address(1), '--user', 'ann']);
    expect(exitCode).toBe(2);
    expect(err).toContain('this database follows preview');
  });

  test('cannot draw on the terminal', async () => {
    await teller(['address', 'add', address(1), '--user', '\u001b[2Jann']);
    const { out } = await teller(['address', 'list']);
    expect(out).toContain('\\u{1b}[2Jann');
    expect(out).not.toContain('\u001b');
  });
});

describe('importing', () => {
  const HEADER = 'address,user_id,reference_type,reference_id';
  const file = (...lines: string[]): string => {
    const path = join(folder, 'addresses.csv');
    writeFileSync(path, lines.join('\n'));
    return path;
  };
  const importing = (...lines: string[]) => teller(['address', 'import', file(...lines)]);

  test('good rows are registered, bad ones told with their line', async () => {
    await teller(['address', 'add', address(3), '--user', 'bob']);
    const { exitCode, out, err } = await importing(
      HEADER,
      `${address(1)},ann,order,7`,
      `${address(2)},"ann, the\nsecond",,`,
      'nonsense,ann,,',
      '',
      `${address(3)},ann,,`,
      address(4),
      `${address(5)},,,`,
      `${address(1)},ann,order,7`,
    );
    expect(exitCode).toBe(1);
    expect(out).toBe('2 new, 1 known already, 1 in conflict, 3 invalid\n');
    const told = err.split('\n').map((line) => line.slice(0, 8));
    expect(told).toEqual(['line 5: ', 'line 7: ', 'line 8: ', 'line 9: ', '']);
    const { rows } = await database.pool.query('select count(*)::int as n from payment_addresses');
    expect(rows).toEqual([{ n: 3 }]);
  });

  test('a clean file ends with 0, in any order of columns and with a byte order mark', async () => {
    const again = ['\ufeffUSER_ID,address', `ann,${address(1)}`, `bob,${address(2)}`];
    expect(await importing(...again)).toEqual({
      exitCode: 0,
      out: '2 new, 0 known already, 0 in conflict, 0 invalid\n',
      err: '',
    });
    expect((await importing(...again)).out).toContain('0 new, 2 known');
  });

  test('--json streams problems and ends with the sums', async () => {
    const path = file(HEADER, `${address(1)},ann,,`, 'x,ann,,');
    expect(await json('address', 'import', path)).toEqual({
      exitCode: 1,
      lines: [
        expect.objectContaining({ line: 3, address: 'x', outcome: 'invalid' }),
        { summary: { created: 1, exists: 0, conflict: 0, invalid: 1 } },
      ],
    });
  });

  test('25,000 rows go in batches', async () => {
    const rows = Array.from({ length: 25_000 }, (_, seed) => `${address(seed)},user-${seed % 9},,`);
    expect((await importing(HEADER, ...rows)).out).toContain('25000 new');
    const { rows: found } = await database.pool.query(
      'select count(distinct xmin::text)::int as n from payment_addresses',
    );
    expect(found).toEqual([{ n: 3 }]);
  });

  test.each([
    ['an empty file', [''], 'is empty'],
    ['another header', ['address;user_id'], 'wanted address,user_id'],
    ['an unknown column', ['address,user_id,colour'], 'wanted address,user_id'],
    ['a quote that is never closed', [HEADER, `"${address(1)},ann,,`], 'line 2'],
  ])('%s is refused with 2', async (_, lines, why) => {
    const { exitCode, err } = await importing(...lines);
    expect(exitCode).toBe(2);
    expect(err).toContain(why);
  });
});

describe('reading', () => {
  beforeEach(async () => {
    await teller(['address', 'add', address(1), '--user', 'ann']);
    await database.pool.query(`
      insert into sync_state (partition_id, total_partitions, network, started, last_slot,
                              last_block_hash, last_block_height, tip_height, leader_epoch)
      values (0, 1, 'preprod', true, 2000, repeat('a', 64), 110, 112, 4)`);
    await database.pool.query(
      `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace,
         status, block_hash, block_height, slot, required_confirmations)
       values (repeat('c', 64), 1, $1, 'ann', 18446744073709551615, 'pending', repeat('a', 64), 105, 1900, 15)`,
      [address(1)],
    );
    await database.pool.query("insert into user_balances values ('ann', 'lovelace', 0, 0, 5)");
  });

  test('payments are listed and shown', async () => {
    const { out } = await teller(['payment', 'list', '--user', 'ann', '--address', address(1)]);
    expect(out).toContain(`${'c'.repeat(64)}#1`);
    expect(out).toContain('18446744073709.551615');
    expect(out).toContain('6/15');
    const shown = await json('payment', 'show', `${'C'.repeat(64)}#1`);
    expect(shown).toMatchObject({
      exitCode: 0,
      lines: [{ amountLovelace: '18446744073709551615' }],
    });
    expect((await teller(['payment', 'show', `${'d'.repeat(64)}#1`])).exitCode).toBe(1);
  });

  test('a balance that is not the sum of its entries ends with 3', async () => {
    expect(await json('balance', 'verify')).toMatchObject({
      exitCode: 3,
      lines: [{ balances: 1, mismatchCount: 1, mismatches: [{ userId: 'ann' }] }],
    });
    expect((await teller(['balance', 'verify'])).out).toContain('1 of 1 balances differ');
    await database.pool.query('delete from user_balances');
    expect((await teller(['balance', 'verify'])).exitCode).toBe(0);
  });

  test('balances and status are shown', async () => {
    expect((await teller(['balance', 'show', 'ann'])).out).toContain('0.000005');
    expect(await json('balance', 'show', 'ann')).toMatchObject({
      lines: [{ balances: [{ unit: 'lovelace', pending: '5' }] }],
    });
    expect(await json('status')).toMatchObject({
      lines: [
        {
          network: 'preprod',
          leaderEpoch: 4,
          cursor: { height: 110 },
          lag: 2,
          watchedAddresses: 1,
          payments: { pending: 1 },
        },
      ],
    });
    expect((await teller(['status'])).out).toMatch(/blocks behind +2/);
  });
});

describe('run', () => {
  test('hands the daemon its settings and roles, and ends as it ends', async () => {
    const calls: unknown[] = [];
    const run: Run = (config, { roles }) => {
      calls.push([config.network.name, roles]);
      return Promise.resolve(1);
    };
    const whole = { ...environment, OGMIOS_URL: 'ws://localhost:1337' };
    expect((await teller(['run'], { environment: whole, run })).exitCode).toBe(1);
    await teller(['run', '--roles', 'api'], { environment: whole, run });
    expect(calls).toEqual([
      ['preprod', ['sync', 'api']],
      ['preprod', ['api']],
    ]);
  });
});

describe('the process', () => {
  const CLI = fileURLToPath(new URL('../cli.ts', import.meta.url));
  const start = (...words: string[]) =>
    spawn(process.execPath, ['--import', 'tsx', CLI, ...words], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  test('ends with the exit code of its verb', async () => {
    const child = start('payment', 'show', 'abc');
    const exitCode = await new Promise((resolve) => child.once('exit', resolve));
    expect(exitCode).toBe(2);
  });
});
