import { inTransaction } from '../../../src/database/transaction.js';
import {
  acceptLoss,
  type NotAsNoted,
  type SealsCheck,
  verifySeals,
} from '../../../src/reconcile/seals/check-seals.js';
import { notedHead } from '../../../src/reconcile/seals/noted-heads-queries.js';
import { SEAL_CHAINS } from '../../../src/reconcile/seals/seal.js';
import { noteVerification } from '../../../src/reconcile/verify/verification-queries.js';
import { verifyBooks } from '../../../src/reconcile/verify/verify-books.js';
import { atOnce } from '../../support/sealed-tables.js';
import { SECURITY_PARAMETER } from '../payouts/state.js';
import { isFilling, type World } from '../state.js';
import type { LostSeals } from './state.js';

/** A verification now and then notes where the seals end; another hand deletes some, and a person answers for it. */
export async function moveSealHand(world: World): Promise<void> {
  const { hand, lost } = world.sealing;
  if (hand === null || isFilling(world)) return;
  if (lost !== null) {
    if (hand.chance(world.faultsOn ? 0.01 : 0.1)) await answerFor(world, lost);
    // One that finds it notes nothing, so that the next one finds it as well.
    else if (hand.chance(0.02)) await verify(world);
    return;
  }
  if (!world.faultsOn || world.corrupted !== null) return;
  const draw = hand.below(40);
  if (draw === 0) await verify(world);
  else if (draw === 1) await loseSeals(world);
}

/** As every night does. */
async function verify({ pool, tally }: World): Promise<void> {
  const found = await verifyBooks(pool, { securityParameter: SECURITY_PARAMETER });
  await inTransaction(pool, (tx) => noteVerification(tx, 'the simulation', found));
  tally.verifications += 1;
}

/** Takes the end of a chain away, with what was noted of it. */
async function loseSeals(world: World): Promise<void> {
  const { sealing, pool, tally } = world;
  const { hand, notes } = sealing;
  if (hand === null) return;
  const chain = hand.pick(SEAL_CHAINS);
  const noted = await notedHead(pool, chain);
  if (noted === null || noted.seal === 0) return;
  const from = hand.between(1, noted.seal);
  await pool.query('delete from seals where chain = $1 and seal >= $2', [chain, from]);
  sealing.lost = { chain, from, noted, outside: notes };
  // Nobody outside looks at that end any more but for this.
  sealing.notes = Object.fromEntries(Object.entries(notes).filter(([name]) => name !== chain));
  tally.sealsLost += 1;
  const untold = await untoldOf(world, sealing.lost);
  if (untold.length > 0) throw new Error(`seed ${world.seed}: ${untold.join()}`);
}

/** What must be told of it, also once leaders have sealed all again, until somebody answers for it. */
export async function untoldOf(
  { pool }: Pick<World, 'pool'>,
  { chain, from, noted, outside }: LostSeals,
): Promise<string[]> {
  const { rows } = await pool.query<{ seal: number; hash: string }>(
    'select seal::int, hash from seals where chain = $1',
    [chain],
  );
  const stored = new Map(rows.map(({ seal, hash }) => [seal, hash]));
  const { notAsNoted } = await verifySeals(pool, outside, 0, atOnce);
  const isTold = (seal: number, where: NotAsNoted['notedIn']): boolean =>
    notAsNoted.some((one) => one.chain === chain && one.seal === seal && one.notedIn === where);
  const found: string[] = [];
  if (stored.get(noted.seal) !== noted.hash && !isTold(noted.seal, 'audit_log')) {
    found.push(
      `${chain}: seal ${noted.seal} was noted, is gone from ${from} on, and nobody is told`,
    );
  }
  const { seal, hash } = outside[chain] ?? noted;
  if (seal > 0 && seal !== noted.seal && stored.get(seal) !== hash && !isTold(seal, 'outside')) {
    found.push(`${chain}: seal ${seal} was noted outside, is gone, and nobody is told`);
  }
  return found;
}

/** What nobody may tell: all but what was deleted. */
export const notAsLeft = (
  { notAsNoted }: SealsCheck,
  lost: LostSeals | null,
): readonly NotAsNoted[] => notAsNoted.filter(({ chain }) => chain !== lost?.chain);

async function answerFor(world: World, { chain, noted }: LostSeals): Promise<void> {
  const { pool, sealing, tally } = world;
  const accepted = await inTransaction(pool, (tx) =>
    acceptLoss(tx, chain, noted.seal, 'operator:sim', 'another hand deleted seals'),
  );
  const { notAsNoted } = await verifySeals(pool, {}, 0, atOnce);
  if (notAsNoted.length > 0) {
    throw new Error(
      `seed ${world.seed}: accepted ${accepted}, and told is ${JSON.stringify(notAsNoted)}`,
    );
  }
  sealing.lost = null;
  tally.lossesAccepted += 1;
}
