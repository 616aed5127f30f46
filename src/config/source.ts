import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

/** Values as text by variable name, before anything is known about their meaning. */
export type Source = {
  readonly values: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
};

type Environment = Readonly<Record<string, string | undefined>>;
type ReadText = (path: string) => string;

/** A megabyte is far more than any configuration; it keeps a wrong path from filling the memory. */
const FILE_LENGTH_MAX = 1_048_576;

/**
 * The environment and, below it, the file that `TELLER_CONFIG` names. In both, `X_FILE` names a file
 * that holds X. Variables of the environment that aren't known are other programs'; in our own file
 * they are mistakes.
 *
 * @param later what a later version knows: accepted in our file, and not read
 */
export function readSource(
  environment: Environment,
  known: ReadonlySet<string>,
  later: ReadonlySet<string>,
  readText: ReadText = (path) => readFileSync(path, 'utf8'),
): Source {
  const problems: string[] = [];
  const path = environment.TELLER_CONFIG;
  const accepted = new Set([...known, ...later]);
  const inFile = path
    ? readConfigFile(path, accepted, readText, problems)
    : new Map<string, string>();
  for (const name of inFile.keys()) if (!isKnown(name, known)) inFile.delete(name);
  const inEnvironment = new Map<string, string>();
  for (const [name, value] of Object.entries(environment)) {
    // Compose files and CI hand unset variables over as empty ones.
    if (value !== undefined && value !== '' && isKnown(name, known)) inEnvironment.set(name, value);
  }
  const lower = resolveFiles(inFile, known, readText, problems);
  const upper = resolveFiles(inEnvironment, known, readText, problems);
  return { values: new Map([...lower, ...upper]), problems };
}

const isKnown = (name: string, known: ReadonlySet<string>): boolean =>
  known.has(name) || (name.endsWith('_FILE') && known.has(name.slice(0, -'_FILE'.length)));

function readConfigFile(
  path: string,
  known: ReadonlySet<string>,
  readText: ReadText,
  problems: string[],
): Map<string, string> {
  const text = readBounded('TELLER_CONFIG', path, readText, problems);
  if (text === undefined) return new Map();
  const entries = text.trimStart().startsWith('{')
    ? jsonEntries(text, problems)
    : Object.entries(parseEnv(text));
  const values = new Map<string, string>();
  for (const [name, value] of entries) {
    if (!isKnown(name, known)) {
      problems.push(`TELLER_CONFIG: ${name} is no setting of this version`);
    } else if (value !== undefined && value !== '') {
      values.set(name, value);
    }
  }
  return values;
}

function jsonEntries(text: string, problems: string[]): [string, string][] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text around the mistake, which may be a secret.
    problems.push("TELLER_CONFIG: the file begins with { but isn't valid JSON");
    return [];
  }
  const entries: [string, string][] = [];
  for (const [name, value] of Object.entries(parsed ?? {})) {
    if (typeof value === 'string') entries.push([name, value]);
    else if (typeof value === 'boolean' || Number.isSafeInteger(value)) {
      entries.push([name, String(value)]);
    } else problems.push(`TELLER_CONFIG: ${name} must be a text, a whole number or a boolean`);
  }
  return entries;
}

function resolveFiles(
  given: ReadonlyMap<string, string>,
  known: ReadonlySet<string>,
  readText: ReadText,
  problems: string[],
): Map<string, string> {
  const values = new Map([...given].filter(([name]) => known.has(name)));
  for (const [name, path] of given) {
    if (known.has(name)) continue;
    const target = name.slice(0, -'_FILE'.length);
    if (given.has(target)) {
      problems.push(`${target}: given twice, also as ${name}; set one of them`);
      continue;
    }
    const text = readBounded(name, path, readText, problems);
    // Editors and `echo` end a file with a line break that is no part of the secret.
    if (text !== undefined) values.set(target, text.replace(/\r?\n$/, ''));
  }
  return values;
}

function readBounded(
  name: string,
  path: string,
  readText: ReadText,
  problems: string[],
): string | undefined {
  try {
    const text = readText(path);
    if (text.length <= FILE_LENGTH_MAX) return text.replace(/^\uFEFF/, '');
    problems.push(`${name}: the file ${path} is larger than a megabyte`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    problems.push(`${name}: the file ${path} can't be read${code}`);
  }
  return undefined;
}
