import type { z } from 'zod';
import { checkAddress } from './chain/address.js';
import { Secret } from './config/secret.js';
import { LATER_VARIABLES, REQUIRED, SETTINGS, type SettingName } from './config/settings.js';
import { readSource } from './config/source.js';

export type { ApiKey, ApiScope } from './config/api-keys.js';
export type { ConfirmationTier } from './config/confirmation-tiers.js';
export { Secret } from './config/secret.js';

type Values = { readonly [N in SettingName]: z.output<(typeof SETTINGS)[N]['schema']> };

/** Contract, section 3. Text that is or may hold a secret is a `Secret`; null is "not set". */
export type Config = Omit<Values, 'databaseDirectUrl'> & { readonly databaseDirectUrl: Secret };

/** All that is wrong with the configuration at once; never shows a secret's value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

/** Everything `run` needs. @throws ConfigError */
export const readConfig = (environment: NodeJS.ProcessEnv): Config =>
  readSettings(environment, SETTING_NAMES);

/**
 * Only the named settings, for verbs that do with less: what else is set isn't looked at. A config
 * file's unknown keys are refused all the same. @throws ConfigError
 */
export function readSettings<N extends SettingName>(
  environment: NodeJS.ProcessEnv,
  names: readonly N[],
): Readonly<Pick<Config, N>> {
  const source = readSource(environment, VARIABLES, new Set(LATER_VARIABLES));
  const problems = [...source.problems];
  const read = (name: SettingName): unknown => {
    const { variable, secret, schema } = SETTINGS[name];
    const given = source.values.get(variable);
    const result = (schema as z.ZodType<unknown, string | undefined>).safeParse(given);
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    problems.push(
      tellProblem(variable, secret ? undefined : given, issue?.message ?? 'another value'),
    );
    return undefined;
  };
  const values = new Map<SettingName, unknown>(names.map((name) => [name, read(name)]));
  if (names.includes('databaseDirectUrl' as N) && values.get('databaseDirectUrl') === null) {
    values.set('databaseDirectUrl', values.get('databaseUrl') ?? read('databaseUrl'));
  }
  for (const name of ['databaseUrl', 'databaseDirectUrl'] as const) {
    const url = values.get(name);
    if (url instanceof Secret) values.set(name, withSessionOptions(url, environment.PGOPTIONS));
  }
  const foreign = hotWalletProblem(values);
  if (foreign !== undefined) problems.push(foreign);
  if (isItsOwnWitness(values)) problems.push(OWN_WITNESS);
  if (values.get('backupCron') && !values.get('backupDirectory')) {
    problems.push('BACKUP_DIR: is required where BACKUP_CRON is set: the directory for the files');
  }
  if (names.includes('signer' as N) && values.get('signer')) problems.push(...missingFor(values));
  if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
  return Object.freeze(Object.fromEntries(values)) as Readonly<Pick<Config, N>>;
}

/** Whether anything is set, in the environment or in the file that it names. */
export const isGiven = (environment: NodeJS.ProcessEnv, name: SettingName): boolean =>
  readSource(environment, VARIABLES, new Set(LATER_VARIABLES)).values.has(SETTINGS[name].variable);

const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];
const VARIABLES: ReadonlySet<string> = new Set(
  Object.values(SETTINGS).map((setting) => setting.variable),
);

const OWN_WITNESS =
  'OGMIOS_WITNESS_URL: names an address of OGMIOS_URL, and no node can vouch for itself; wanted nodes of somebody else';

function isItsOwnWitness(values: ReadonlyMap<SettingName, unknown>): boolean {
  const { ogmiosUrls, witnessUrls } = Object.fromEntries(values) as Partial<Config>;
  const href = (url: Secret): string => new URL(url.reveal()).href;
  const own = new Set((ogmiosUrls ?? []).map(href));
  return (witnessUrls ?? []).some((url) => own.has(href(url)));
}

/** Every session has that encoding. PgBouncer refuses a blank. */
const NO_OPTIONS = '-c client_encoding=UTF8';

/**
 * What libpq's variable says of sessions holds for all of ours, also where some have options of their own. As
 * there, a URL that names options counts instead, be they none: pg would take the variable then, so it gets one
 * that changes nothing, and that poolers take as well.
 */
function withSessionOptions(url: Secret, options = ''): Secret {
  const address = new URL(url.reveal());
  const named = address.searchParams.get('options');
  if (options === '' || named) return url;
  address.searchParams.set('options', named === null ? options : NO_OPTIONS);
  return new Secret(address.href);
}

function tellProblem(variable: string, given: string | undefined, wanted: string): string {
  if (wanted === REQUIRED) return `${variable}: is required and isn't set`;
  return given === undefined
    ? `${variable}: wanted ${wanted}; what was given isn't shown`
    : `${variable}: given ${JSON.stringify(given)}, wanted ${wanted}`;
}

/** Who signs needs to know for which wallet, and what makes the ids that go onto the chain. */
function missingFor(values: ReadonlyMap<SettingName, unknown>): string[] {
  return (['hotWalletAddress', 'payoutIdSecret'] as const)
    .filter((name) => values.get(name) === null)
    .map((name) => `${SETTINGS[name].variable}: is required where SIGNER is set`);
}

/** Replaces the address by its canonical form: what is compared with the chain must be spelled as the node does. */
function hotWalletProblem(values: Map<SettingName, unknown>): string | undefined {
  const { hotWalletAddress: address, network } = Object.fromEntries(values) as Partial<Config>;
  if (typeof address !== 'string' || network === undefined) return undefined;
  const checked = checkAddress(address, network);
  if (!checked.ok) {
    return `HOT_WALLET_ADDRESS: given ${JSON.stringify(address)}, wanted an address of NETWORK; this one ${checked.problem}`;
  }
  values.set('hotWalletAddress', checked.address.text);
  return undefined;
}
