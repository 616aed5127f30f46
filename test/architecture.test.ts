import { describe, expect, test } from 'vitest';
import { codeOnly, isTest, layerOf, readSources, type Source } from './support/sources.js';

/** What each part may import of the others. A part that isn't named here has no place yet. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  chain: [],
  devnet: ['chain'],
  database: [],
  config: ['chain'],
  version: [],
  sync: ['chain', 'database'],
  guard: ['sync', 'chain', 'database'],
  payments: ['sync', 'chain', 'database', 'config'],
  payouts: ['payments', 'sync', 'chain', 'database', 'config'],
  signer: ['payouts', 'chain', 'health', 'config'],
  reconcile: ['payouts', 'payments', 'sync', 'chain', 'database'],
  health: [
    'reconcile',
    'guard',
    'payouts',
    'payments',
    'sync',
    'chain',
    'database',
    'config',
    'version',
  ],
  api: [
    'guard',
    'reconcile',
    'payouts',
    'payments',
    'health',
    'sync',
    'chain',
    'database',
    'config',
    'version',
  ],
};

/** The same within the largest parts: each folder may import those before it, and those beside it. */
const FOLDERS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  payouts: [
    ['model', 'transaction'],
    ['signing', 'node', 'queue', 'tracking', 'accepting'],
    ['paying'],
    ['wallet'],
  ],
  reconcile: [
    ['model'],
    ['compare', 'verify', 'seals', 'backup'],
    ['heal'],
    ['runs', 'rebuild'],
    ['jobs', 'schedule'],
  ],
};

/** The shell: it puts the parts together and may know them all; nobody else may know it. */
const COMPOSITION = ['cli', 'run', 'verbs'];

/** Decisions, without effects. The simulation and every table test rely on it. */
const PURE_FILES = [
  /^src\/chain\//,
  /^src\/payments\/(payment|match|effects|detection|backfill-effects|confirmation|ledger|fingerprint-set)\.ts$/,
  /^src\/payments\/digest\/(facts|fold)\.ts$/,
  /^src\/payments\/cursor\/judge-cursor\.ts$/,
  /^src\/payouts\/model\/(payout|entries|fee-share)\.ts$/,
  /^src\/payouts\/transaction\/(?!build|library-objects)/,
  /^src\/payouts\/signing\/(check-body|read-body|read-outputs|key-formats|signed|signer-protocol)\.ts$/,
  /^src\/payouts\/(accepting\/limits|node\/answers|paying\/(batching|settle|sweeps)|tracking\/track)\.ts$/,
  /^src\/signer\/allowance\.ts$/,
  /^src\/reconcile\/(model\/(finding|proof-events)|heal\/correction|schedule\/schedule-step|backup\/retention)\.ts$/,
  /^src\/reconcile\/compare\/(compare-output|ledger-status|judge-outputs|judge-blocks|judge-headers)\.ts$/,
  /^src\/reconcile\/compare\/(explain-suspect|misplaced|watching|disputes)\.ts$/,
  /^src\/reconcile\/rebuild\/(judge|stretches|take-blocks|slot-at|told|unmatched)\.ts$/,
  /^src\/sync\/(points|verdict|linking|flow|endpoints|events|chain-view)\.ts$/,
  /^src\/devnet\/(random|address|transaction|ledger|walking-ledger|block-tree|genesis|draft|chain|content|metadata|json|render|source|network|queries|request|session|recorded|faults)\.ts$/,
  /^src\/devnet\/(address-bytes|answers|auxiliary-hash|body-fields|cbor-tree|filling|ledger-rules|split|look|mempool|mempool-reader|metadatum|output-cbor|refusal|signed-transaction|submission|submission-faults)\.ts$/,
  /^src\/guard\/(judge|testimony|parting|density|reasons|decide)\.ts$/,
  /^src\/health\/(vitals|readiness)\.ts$/,
];
const EFFECTS =
  /^(pg|ws|pino|prom-client|bullmq|ioredis|fastify|(node:)?(fs|net|http|https|child_process)(\/.*)?)$/;
const CLOCK_CHANCE_ENVIRONMENT =
  /\bDate \. now\b|\bnew Date \( \)|\bMath \. random\b|\bprocess \. env\b|\bperformance \. now\b|\brandom(Bytes|UUID|Int)\b/;

const LINES_MAX = 300;
const SAYS_NOTHING =
  /\b(managers?|services?|handlers?|helpers?|utils?|common|base|impl|data|info|index)\b/;

const everything = readSources('src');
const program = everything.filter((source) => !isTest(source));
const pure = program.filter(({ path }) => PURE_FILES.some((pattern) => pattern.test(path)));

describe('the architecture', () => {
  test('is looked at: there is a program, and it imports', () => {
    expect(program.length).toBeGreaterThan(5);
    expect(pure.length).toBeGreaterThan(5);
    expect(program.flatMap((source) => source.imports)).toContain('src/chain/point.ts');
  });

  test('has a place for every file', () => {
    const places = new Set([...Object.keys(MAY_IMPORT), ...COMPOSITION]);
    expect(tell(program, ({ path }) => (places.has(layerOf(path)) ? [] : ['no place']))).toEqual(
      [],
    );
  });

  test('lets imports point one way', () => {
    expect(tell(program, forbiddenImports)).toEqual([]);
  });

  test.each(Object.keys(FOLDERS))('lets the imports within %s point one way', (part) => {
    const inside = `src/${part}/`;
    const rankOf = (path: string): number => {
      const [folder = ''] = path.slice(inside.length).split('/');
      return (FOLDERS[part] ?? []).findIndex((folders) => folders.includes(folder));
    };
    const own = program.filter(({ path }) => path.startsWith(inside));
    expect(tell(own, ({ path }) => (rankOf(path) < 0 ? ['no folder'] : []))).toEqual([]);
    const upward = ({ path, imports }: Source) =>
      imports.filter((name) => name.startsWith(inside) && rankOf(name) > rankOf(path));
    expect(tell(own, upward)).toEqual([]);
  });

  test('reads everything that it imports from src or a package', () => {
    const strays = ({ imports }: Source) =>
      imports.filter((name) => /^(test|demo|bench|scripts|\.\.)\//.test(name));
    expect(tell(program, strays)).toEqual([]);
  });

  test('keeps what decides apart from what acts', () => {
    expect(tell(pure, ({ imports }) => imports.filter((name) => EFFECTS.test(name)))).toEqual([]);
  });

  test('gives decisions their time and chance as arguments', () => {
    const found = ({ text }: Source) => firstMatch(CLOCK_CHANCE_ENVIRONMENT, codeOnly(text));
    expect(tell(pure, found)).toEqual([]);
  });

  test('lets only the shell end the process', () => {
    const acting = program.filter(({ path }) => !COMPOSITION.includes(layerOf(path)));
    const found = ({ text }: Source) => firstMatch(/\bprocess \. exit\b/, codeOnly(text));
    expect(tell(acting, found)).toEqual([]);
  });
});

describe('the house style', () => {
  test('keeps files small', () => {
    const size = ({ text }: Source) => {
      const lines = text.split('\n').length - 1;
      return lines > LINES_MAX ? [`${lines} lines`] : [];
    };
    expect(tell(everything, size)).toEqual([]);
  });

  test('gives files names that say something', () => {
    const parts = ({ path }: Source) =>
      path
        .replace('src/', '')
        .split(/[/.]/)
        .flatMap((part) => firstMatch(SAYS_NOTHING, part));
    expect(tell(everything, parts)).toEqual([]);
  });

  test('has named exports only, where they are made', () => {
    const found = ({ text }: Source) => firstMatch(/^export (default|\*)/m, text);
    expect(tell(everything, found)).toEqual([]);
  });

  test('skips no test for good and runs no test alone', () => {
    const found = ({ text }: Source) =>
      firstMatch(/\b(test|it|describe)(\.\w+)*\.(skip|only|todo)\b/, text);
    expect(tell([...everything, ...readSources('test')], found)).toEqual([]);
  });
});

function forbiddenImports({ path, imports }: Source): string[] {
  const layer = layerOf(path);
  if (COMPOSITION.includes(layer)) return [];
  const allowed = new Set([layer, ...(MAY_IMPORT[layer] ?? [])]);
  return imports.filter((name) => name.startsWith('src/') && !allowed.has(layerOf(name)));
}

const firstMatch = (pattern: RegExp, text: string): string[] =>
  (pattern.exec(text) ?? []).slice(0, 1);

/** One line for each finding, so that a failure reads as a list of what to change. */
const tell = (sources: readonly Source[], find: (source: Source) => readonly string[]): string[] =>
  sources.flatMap((source) => find(source).map((what) => `${source.path}: ${what}`));
