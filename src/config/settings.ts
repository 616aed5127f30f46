import { validate } from 'node-cron';
import { z } from 'zod';
import { parseNetwork } from '../chain/network.js';
import { type PointOrOrigin, parsePoint, SECURITY_PARAMETER_BLOCKS } from '../chain/point.js';
import { parseApiKeys } from './api-keys.js';
import { parseConfirmationTiers } from './confirmation-tiers.js';
import {
  GUARD_DEPTH_MIN,
  got,
  offOrBlocks,
  onOrOff,
  type Read,
  wanted,
  whole,
} from './read-text.js';
import { Secret } from './secret.js';

/** One variable: its name, whether its value may be shown in an error, and how its text is read. */
export type Setting<T> = {
  readonly variable: string;
  readonly secret: boolean;
  /** Sees undefined where nothing was given; its issues say what is wanted. */
  readonly schema: z.ZodType<T, string | undefined>;
};

const readBy =
  <T>(read: (text: string) => Read<T>) =>
  (text: string, context: z.RefinementCtx<string>): T => {
    const result = read(text.trim());
    if (result.ok) return result.value;
    context.addIssue({ code: 'custom', message: result.wanted });
    return z.NEVER;
  };

const required = <T>(variable: string, read: (text: string) => Read<T>): Setting<T> => ({
  variable,
  secret: false,
  schema: z.string({ error: REQUIRED }).transform(readBy(read)),
});

const optional = <T>(variable: string, read: (text: string) => Read<T>): Setting<T | null> => ({
  variable,
  secret: false,
  schema: z
    .string()
    .optional()
    .transform((text, context) =>
      text === undefined ? null : readBy(read)(text, context as z.RefinementCtx<string>),
    ),
});

const defaulted = <T>(
  variable: string,
  text: string,
  read: (text: string) => Read<T>,
): Setting<T> => ({
  variable,
  secret: false,
  schema: z.string().default(text).transform(readBy(read)),
});

const hidden = <T>(setting: Setting<T>): Setting<T> => ({ ...setting, secret: true });

/** Marks a problem that is about absence, so that no "given" is shown. */
export const REQUIRED = 'required';

const url =
  (...protocols: readonly string[]) =>
  (text: string): Read<Secret> =>
    urlProblem(text, protocols) === undefined
      ? got(new Secret(text))
      : wanted(`a URL that begins with ${protocols.map((name) => `${name}//`).join(' or ')}`);

function urlProblem(text: string, protocols: readonly string[]): string | undefined {
  try {
    return protocols.includes(new URL(text).protocol) ? undefined : 'protocol';
  } catch {
    return 'syntax';
  }
}

const ogmiosUrl = url('ws:', 'wss:');

function ogmiosUrls(text: string): Read<readonly Secret[]> {
  const results = text.split(',').map((part) => ogmiosUrl(part.trim()));
  const urls = results.flatMap((result) => (result.ok ? [result.value] : []));
  // A WebSocket URL may have no fragment (RFC 6455, 3): the client would refuse it at each attempt.
  return urls.length === results.length && !text.includes('#')
    ? got(urls)
    : wanted('ws:// or wss:// addresses without #, comma separated, the preferred one first');
}

function keyList(text: string): Read<readonly Secret[]> {
  const keys = text.split(',').map((key) => key.trim());
  return keys.every((key) => /^[\x21-\x7e]+$/.test(key))
    ? got(keys.map((key) => new Secret(key)))
    : wanted('keys without spaces, comma separated, none of them empty');
}

const matching =
  (pattern: RegExp, what: string) =>
  (text: string): Read<string> =>
    pattern.test(text) ? got(text) : wanted(what);

function startPoint(text: string): Read<'tip' | PointOrOrigin> {
  if (text === 'tip' || text === 'origin') return got(text);
  const point = parsePoint(text);
  return point === undefined ? wanted('tip, origin or SLOT.BLOCKHASH') : got(point);
}

const cron = (text: string): Read<string> =>
  validate(text) ? got(text) : wanted('a cron expression, as 30 3 * * *');

const boolean = (text: string): Read<boolean> =>
  text === 'true' || text === 'false' ? got(text === 'true') : wanted('true or false');

/** 128 bits in base64; what is guessed lets its guesser name the payouts of others. */
const SECRET_LENGTH_MIN = 22;

export type SignerAddress =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'remote'; readonly url: string };

function signer(text: string): Read<SignerAddress> {
  const path = /^file:(?:\/\/)?(.+)$/.exec(text)?.[1];
  if (path !== undefined) return got({ kind: 'file', path });
  const remote = URL.canParse(text) ? new URL(text) : null;
  return remote?.protocol === 'https:' && remote.username === '' && remote.password === ''
    ? got({ kind: 'remote', url: text })
    : wanted('file:PATH, or https://… without a user name or password');
}

const pem =
  (label: string) =>
  (text: string): Read<Secret> =>
    new RegExp(`^-----BEGIN [A-Z ]*${label}-----[^]*-----END [A-Z ]*${label}-----$`).test(text)
      ? got(new Secret(text))
      : wanted(`PEM text with a ${label}; name a file with …_FILE`);

/** ADA with up to six decimals, as lovelace. */
function ada(text: string): Read<bigint> {
  const [, whole_, fraction = ''] = /^(\d{1,11})(?:\.(\d{1,6}))?$/.exec(text) ?? [];
  const lovelaceOf = BigInt(whole_ ?? -1) * 1_000_000n + BigInt(fraction.padEnd(6, '0') || 0);
  return whole_ !== undefined && lovelaceOf <= LOVELACE_MAX
    ? got(lovelaceOf)
    : wanted('ADA, with up to six decimals');
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

function logLevel(text: string): Read<LogLevel> {
  const level = LOG_LEVELS.find((name) => name === text);
  return level === undefined ? wanted(LOG_LEVELS.join(', ')) : got(level);
}

/** More than all lovelace there can be would ignore every payment. */
const LOVELACE_MAX = 45_000_000_000_000_000n;

function lovelace(text: string): Read<bigint> {
  const value = /^\d{1,17}$/.test(text) ? BigInt(text) : LOVELACE_MAX + 1n;
  return value <= LOVELACE_MAX
    ? got(value)
    : wanted(`whole lovelace, 0 to ${LOVELACE_MAX.toString()}`);
}

const orWanted = <T>(
  result:
    | { readonly ok: true; readonly value: T }
    | { readonly ok: false; readonly problem: string },
  form: string,
): Read<T> => (result.ok ? got(result.value) : wanted(`${form} (${result.problem})`));

const NETWORK_FORM = 'mainnet, preprod, preview or custom:MAGIC';

/** Every setting of this version, under its name in the code. The README's table is the same list. */
export const SETTINGS = {
  network: required('NETWORK', (text) => {
    const network = parseNetwork(text);
    return network === undefined ? wanted(NETWORK_FORM) : got(network);
  }),
  databaseUrl: hidden(required('DATABASE_URL', url('postgres:', 'postgresql:'))),
  databaseDirectUrl: hidden(optional('DATABASE_DIRECT_URL', url('postgres:', 'postgresql:'))),
  databasePoolMax: defaulted('DATABASE_POOL_MAX', '10', whole(2, 1000)),
  redisUrl: hidden(optional('REDIS_URL', url('redis:', 'rediss:', 'redis+cluster:'))),
  ogmiosUrls: hidden(required('OGMIOS_URL', ogmiosUrls)),
  ogmiosApiKeys: hidden(optional('OGMIOS_API_KEYS', keyList)),
  ogmiosApiKeyParam: defaulted(
    'OGMIOS_API_KEY_PARAM',
    'apikey',
    matching(/^[A-Za-z0-9._~-]{1,64}$/, 'the name of a query parameter'),
  ),
  ogmiosApiKeyHeader: optional(
    'OGMIOS_API_KEY_HEADER',
    matching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'the name of an HTTP header'),
  ),
  migrateOnStart: defaulted('MIGRATE_ON_START', 'true', boolean),
  startPoint: defaulted('START_POINT', 'tip', startPoint),
  confirmationTiers: defaulted('CONFIRMATION_TIERS', '0=6,1000=15,100000=30', (text) => {
    const parsed = parseConfirmationTiers(text);
    return orWanted(
      parsed.ok ? { ok: true, value: parsed.tiers } : parsed,
      'ADA=CONFIRMATIONS, comma separated',
    );
  }),
  minPaymentLovelace: defaulted('MIN_PAYMENT_LOVELACE', '0', lovelace),
  partitionId: defaulted('PARTITION_ID', '0', (text) =>
    text === '0' ? got(0) : wanted('0: several partitions come with a later version'),
  ),
  totalPartitions: defaulted('TOTAL_PARTITIONS', '1', (text) =>
    text === '1' ? got(1) : wanted('1: several partitions come with a later version'),
  ),
  readyMaxLagBlocks: defaulted('READY_MAX_LAG', '100', whole(0, 1_000_000)),
  httpHost: defaulted(
    'HTTP_HOST',
    '127.0.0.1',
    matching(/^[^\s/]{1,255}$/, 'a host name or IP address'),
  ),
  httpPort: defaulted('HTTP_PORT', '8080', whole(0, 65535)),
  apiKeys: hidden(
    optional('API_KEYS', (text) => {
      const parsed = parseApiKeys(text);
      return orWanted(
        parsed.ok ? { ok: true, value: parsed.keys } : parsed,
        'name:scope+scope:sha256hex, comma separated',
      );
    }),
  ),
  reconcileCron: defaulted('RECONCILE_CRON', '0 3 * * *', cron),
  verifyCron: defaulted('VERIFY_CRON', '30 3 * * *', cron),
  backupCron: optional('BACKUP_CRON', cron),
  backupDirectory: optional('BACKUP_DIR', (text) => got(text)),
  witnessUrls: hidden(optional('OGMIOS_WITNESS_URL', ogmiosUrls)),
  witnessApiKeys: hidden(optional('OGMIOS_WITNESS_API_KEYS', keyList)),
  guardSplitDepth: defaulted(
    'GUARD_SPLIT_DEPTH',
    '5',
    whole(GUARD_DEPTH_MIN, SECURITY_PARAMETER_BLOCKS),
  ),
  guardRollbackDepth: optional('GUARD_ROLLBACK_DEPTH', offOrBlocks),
  guardDensity: optional('GUARD_DENSITY', onOrOff),
  hotWalletAddress: optional('HOT_WALLET_ADDRESS', (text) => got(text)),
  signer: optional('SIGNER', signer),
  signerClientCertificate: optional('SIGNER_CLIENT_CERT', pem('CERTIFICATE')),
  signerClientKey: hidden(optional('SIGNER_CLIENT_KEY', pem('PRIVATE KEY'))),
  signerCa: optional('SIGNER_CA', pem('CERTIFICATE')),
  payoutIdSecret: hidden(
    optional('PAYOUT_ID_SECRET', (text) =>
      text.length >= SECRET_LENGTH_MIN
        ? got(new Secret(text))
        : wanted(`at least ${SECRET_LENGTH_MIN} characters, drawn at random`),
    ),
  ),
  payoutApprovalAboveLovelace: optional('PAYOUT_APPROVAL_ABOVE_ADA', ada),
  payoutDailyLimitLovelace: optional('PAYOUT_DAILY_LIMIT_ADA', ada),
  payoutConfirmations: defaulted('PAYOUT_CONFIRMATIONS', '15', whole(1, SECURITY_PARAMETER_BLOCKS)),
  // Two epochs' worth is beyond what a node can forecast; below a minute no transaction gets through.
  payoutValiditySeconds: defaulted('PAYOUT_VALIDITY_SECONDS', '7200', whole(60, 86_400)),
  payoutFees: defaulted('PAYOUT_FEES', 'treasury', (text) =>
    text === 'treasury' || text === 'user' ? got(text) : wanted('treasury or user'),
  ),
  payoutDestinations: optional('PAYOUT_DESTINATIONS', (text) =>
    got(text.split(',').map((part) => part.trim())),
  ),
  payoutBatchMax: defaulted('PAYOUT_BATCH_MAX', '180', whole(1, 1000)),
  payoutBatchWaitMs: defaulted('PAYOUT_BATCH_WAIT_SECONDS', '2', (text) => {
    const seconds = whole(0, 3600)(text);
    return seconds.ok ? got(seconds.value * 1000) : wanted('whole seconds, 0 to 3600');
  }),
  payoutUnconfirmedMax: defaulted('PAYOUT_UNCONFIRMED_MAX', '2', whole(0, 50)),
  shutdownTimeoutMs: defaulted('SHUTDOWN_TIMEOUT', '20', (text) => {
    const seconds = whole(0, 3600)(text);
    return seconds.ok ? got(seconds.value * 1000) : wanted('whole seconds, 0 to 3600');
  }),
  logLevel: defaulted('LOG_LEVEL', 'info', logLevel),
} as const;

/**
 * Settings of the contract that a later version reads. A file may hold them already, so that one file
 * serves instances of both versions during an update.
 */
export const LATER_VARIABLES: readonly string[] = [
  'DATABASE_REPLICA_URL',
  'ACCOUNT_PUBLIC_KEY',
  'WEBHOOK_ALLOW_PRIVATE',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
];

export type SettingName = keyof typeof SETTINGS;
