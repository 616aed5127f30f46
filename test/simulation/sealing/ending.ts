import { verifyBooks } from '../../../src/reconcile/verify/verify-books.js';
import { InvariantBroken } from '../inspect.js';
import { SECURITY_PARAMETER } from '../payouts/state.js';
import type { World } from '../state.js';
import { countUnsealed, sealViolations } from './invariants.js';

const STEPS_MAX = 4_000;
const STEPS_A_LOOK = 10;

/** Whatever became of it before: all is sealed in the end, and verification finds the books as they should be. */
export async function sealAll(world: World, step: () => Promise<void>): Promise<void> {
  let unsealed = await countUnsealed(world.pool);
  for (let i = 1; i <= STEPS_MAX && unsealed > 0; i += 1) {
    await step();
    if (i % STEPS_A_LOOK === 0) unsealed = await countUnsealed(world.pool);
  }
  const broken = await sealViolations(world);
  if (unsealed > 0) broken.push(`${unsealed} rows were never sealed`);
  const { totalMismatches, ...books } = await verifyBooks(world.pool, {
    notes: world.sealing.notes,
    securityParameter: SECURITY_PARAMETER,
  });
  if (totalMismatches > 0) {
    broken.push(`verification finds ${totalMismatches}: ${JSON.stringify(books).slice(0, 2_000)}`);
  }
  if (broken.length === 0) return;
  throw new InvariantBroken(`seed ${world.seed}, at the end:\n  ${broken.join('\n  ')}`);
}
