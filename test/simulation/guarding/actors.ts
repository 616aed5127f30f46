import type pg from 'pg';
import type { GuardEvent } from '../../../src/guard/events.js';
import { releaseGuard } from '../../../src/guard/release.js';
import { watchChain } from '../../../src/guard/watch.js';
import { type Witness, WitnessSilent } from '../../../src/guard/witness.js';
import { createLeadership } from '../../../src/sync/leadership.js';
import { DatabaseAway, gatePool } from '../gated-pool.js';
import { connectTo, type Weather } from '../node-session.js';
import { Crash, type Need } from '../scheduler.js';
import type { Instance, Leading, World } from '../state.js';
import { mishap } from '../troubles.js';
import { type GuardTerm, type GuardWorld, PERSON, type WitnessNode } from './state.js';
import { moveWitnesses } from './witness.js';

/** No other actor's name begins with it: what it puts aside is its own. */
const guardOf = ({ name }: Instance): string => `guard-${name}`;

/** What a step of the world means for its guard. */
export async function advanceGuard(world: World, guard: GuardWorld): Promise<void> {
  const { instances, scheduler } = world;
  moveWitnesses(world, guard);
  for (const self of instances) {
    const name = guardOf(self);
    if (!scheduler.isAlive(name) && guard.random.chance(0.2)) {
      await scheduler.spawn(name, () => guardLife(world, guard, self));
    }
  }
  if (scheduler.standingAt(PERSON) === null && guard.random.chance(0.1)) {
    await scheduler.spawn(PERSON, () => personLife(world, guard));
  }
}

/** Their processes end with all that they have open. */
export async function dropGuards({ instances, scheduler }: World): Promise<void> {
  for (const self of instances) await scheduler.dropAsides(guardOf(self));
}

/** A life beside following: guards the chain for as long as its instance leads. */
async function guardLife(world: World, guard: GuardWorld, self: Instance): Promise<void> {
  try {
    for (;;) {
      await world.scheduler.aside(guardOf(self), 'waiting to lead');
      const { leading } = self;
      if (leading !== null) await guardTerm(world, guard, self, leading);
    }
  } catch (error) {
    if (!(error instanceof Crash)) world.failure ??= asError(error);
  }
}

/** The product's own task, with the world's clock and network; whatever it awaits is a gate. */
async function guardTerm(
  world: World,
  guard: GuardWorld,
  self: Instance,
  leading: Leading,
): Promise<void> {
  const name = guardOf(self);
  const now = (): number => world.tally.steps * guard.stepMs;
  const term: GuardTerm = { beganMs: now(), answers: [] };
  guard.terms.set(name, term);
  const gates = createGates(world, guard, name, () => self.leading === leading);
  const leadership = createLeadership(gates.pool, leading.term, () => undefined, gates.signal);
  await watchChain({
    openWitnesses: () => guard.witnesses.map((one) => witnessOf(world, guard, one, term, gates)),
    splitDepth: guard.splitDepth,
    rollbackDepth: guard.rollbackDepth,
    activeSlots: null,
    observe: (event) => observe(world, event),
    checkMs: 0,
    now: () => new Date(now()),
    pause: () => gates.pause(),
  })(leadership);
}

/** All that an actor awaits who does several things at a time. Once its term or its life is over no gate opens. */
type Gates = {
  readonly pool: pg.Pool;
  readonly signal: AbortSignal;
  readonly pause: () => Promise<void>;
  readonly pass: (what: string) => Promise<void>;
};

function createGates(world: World, guard: GuardWorld, name: string, leads: () => boolean): Gates {
  const { scheduler } = world;
  const over = new AbortController();
  const { signal } = over;
  const ended = (): boolean => {
    if (!leads()) over.abort(new Crash('its term is over'));
    return signal.aborted;
  };
  const stand = async (wait: () => Promise<void>): Promise<void> => {
    if (ended()) throw new Crash('its term is over');
    await wait().catch((error: unknown) => {
      over.abort(error);
      throw error;
    });
    if (ended()) throw new Crash('its term is over');
  };
  // Numbers alone are what the scheduler names asides by.
  const fresh = (): string => {
    guard.gates += 1;
    return `${name}-gate${guard.gates}`;
  };
  const gate = (at: string, what: string, need: Need): Promise<void> =>
    stand(async () => {
      guard.standing.add(at);
      await scheduler.gateAside(at, what, need).finally(() => guard.standing.delete(at));
    });
  const open = (): pg.Pool => {
    // Locks belong to a connection, of which it has several.
    const connection = fresh();
    const gated = { ...scheduler, gate };
    return gatePool(
      world.pool,
      () => connection,
      gated,
      (statement) => {
        const fate = mishap(world, statement, guard.random);
        if (fate === 'away' || fate === 'answer_lost') world.tally.databaseFaults += 1;
        if (fate === 'crash' || fate === 'crash_after') {
          world.tally.guardCrashes += 1;
          over.abort(new Crash(statement));
        }
        return fate;
      },
    );
  };
  const pool = new Proxy(world.pool, {
    get: (real, key) => {
      if (key === 'connect') return () => open().connect();
      if (key === 'query') return (text: string, values?: unknown[]) => open().query(text, values);
      const rest: unknown = Reflect.get(real, key);
      return rest;
    },
  });
  return {
    pool,
    signal,
    // Whoever only rests gets its turn too seldom to hear of anything.
    pause: () =>
      guard.random.chance(0.8)
        ? gate(fresh(), 'looking again', null)
        : stand(() => scheduler.aside(name, 'resting')),
    pass: (what) => gate(fresh(), what, null),
  };
}

const CALM: Weather = { arriving: () => 0, spoil: (frame) => frame, down: () => false };

function witnessOf(
  world: World,
  { random }: GuardWorld,
  witness: WitnessNode,
  term: GuardTerm,
  gates: Gates,
): Witness {
  const { name, chain, source } = witness;
  return {
    name,
    findIntersection: async (points) => {
      await gates.pass('asking a witness');
      const isLost = world.faultsOn && random.chance(0.02);
      if (witness.isAway || isLost) throw new WitnessSilent('no answer in 10 s');
      const session = connectTo(source, random.pick([6, 7]), CALM, () => Promise.resolve());
      const answer = await session.findIntersection(points);
      const { tip } = chain;
      const id = tip === 'origin' ? tip : tip.id;
      term.answers.push({ witness: name, tip: id, commits: world.tally.commits });
      await gates.pass('waiting for a witness');
      return answer;
    },
    close: () => undefined,
  };
}

/** What a guard may fail by: everything else is a fault of its own. */
const EXPECTED = [
  /^terminating connection$/,
  /^connection lost$/,
  /^the connection is gone$/,
  /^the server ended the connection$/,
  /^epoch \d+ no longer leads/,
];

function observe(world: World, event: GuardEvent): void {
  const { tally } = world;
  if (event.type === 'chain_guard_held') tally.alarms += 1;
  else if (event.type === 'witness_heard') tally.witnessesHeard += 1;
  else if (event.type === 'chain_guard_failed') {
    tally.guardFailures += 1;
    if (EXPECTED.some((one) => one.test(event.reason))) return;
    world.failure ??= new Error(`the guard failed: ${event.reason}`);
  }
}

/** A life of a person: looks now and then, and lets pass what holds. When all is over, soon. */
async function personLife(world: World, { random }: GuardWorld): Promise<void> {
  const { scheduler, tally } = world;
  const pool = gatePool(
    world.pool,
    () => PERSON,
    scheduler,
    (statement) => mishap(world, statement, random),
  );
  try {
    for (;;) {
      for (let rest = world.faultsOn ? random.between(3, 20) : 3; rest > 0; rest -= 1) {
        await scheduler.idle(PERSON, 'resting');
      }
      const { changed } = await releaseGuard(pool, 0, 'operator:ann', 'explorers name our chain');
      if (changed) tally.letPass += 1;
    }
  } catch (error) {
    if (!(error instanceof Crash || error instanceof DatabaseAway)) {
      world.failure ??= asError(error);
    }
  }
}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));
