import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, readConfig, readSettings, Secret } from './config.js';

const MINIMAL = {
  NETWORK: 'preprod',
  DATABASE_URL: 'postgres://teller:hunter2@db:5432/teller',
  OGMIOS_URL: 'wss://node.example/?apikey=topsecret',
};

const problemsOf = (read: () => unknown): readonly string[] => {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};
const problemsWith = (environment: NodeJS.ProcessEnv): readonly string[] =>
  problemsOf(() => readConfig({ ...MINIMAL, ...environment }));

describe('reading the environment', () => {
  test("three variables are enough; the contract's defaults fill the rest", () => {
    const config = readConfig(MINIMAL);
    expect(config).toMatchObject({
      network: { name: 'preprod', networkId: 0, magic: 1 },
      databasePoolMax: 10,
      redisUrl: null,
      ogmiosApiKeys: null,
      ogmiosApiKeyParam: 'apikey',
      ogmiosApiKeyHeader: null,
      migrateOnStart: true,
      startPoint: 'tip',
      minPaymentLovelace: 0n,
      readyMaxLagBlocks: 100,
      httpHost: '127.0.0.1',
      httpPort: 8080,
      apiKeys: null,
      hotWalletAddress: null,
      signer: null,
      payoutApprovalAboveLovelace: null,
      payoutConfirmations: 15,
      payoutValiditySeconds: 7200,
      payoutFees: 'treasury',
      shutdownTimeoutMs: 20_000,
      logLevel: 'info',
    });
    expect(config.confirmationTiers).toEqual([
      { fromLovelace: 0n, confirmations: 6 },
      { fromLovelace: 1_000_000_000n, confirmations: 15 },
      { fromLovelace: 100_000_000_000n, confirmations: 30 },
    ]);
    expect(config.databaseDirectUrl.reveal()).toBe(MINIMAL.DATABASE_URL);
    expect(Object.isFrozen(config)).toBe(true);
  });

  test("an empty variable is one that isn't set", () => {
    expect(readConfig({ ...MINIMAL, HTTP_PORT: '', REDIS_URL: '' }).httpPort).toBe(8080);
  });

  test('every problem is told at once', () => {
    const problems = problemsOf(() =>
      readConfig({ NETWORK: 'testnet', HTTP_PORT: '99999', READY_MAX_LAG: '-1' }),
    );
    expect(problems).toHaveLength(5);
    expect(problems.join('\n')).toContain("DATABASE_URL: is required and isn't set");
    expect(problems).toContain('HTTP_PORT: given "99999", wanted a whole number, 0 to 65535');
  });

  test.each([
    ['NETWORK', 'Mainnet', 'custom:MAGIC'],
    ['DATABASE_URL', 'mysql://x', 'postgres://'],
    ['OGMIOS_URL', 'ws://a,,ws://b', 'comma separated'],
    ['OGMIOS_URL', 'http://a', 'ws://'],
    ['OGMIOS_URL', 'ws://a,ws://b/#x', 'without #'],
    ['SIGNER', 'http://signer.example', 'https://'],
    ['PAYOUT_APPROVAL_ABOVE_ADA', '1.0000001', 'six decimals'],
    ['PAYOUT_FEES', 'both', 'treasury or user'],
    ['PAYOUT_VALIDITY_SECONDS', '59', '60 to 86400'],
    ['OGMIOS_API_KEYS', 'a,,b', 'none of them empty'],
    ['START_POINT', '123', 'SLOT.BLOCKHASH'],
    ['MIGRATE_ON_START', 'yes', 'true or false'],
    ['MIN_PAYMENT_LOVELACE', '1.5', 'whole lovelace'],
    ['TOTAL_PARTITIONS', '2', 'later version'],
    ['PARTITION_ID', '1', 'later version'],
    ['SHUTDOWN_TIMEOUT', '5s', 'whole seconds'],
    ['LOG_LEVEL', 'verbose', 'trace, debug'],
    ['CONFIRMATION_TIERS', '10=6', 'a tier from 0 is missing'],
    ['CONFIRMATION_TIERS', '0=6,10=3', 'must not need fewer'],
    ['CONFIRMATION_TIERS', '0=6,0.0=7', 'same amount'],
    ['CONFIRMATION_TIERS', '0=0', 'wanted 1 to 2160'],
    ['CONFIRMATION_TIERS', '0=6,', 'ADA=CONFIRMATIONS'],
    ['API_KEYS', 'shop:read:secret', 'SHA-256'],
    ['API_KEYS', `shop:reed:${'a'.repeat(64)}`, 'unknown scope'],
    ['API_KEYS', `a:read:${'a'.repeat(64)},a:read:${'b'.repeat(64)}`, 'name that is taken'],
    ['HOT_WALLET_ADDRESS', 'addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8', 'mainnet'],
  ])('%s=%s is refused, and what is wanted is said', (name, value, wanted) => {
    const problems = problemsWith({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(name);
    expect(problems[0]).toContain(wanted);
  });

  test('tiers may be given in any order and down to a lovelace', () => {
    const { confirmationTiers } = readConfig({ ...MINIMAL, CONFIRMATION_TIERS: '0.000001=7, 0=6' });
    expect(confirmationTiers).toEqual([
      { fromLovelace: 0n, confirmations: 6 },
      { fromLovelace: 1n, confirmations: 7 },
    ]);
  });

  test('backups by plan need a place', () => {
    expect(problemsWith({ BACKUP_CRON: '0 * * * *' })).toEqual([
      'BACKUP_DIR: is required where BACKUP_CRON is set: the directory for the files',
    ]);
    const config = readConfig({ ...MINIMAL, BACKUP_CRON: '0 * * * *', BACKUP_DIR: '/backups' });
    expect(config.backupDirectory).toBe('/backups');
  });

  test('API keys are kept as hashes with their scopes', () => {
    const { apiKeys } = readConfig({ ...MINIMAL, API_KEYS: `shop:read+write:${'AB'.repeat(32)}` });
    expect(apiKeys?.[0]).toMatchObject({ name: 'shop', scopes: new Set(['read', 'write']) });
    expect(apiKeys?.[0]?.sha256).toHaveLength(32);
  });
});

describe('reading a part', () => {
  test('a verb that needs the database alone demands nothing else', () => {
    const { databaseDirectUrl } = readSettings({ DATABASE_URL: 'postgres://a/b' }, [
      'databaseUrl',
      'databaseDirectUrl',
    ]);
    expect(databaseDirectUrl.reveal()).toBe('postgres://a/b');
  });

  test.each([
    ['postgres://a/b', '-c jit=on', 'postgres://a/b?options=-c+jit%3Don'],
    [
      'postgres://a/b?sslmode=require',
      '-c jit=on',
      'postgres://a/b?sslmode=require&options=-c+jit%3Don',
    ],
    ['postgres://a/b?options=-c%20x%3D1', '-c jit=on', 'postgres://a/b?options=-c%20x%3D1'],
    ['postgres://a/b?options=', '-c jit=on', 'postgres://a/b?options=-c+client_encoding%3DUTF8'],
    ['postgres://a/b?options=', '', 'postgres://a/b?options='],
    ['postgres://a/b', '', 'postgres://a/b'],
  ])('%s takes PGOPTIONS %j where it names no options', (url, options, read) => {
    const environment = { DATABASE_URL: url, PGOPTIONS: options };
    const both = readSettings(environment, ['databaseUrl', 'databaseDirectUrl']);
    expect([both.databaseUrl.reveal(), both.databaseDirectUrl.reveal()]).toEqual([read, read]);
    const alone = readSettings(environment, ['databaseDirectUrl']);
    expect(alone.databaseDirectUrl.reveal()).toBe(read);
  });

  test("what it doesn't name isn't looked at", () => {
    expect(readSettings({ NETWORK: 'preview', HTTP_PORT: 'x' }, ['network']).network.magic).toBe(2);
  });
});

describe('files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'teller-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const lines = Object.entries(MINIMAL).map(([name, value]) => `${name}=${value}`);

  test('KEY=VALUE lines and JSON say the same, and the environment wins', () => {
    const dotenv = file('teller.env', `# ours\n${lines.join('\n')}\nHTTP_PORT=9000\n`);
    const json = file('teller.json', JSON.stringify({ ...MINIMAL, HTTP_PORT: 9000 }));
    const fromLines = readConfig({ TELLER_CONFIG: dotenv });
    expect(fromLines.httpPort).toBe(9000);
    expect(inspect(readConfig({ TELLER_CONFIG: json }))).toBe(inspect(fromLines));
    expect(readConfig({ TELLER_CONFIG: json, HTTP_PORT: '9001' }).httpPort).toBe(9001);
  });

  test('an unknown key is a mistake', () => {
    const path = file('teller.env', `${lines.join('\n')}\nHTTP_PROT=9000\n`);
    expect(problemsOf(() => readConfig({ TELLER_CONFIG: path }))).toEqual([
      'TELLER_CONFIG: HTTP_PROT is no setting of this version',
    ]);
  });

  test('what a later version reads may stand in it already, as X_FILE too', () => {
    const later = [
      'RECONCILE_CRON=0 3 * * *',
      'PAYOUT_DAILY_LIMIT_ADA=5000',
      'ACCOUNT_PUBLIC_KEY_FILE=/does/not/exist',
      'OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318',
    ];
    const path = file('teller.env', [...lines, ...later].join('\n'));
    expect(readConfig({ TELLER_CONFIG: path }).network.name).toBe('preprod');
    const wrong = file('wrong.env', [...lines, 'PAYOUT_LIMIT=1', 'SIGNER_FILES=x'].join('\n'));
    expect(problemsOf(() => readConfig({ TELLER_CONFIG: wrong }))).toHaveLength(2);
  });

  test('a number that JSON would round is refused', () => {
    const path = file('teller.json', '{"MIN_PAYMENT_LOVELACE": 9007199254740993}');
    expect(problemsWith({ TELLER_CONFIG: path })).toEqual([
      'TELLER_CONFIG: MIN_PAYMENT_LOVELACE must be a text, a whole number or a boolean',
    ]);
  });

  test('a file that is missing or broken is told without its content', () => {
    expect(problemsWith({ TELLER_CONFIG: join(folder, 'none') })[0]).toContain('ENOENT');
    const broken = problemsWith({ TELLER_CONFIG: file('broken.json', '{"API_KEYS": "hunter2') });
    expect(broken.join()).toContain("isn't valid JSON");
    expect(broken.join()).not.toContain('hunter2');
  });

  test('a secret comes from the file that X_FILE names, without its last line break', () => {
    const path = file('url', 'postgres://u:p@h/db\n');
    const { databaseUrl } = readConfig({
      ...MINIMAL,
      DATABASE_URL: undefined,
      DATABASE_URL_FILE: path,
    });
    expect(databaseUrl.reveal()).toBe('postgres://u:p@h/db');
  });

  test('X and X_FILE together are refused', () => {
    const [problem] = problemsWith({ DATABASE_URL_FILE: file('url', 'postgres://h/db') });
    expect(problem).toContain('DATABASE_URL: given twice, also as DATABASE_URL_FILE');
  });
});

describe('secrets', () => {
  test('a configuration can be printed in every way without telling one', () => {
    const config = readConfig({
      ...MINIMAL,
      OGMIOS_API_KEYS: 'key-of-mine',
      REDIS_URL: 'redis://:pw9@r',
    });
    const printed = [
      inspect(config, { depth: 9, showHidden: true }),
      JSON.stringify(config, (_, value: unknown) => (typeof value === 'bigint' ? '' : value)),
      `${config.databaseUrl.toString()} ${String(config.ogmiosUrls)}`,
    ].join();
    expect(printed).not.toMatch(/hunter2|topsecret|key-of-mine|pw9/);
    expect(new Secret('x').reveal()).toBe('x');
  });

  test("a refused secret isn't quoted", () => {
    const problems = problemsWith({ DATABASE_URL: 'hunter2', API_KEYS: 'shop:read:swordfish' });
    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toMatch(/hunter2|swordfish/);
  });
});
