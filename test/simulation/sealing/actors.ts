import type pg from 'pg';
import { BEGIN } from '../../../src/database/transaction.js';
import { SEAL_CHAINS, type SealChain } from '../../../src/reconcile/seals/seal.js';
import { newestId, sealHead } from '../../../src/reconcile/seals/seal-queries.js';
import { sealAppended } from '../../../src/reconcile/seals/sealing.js';
import { TermOver } from '../../../src/sync/follower.js';
import { createLeadership } from '../../../src/sync/leadership.js';
import { DatabaseAway, gatePool, type Mishap } from '../gated-pool.js';
import { Crash } from '../scheduler.js';
import type { Instance, Leading, World } from '../state.js';

/** More than any of its transactions takes, also where the other one's turn comes in between. */
const STEPS_INSIDE_MAX = 30;

/** Lets those who seal go on by a gate, now and then. Nobody else finds them within a transaction. */
export async function sealMeanwhile(world: World): Promise<void> {
  const { sealing, instances, faultsOn } = world;
  const { random, scheduler } = sealing;
  if (!random.chance(0.3)) return;
  for (const self of instances) {
    const name = `${self.name}-seals`;
    if (!scheduler.isAlive(name)) await scheduler.spawn(name, () => sealerLife(world, self, name));
  }
  if (faultsOn && random.chance(0.01)) {
    await scheduler.strike(random.pick(sealing.actors), new Crash('killed'));
  }
  await scheduler.step();
  for (let steps = 0; sealing.inside.size > 0 && steps < STEPS_INSIDE_MAX; steps += 1) {
    await scheduler.step();
  }
  // It waits for a transaction that may take many steps: another time, rather than with an open one.
  for (const name of [...sealing.inside]) {
    await scheduler.strike(name, new DatabaseAway('waited too long'));
  }
}

/** Nobody seals any more. */
export async function endSealing({ sealing }: World, why: string): Promise<void> {
  for (const name of sealing.actors) await sealing.scheduler.strike(name, new Crash(why));
  sealing.inside.clear();
}

/** A life of whoever seals for an instance: what a leader does every ten seconds. */
async function sealerLife(world: World, self: Instance, name: string): Promise<void> {
  const { sealing } = world;
  const pool = sealingPool(world, name);
  try {
    for (;;) {
      await sealing.scheduler.idle(name, 'sealed a moment ago');
      const { leading } = self;
      if (leading === null || sealing.random.chance(0.5)) continue;
      for (const chain of SEAL_CHAINS) await sealRound(world, { name, pool }, leading, chain);
    }
  } catch (error) {
    if (error instanceof Crash) world.tally.crashes += 1;
    else world.failure ??= error instanceof Error ? error : new Error(String(error));
  } finally {
    sealing.inside.delete(name);
  }
}

/** After a round that went well nothing is unsealed that was there when it began. */
async function sealRound(
  world: World,
  { name, pool }: { readonly name: string; readonly pool: pg.Pool },
  { term }: Leading,
  chain: SealChain,
): Promise<void> {
  const { sealing, tally } = world;
  const look = <T>(work: () => Promise<T>) => sealing.scheduler.busy(work);
  const { signal } = new AbortController();
  const leadership = createLeadership(pool, term, () => undefined, signal);
  try {
    const newest = await look(() => newestId(world.pool, chain));
    const { sealsLost } = tally;
    await sealAppended(leadership, chain, () => {
      tally.seals += 1;
    });
    const head = await look(() => sealHead(world.pool, chain));
    if ((newest ?? 0n) > head.lastId && sealsLost === tally.sealsLost) {
      throw new Error(`${chain} was sealed up to ${head.lastId}, although ${newest} was there`);
    }
  } catch (error) {
    if (error instanceof TermOver) tally.sealsFencedOff += 1;
    else if (!(error instanceof DatabaseAway)) throw error;
  } finally {
    sealing.inside.delete(name);
  }
}

/** As others meet the database, with chance of its own. */
const sealingPool = (world: World, name: string): pg.Pool =>
  gatePool(
    world.pool,
    () => name,
    world.sealing.scheduler,
    (statement) => {
      const { sealing, faultsOn, tally } = world;
      const { random } = sealing;
      const isFaulty = faultsOn && statement !== 'rollback' && random.chance(0.02);
      const fate: Mishap = isFaulty
        ? random.pick(['away', 'answer_lost', 'crash', 'crash_after'] as const)
        : 'none';
      if (fate === 'away' || fate === 'answer_lost') tally.databaseFaults += 1;
      const isInside = statement !== 'commit' && statement !== 'rollback' && fate === 'none';
      if (!isInside) sealing.inside.delete(name);
      else if (statement === BEGIN) sealing.inside.add(name);
      return fate;
    },
    // While it waits for writers they don't go on: it may as well give up at once.
    (statement) => statement.replace("lock_timeout = '100ms'", "lock_timeout = '1ms'"),
  );
