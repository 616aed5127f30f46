/** `npm run bench -- [catch-up|payouts|accept|coins|verify|reconcile|rebuild] [flags]`: one measurement, with its own flags. */
const BENCHES: Readonly<Record<string, () => Promise<unknown>>> = {
  'catch-up': () => import('./catch-up.js'),
  payouts: () => import('./payouts.js'),
  accept: () => import('./accept.js'),
  coins: () => import('./coin-selection.js'),
  verify: () => import('./verify.js'),
  reconcile: () => import('./reconcile.js'),
  rebuild: () => import('./rebuild.js'),
};

const [given] = process.argv.slice(2);
const isNamed = given !== undefined && !given.startsWith('-');
const bench = BENCHES[isNamed ? given : 'catch-up'];
// What is left are the flags of the one that runs.
if (isNamed) process.argv.splice(2, 1);

if (bench === undefined) {
  console.error(`bench: given ${given ?? ''}, wanted one of ${Object.keys(BENCHES).join(', ')}`);
  process.exitCode = 2;
} else await bench();
