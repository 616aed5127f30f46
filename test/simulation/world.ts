import type pg from 'pg';
import { BEGIN } from '../../src/database/transaction.js';
import type { DevnetChain } from '../../src/devnet/chain.js';
import { emptyTables } from '../support/follow.js';
import { live, register } from './actors.js';
import { besideLife } from './beside.js';
import { DatabaseAway } from './gated-pool.js';
import { advanceGuard, dropGuards } from './guarding/actors.js';
import { letGo } from './guarding/ending.js';
import { InvariantBroken, inspect } from './inspect.js';
import { clientLife, payerLife } from './payouts/actors.js';
import { forgetBackups } from './payouts/backups.js';
import { payAll } from './payouts/ending.js';
import { moveOtherHand } from './payouts/other-hand.js';
import { noteBackfill } from './payouts/wallet.js';
import { askOnceNoticed, spoil } from './proving/corruption.js';
import { moveCursorHand } from './proving/cursor-hand.js';
import { isMisplaced } from './proving/cursor-state.js';
import { askNowAndThen, hasErrand } from './proving/errands.js';
import { Crash } from './scheduler.js';
import { endSealing, sealMeanwhile } from './sealing/actors.js';
import { sealAll } from './sealing/ending.js';
import { moveSealHand } from './sealing/lost-seals.js';
import { createWorld, isFilling, type Kind, type World } from './state.js';
import type { Tally } from './tally.js';
import { calmness, changeChain, misfortune, stopFaults } from './troubles.js';

/** One seed: chain, faults and the order of all statements of two instances and two registrars. */
export async function simulate(pool: pg.Pool, seed: number, kind: Kind = {}): Promise<Tally> {
  const world = createWorld(pool, seed, kind);
  try {
    await run(world);
  } finally {
    // An actor left standing would hold its transaction, and with it the next seed's tables.
    for (const name of world.actors) await world.scheduler.strike(name, new Crash('the end'));
    await endSealing(world, 'the end');
    for (const { beside } of world.instances) await world.scheduler.dropAsides(beside);
    await dropGuards(world);
    await forgetBackups(world);
  }
  return world.tally;
}

/** It would take locks, and decide where rows are stored and so found first, whenever it happens to come by. */
const WITHOUT_VACUUM = `
  do $$ declare one regclass; begin
    for one in select oid from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace loop
      execute format('alter table %s set (autovacuum_enabled = off)', one);
    end loop;
  end $$`;

async function run(world: World): Promise<void> {
  await emptyTables(world.pool);
  await world.pool.query(WITHOUT_VACUUM);
  if (world.payouts !== null) await noteBackfill(world.pool, world.payouts);
  const steps = world.random.between(300, 900) * stepsFactor(world);
  for (let i = 0; i < steps; i += 1) await step(world);
  // All faults stop: everything must come to the tip by itself.
  stopFaults(world);
  const leaving = [...world.registrars, ...(world.payouts?.clients ?? [])];
  for (const name of leaving) await world.scheduler.strike(name, new Crash('the end'));
  await comeToTip(world);
  if (world.guard !== null) await letGo(world, world.guard, () => calmStep(world));
  if (world.payouts !== null) await payAll(world, world.payouts, () => calmStep(world));
  await sealAll(world, () => calmStep(world));
}

const stepsFactor = ({ payouts, guard }: World): number =>
  payouts !== null ? 4 : guard !== null ? 2 : 1;

async function step(world: World): Promise<void> {
  const { random, scheduler, node } = world;
  world.tally.steps += 1;
  if (random.chance(world.pace)) changeChain(world);
  // Blocks are to meet what nobody has noticed.
  if (world.healing !== null && world.patience?.chance(0.05) === true) changeChain(world);
  if (node.down && random.chance(0.3)) node.down = false;
  if (world.faultsOn && random.chance(0.025 * calmness(world))) await misfortune(world);
  if (world.corrupts && world.started && random.chance(0.01)) await spoil(world);
  await askOnceNoticed(world);
  await askNowAndThen(world);
  await moveHand(world);
  for (const self of world.instances) {
    if (scheduler.standingAt(self.name) === null && random.chance(0.2)) {
      await scheduler.spawn(self.name, () => live(world, self));
    }
  }
  await spawnBeside(world);
  for (const name of world.registrars) {
    if (scheduler.standingAt(name) === null && random.chance(0.1)) {
      await scheduler.spawn(name, () => register(world, name));
    }
  }
  await spawnPayoutActors(world);
  await advance(world);
}

async function moveHand(world: World): Promise<void> {
  const { corrupts, payouts } = world;
  if (corrupts && payouts !== null) await moveOtherHand(world, payouts);
  await moveCursorHand(world);
  await moveSealHand(world);
}

async function spawnBeside(world: World): Promise<void> {
  const { instances, scheduler, random } = world;
  for (const self of instances) {
    if (!scheduler.isAlive(self.beside) && random.chance(0.2)) {
      await scheduler.dropAsides(self.beside);
      await scheduler.spawn(self.beside, () => besideLife(world, self));
    }
  }
}

async function spawnPayoutActors(world: World): Promise<void> {
  const { payouts, random, scheduler } = world;
  if (payouts === null) return;
  for (const name of payouts.payers) {
    if (scheduler.standingAt(name) === null && random.chance(0.2)) {
      await scheduler.spawn(name, () => payerLife(world, payouts, name));
    }
  }
  for (const name of payouts.clients) {
    if (world.faultsOn && scheduler.standingAt(name) === null && random.chance(0.1)) {
      await scheduler.spawn(name, () => clientLife(world, payouts, name));
    }
  }
}

/** Runs one actor to its next gate; where that was a commit, looks at what it did. */
async function advance(world: World): Promise<void> {
  const { scheduler, guard } = world;
  if (guard !== null) await advanceGuard(world, guard);
  const acting = guard === null ? world.actors : [...world.actors, ...guard.standing];
  const standing = new Map(acting.map((name) => [name, scheduler.standingAt(name)]));
  const epochs = new Map(
    world.instances.flatMap((one) => [
      [one.name, one.epoch] as const,
      [one.beside, one.besideEpoch] as const,
    ]),
  );
  await sealMeanwhile(world);
  const actor = await scheduler.step();
  if (world.failure) throw world.failure;
  await breakDeadlock(world);
  if (actor === null) return;
  if (standing.get(actor) === BEGIN) guard?.began.set(actor, world.tally.commits);
  if (standing.get(actor) !== 'commit') return;
  world.tally.commits += 1;
  await inspect(world, actor, epochs.get(actor));
}

/** As PostgreSQL does it: one of those that wait for each other is told so. */
async function breakDeadlock({ scheduler, tally }: World): Promise<void> {
  const victim = scheduler.deadlocked();
  if (victim === null) return;
  tally.deadlocks += 1;
  await scheduler.strike(victim, new DatabaseAway('deadlock detected'));
}

async function comeToTip(world: World): Promise<void> {
  const { seed, chain, scheduler } = world;
  const tip = chain.mine('random').id;
  const isThere = (): boolean =>
    world.corrupted === null &&
    !isMisplaced(world) &&
    world.sealing.lost === null &&
    (world.payouts?.altered ?? null) === null &&
    !isFilling(world) &&
    !hasErrand(world) &&
    world.books?.state?.last_block_hash === tipOf(chain, tip);
  for (let i = 0; i < 6_000 && !isThere(); i += 1) await calmStep(world);
  if (!isThere()) {
    throw new InvariantBroken(
      `seed ${seed}: ${world.corrupted ?? world.cursorHand?.misplaced?.what ?? 'nothing'} is to be healed, the books stand at ${JSON.stringify(world.books?.state)} and never came to the tip ` +
        `${JSON.stringify(chain.tip)}; ${world.trouble}; ${world.actors.map((name) => `${name}: ${scheduler.standingAt(name)}`).join()}`,
    );
  }
}

async function calmStep(world: World): Promise<void> {
  const { scheduler } = world;
  world.tally.steps += 1;
  await askOnceNoticed(world);
  await moveHand(world);
  for (const self of world.instances) {
    if (scheduler.standingAt(self.name) === null) {
      await scheduler.spawn(self.name, () => live(world, self));
    }
  }
  await spawnBeside(world);
  await spawnPayoutActors(world);
  await advance(world);
}

const tipOf = (chain: DevnetChain, fallback: string): string =>
  chain.tip === 'origin' ? fallback : chain.tip.id;
