import type { Random } from '../../src/devnet/random.js';

/** What a statement needs so that it doesn't wait inside PostgreSQL; see `needOf` in `gated-pool.ts`. */
export type Need = { readonly lock: string; readonly shared: boolean } | null;

/** Thrown at a gate: the process is killed there. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

type Waiting = {
  readonly actor: string;
  readonly what: string;
  readonly need: Need;
  readonly isStatement: boolean;
  readonly isAside: boolean;
  /** Whose locks are its own. */
  readonly owner: string;
  readonly go: () => void;
  readonly fail: (error: Error) => void;
};

/**
 * Lets one actor run at a time, from one gate to the next, in an order that the seed decides. Whatever
 * awaits PostgreSQL passes a gate first, so that one seed is one order of all statements of all actors.
 */
export type Scheduler = {
  /** Runs an actor until its first gate. It must not reject. */
  spawn(actor: string, run: () => Promise<void>): Promise<void>;
  /** To be awaited by actors before each statement. */
  gate(actor: string, statement: string, need: Need): Promise<void>;
  /** To be awaited by actors that have nothing to do now. */
  idle(actor: string, why: string): Promise<void>;
  /**
   * The same for what an actor waits for beside something else: it may go on although nobody waits for this
   * any more.
   */
  aside(actor: string, why: string): Promise<void>;
  /** A gate before a statement of an actor who does several at a time; struck with what it put aside. */
  gateAside(name: string, statement: string, need: Need): Promise<void>;
  /** What really takes time: until it is over nobody is thought to have stopped. */
  busy<T>(work: () => Promise<T>): Promise<T>;
  hold(actor: string, need: Need): void;
  letGo(actor: string): void;
  /** Lets a random actor that can go on run to its next gate, and names it. Null where none can. */
  step(): Promise<string | null>;
  /** Fails the gate at which the actor stands. */
  strike(actor: string, error: Error): Promise<void>;
  standingAt(actor: string): string | null;
  /** Whether it was spawned and hasn't ended; it may stand at no gate of its own. */
  isAlive(actor: string): boolean;
  /** Ends all that an actor put aside, as its process ends. */
  dropAsides(actor: string): Promise<void>;
  /** One of those who wait for each other in a ring, as PostgreSQL would find it; null where none do. */
  deadlocked(): string | null;
};

/** What actors hold, by actor; whether only shared. */
export type Locks = Map<string, Map<string, boolean>>;

const STUCK_MS = 10_000;
const QUIET_TURNS = 10;

/** @param held of all schedulers whose actors keep each other waiting */
export function createScheduler(random: Random, held: Locks = new Map()): Scheduler {
  const waiting = new Map<string, Waiting>();
  let stopped: (() => void) | null = null;

  const show = (): string =>
    JSON.stringify({
      waiting: [...waiting.values()].map(({ actor, what }) => [actor, what]),
      held: [...held].map(([actor, locks]) => [actor, ...locks.keys()]),
    });

  /** Who runs at the moment, and from which gate. */
  let running = '';
  const alive = new Set<string>();
  let inFlight = 0;
  let asides = 0;
  /** An actor that waits for what it put aside stands at no gate of its own. */
  const untilQuiet = async (): Promise<void> => {
    for (let turns = 0; turns < QUIET_TURNS; turns = inFlight > 0 ? 0 : turns + 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const mayWaitAside = (actor: string): boolean =>
    [...waiting.values()].some((one) => one.isAside && one.actor.startsWith(`${actor}-`));

  const untilStopped = async (start: () => void): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${running} neither stopped nor ended: ${show()}`)),
        STUCK_MS,
      );
      stopped = resolve;
      start();
    }).finally(() => clearTimeout(timer));
    // It does several things at a time, and another of them has yet to come to its gate: else it comes in the next turn.
    if (inFlight > 0) await untilQuiet();
  };
  const stop = (at: Omit<Waiting, 'go' | 'fail' | 'owner'>): Promise<void> =>
    new Promise((resolve, reject) => {
      // Two statements of one actor at a time: the second waits beside the first.
      const isSecond = waiting.has(at.actor);
      if (isSecond) asides += 1;
      const actor = isSecond ? `${at.actor}-${asides}` : at.actor;
      const isAside = at.isAside || isSecond;
      waiting.set(actor, { ...at, actor, isAside, owner: at.actor, go: resolve, fail: reject });
      stopped?.();
    });
  const free = ({ owner, need }: Waiting): boolean =>
    need === null ||
    [...held].every(
      ([holder, locks]) =>
        holder === owner || !locks.has(need.lock) || (need.shared && locks.get(need.lock) === true),
    );

  /** Whose locks keep an actor waiting. */
  const blockers = (actor: string): string[] => {
    const at = waiting.get(actor);
    if (at === undefined || free(at)) return [];
    const { need } = at;
    return [...held].flatMap(([holder, locks]) =>
      need !== null && holder !== at.owner && locks.has(need.lock) ? [holder] : [],
    );
  };

  return {
    isAlive: (actor) => alive.has(actor),
    spawn: (actor, run) =>
      untilStopped(() => {
        alive.add(actor);
        void run().then(() => {
          alive.delete(actor);
          held.delete(actor);
          stopped?.();
        });
      }),
    gate: (actor, what, need) => stop({ actor, what, need, isStatement: true, isAside: false }),
    gateAside: (name, what, need) =>
      stop({ actor: name, what, need, isStatement: true, isAside: true }),
    idle: (actor, what) => stop({ actor, what, need: null, isStatement: false, isAside: false }),
    aside: (owner, what) => {
      asides += 1;
      const actor = `${owner}-${asides}`;
      return stop({ actor, what, need: null, isStatement: false, isAside: true });
    },
    busy: async (work) => {
      inFlight += 1;
      try {
        return await work();
      } finally {
        inFlight -= 1;
      }
    },
    hold: (actor, need) => {
      if (need === null) return;
      const locks = held.get(actor) ?? new Map<string, boolean>();
      held.set(actor, locks.set(need.lock, need.shared));
    },
    letGo: (actor) => void held.delete(actor),
    step: async () => {
      const able = [...waiting.values()].filter(free);
      if (able.length === 0) return null;
      // Who only waits for something to happen gets its turn seldom.
      const busy = able.filter((one) => one.isStatement);
      const chosen = random.pick(busy.length > 0 && random.chance(0.9) ? busy : able);
      waiting.delete(chosen.actor);
      running = `${chosen.actor} at ${chosen.what}`;
      if (chosen.isAside || mayWaitAside(chosen.actor)) {
        chosen.go();
        await untilQuiet();
      } else {
        await untilStopped(chosen.go);
      }
      return chosen.actor;
    },
    strike: async (actor, error) => {
      const struck = waiting.get(actor);
      if (struck === undefined) return;
      waiting.delete(actor);
      running = `${actor}, struck at ${struck.what}`;
      if (struck.isAside || mayWaitAside(actor)) {
        struck.fail(error);
        await untilQuiet();
        return;
      }
      await untilStopped(() => struck.fail(error));
    },
    dropAsides: async (actor) => {
      for (const one of [...waiting.values()]) {
        if (!one.isAside || !one.actor.startsWith(`${actor}-`)) continue;
        waiting.delete(one.actor);
        one.fail(new Crash('its process ended'));
        await untilQuiet();
      }
    },
    standingAt: (actor) => waiting.get(actor)?.what ?? null,
    deadlocked: () => {
      for (const start of waiting.keys()) {
        const seen = new Set<string>();
        const open = blockers(start);
        for (let next = open.pop(); next !== undefined; next = open.pop()) {
          if (next === start) return start;
          if (seen.has(next)) continue;
          seen.add(next);
          open.push(...blockers(next));
        }
      }
      return null;
    },
  };
}
