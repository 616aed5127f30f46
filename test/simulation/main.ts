import { cloneTemplate, startTestServer } from '../support/test-databases.js';
import { type Flags, simulationCommand } from './flags.js';
import type { Tally } from './tally.js';
import { simulate } from './world.js';

const BAD_USAGE = 2;

const { seeds, from, payouts, corruption, guard } = simulationCommand()
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : BAD_USAGE))
  .parse()
  .opts<Flags>();

const { server, close } = await startTestServer(process.env.DATABASE_URL);
const database = await cloneTemplate(server);
const total: Partial<Record<keyof Tally, number>> = {};
let failed = 0;
let told = Date.now();
const started = Date.now();
for (let seed = from; seed < from + seeds; seed += 1) {
  try {
    const tally = await simulate(database.pool, seed, {
      paysOut: payouts,
      corrupts: corruption,
      guards: guard,
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
