import { parseArgs } from 'node:util';
import { cloneTemplate, startTestServer } from '../support/test-databases.js';
import type { Tally } from './tally.js';
import { simulate } from './world.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    payouts: { type: 'boolean', default: false },
    corruption: { type: 'boolean', default: false },
    guard: { type: 'boolean', default: false },
  },
});
const from = Number(values.from);
const seeds = Number(values.seeds);
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(seeds) || seeds < 1) {
  console.error(
    'usage: npm run simulate -- --seeds N --from S [--payouts] [--corruption] [--guard]   (whole numbers, N at least 1)',
  );
  process.exit(2);
}

const { server, close } = await startTestServer(process.env.DATABASE_URL);
const database = await cloneTemplate(server);
const total: Partial<Record<keyof Tally, number>> = {};
let failed = 0;
let told = Date.now();
const started = Date.now();
for (let seed = from; seed < from + seeds; seed += 1) {
  try {
    const tally = await simulate(database.pool, seed, {
      paysOut: values.payouts,
      corrupts: values.corruption,
      guards: values.guard,
    });
    for (const [what, count] of Object.entries(tally) as [keyof Tally, number][]) {
      total[what] = (total[what] ?? 0) + count;
    }
  } catch (error) {
    failed += 1;
    console.error(
      `seed ${seed} FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }
  if (Date.now() - told > 5_000) {
    told = Date.now();
    const done = seed - from + 1;
    const left = ((told - started) / done) * (seeds - done);
    console.error(`${done} of ${seeds} seeds, ${failed} failed, ${Math.round(left / 1000)} s left`);
  }
}
console.log(
  JSON.stringify({ seeds, from, failed, seconds: (Date.now() - started) / 1000, ...total }),
);
await database.drop();
await close();
process.exitCode = failed === 0 ? 0 : 1;
