import type { Content } from '../../../src/devnet/chain.js';
import type { DraftOutput } from '../../../src/devnet/transaction.js';
import { dropGuards } from '../guarding/actors.js';
import { isMisplaced } from '../proving/cursor-state.js';
import { Crash } from '../scheduler.js';
import { endSealing } from '../sealing/actors.js';
import type { World } from '../state.js';
import { restoreSnapshot, takeSnapshot } from './restore.js';
import type { PayoutWorld } from './state.js';

const ADA = 1_000_000n;

/** A block of such a world: the wallet is funded, robbed and annoyed besides, and mempools forget. */
export function minePayoutBlock(world: World, payouts: PayoutWorld): void {
  const { chain, random, tally } = world;
  const content: Content[] = [];
  const calm = !world.faultsOn;
  if (random.chance(calm ? 0.5 : 0.25)) content.push({ pay: [fundingOf(world, payouts)] });
  // Before random content, which brings back what forks lost and spends what a competitor is after.
  if (!calm && world.started && random.chance(0.02)) content.unshift(...competitor(world, payouts));
  content.push('random');
  if (!calm && random.chance(0.1)) {
    tally.evictions += chain.mempool.evict(random.between(1, 3)).length;
  }
  if (!calm && random.chance(0.1)) chain.forgetOrphans();
  if (random.chance(0.3)) relayAgain(world, payouts);
  chain.mine(content, { takesSubmitted: calm || random.chance(0.6) });
  const { tip } = chain;
  if (tip !== 'origin') payouts.highest = Math.max(payouts.highest, tip.height);
}

/** Other nodes have everything that was ever submitted, whatever became of it here. */
function relayAgain({ chain, random, tally }: World, { relayed }: PayoutWorld): void {
  for (const cbor of relayed) {
    if (random.chance(0.5) && chain.mempool.submit(cbor).accepted) tally.relayed += 1;
  }
}

function fundingOf({ random }: World, { wallet }: PayoutWorld): DraftOutput {
  const junk = random.chance(0.15);
  const lovelace = junk ? 1_200_000n : BigInt(random.between(20, 300)) * ADA;
  const assets = junk ? new Map([[random.hex(28), 5n]]) : undefined;
  return { address: wallet.address, lovelace, ...(assets === undefined ? {} : { assets }) };
}

/** Somebody else has the key: an output of the wallet is spent to the faucet. */
function competitor(world: World, { wallet }: PayoutWorld): Content[] {
  const { chain, random, tally } = world;
  const { tip } = chain;
  const unspent = [...chain.unspentAt(tip === 'origin' ? tip : tip.id, [wallet.address]).keys()];
  const known = new Set(
    (world.books?.wallet ?? []).map((row) => `${row.tx_hash}#${row.output_index}`),
  );
  const prey = unspent.filter((reference) => known.has(reference));
  if (prey.length === 0) return [];
  tally.competitors += 1;
  return [{ spend: [random.pick(prey)], pay: [{ address: chain.faucet, lovelace: 2n * ADA }] }];
}

/** One of the faults that only payouts meet. */
export async function payoutMisfortune(world: World, payouts: PayoutWorld): Promise<void> {
  const { random, scheduler, tally } = world;
  switch (random.below(7)) {
    case 0:
    case 1:
      await scheduler.strike(random.pick(payouts.payers), new Crash('killed'));
      return;
    case 2:
      payouts.payerLock = null;
      return;
    case 3:
      tally.evictions += world.chain.mempool.evict().length;
      return;
    case 4:
    case 5:
      // A backup from before the first payout has nothing to know itself by: a known gap.
      if (
        world.started &&
        world.corrupted === null &&
        !isMisplaced(world) &&
        world.sealing.lost === null &&
        payouts.altered === null &&
        payouts.filling === null &&
        (world.payoutBooks?.payouts.length ?? 0) > 0
      ) {
        payouts.snapshot = await takeSnapshot(world, payouts);
      }
      return;
    default:
      if (payouts.snapshot !== null && random.chance(0.5)) await restore(world, payouts);
  }
}

async function restore(world: World, payouts: PayoutWorld): Promise<void> {
  if (payouts.snapshot === null) return;
  for (const name of world.actors) await world.scheduler.strike(name, new Crash('restored'));
  await dropGuards(world);
  await endSealing(world, 'restored');
  world.lockHolder = null;
  payouts.payerLock = null;
  if (payouts.restoredFrom === 'copy') payouts.generation += 1;
  // A restore leaves nobody alive, and notes by itself whose database it is.
  else for (const { beside } of world.instances) await world.scheduler.dropAsides(beside);
  await restoreSnapshot(world, payouts, payouts.snapshot);
  world.payoutBooks = null;
  world.corrupted = null;
  world.healing = null;
  payouts.altered = null;
  if (world.cursorHand !== null) world.cursorHand.misplaced = null;
  const { rows } = await world.pool.query<{ id: string }>('select id from outbound_payments');
  const kept = new Set(rows.map((row) => row.id));
  for (const [id, asked] of payouts.asked) asked.accepted &&= kept.has(id);
  world.tally.restores += 1;
}
