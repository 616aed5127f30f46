import { Stalled } from './connection.js';

/**
 * Tells a live connection from one that only looks open. A ping finds dead sockets; a query of the tip
 * finds nodes that pong and answer nothing. Silence alone proves nothing: a healthy chain stands still for minutes.
 */
export type Pulse = {
  /** Anything arrived, a pong too. */
  heard(): void;
  /** A message arrived. */
  answered(): void;
  /** The tip query was answered, be it with an error. */
  tipAnswered(): void;
  /** An answer to `nextBlock` arrived. */
  blockAnswered(): void;
  readonly tipIsAwaited: () => boolean;
  /** Asks for the tip at once: an endpoint that stalls before it answered one could only be waited for. */
  askTip(): void;
  stop(): void;
};

export type PulseDeps = {
  readonly ping: () => void;
  readonly askTip: () => void;
  readonly onStalled: (stalled: Stalled) => void;
  /** Endpoints that have answered a tip query before: from those, silence is a stall. */
  readonly answersTipQuery: { get(): boolean; set(): void };
};

/**
 * A ping unanswered, and nothing else heard, for this long: the socket is dead. Looked at with every
 * ping, and asked up to one ping late: noticed within 28 s, whatever the phase (contract: 30 s).
 */
const SILENCE_MS_MAX = 18_000;
const PING_EVERY_MS = 5_000;
/** Where an endpoint was never heard to answer a tip query, it may not know how. */
const UNPROVEN_SILENCE_MS_MAX = 300_000;

export function startPulse(deps: PulseDeps): Pulse {
  let heardAt = Date.now();
  let answeredAt = Date.now();
  let tipAskedAt: number | null = null;
  let tipIsAwaited = false;
  let blockWasAnswered = false;

  const askTip = (): void => {
    tipAskedAt = Date.now();
    tipIsAwaited = true;
    deps.askTip();
  };

  const beat = setInterval(() => {
    const now = Date.now();
    if (now - heardAt > SILENCE_MS_MAX) {
      return deps.onStalled(
        new Stalled(`heard nothing for ${SILENCE_MS_MAX / 1000} s: the socket is dead`),
      );
    }
    // The first answer to nextBlock, the step back to where we are, never waits for a block.
    const proven = deps.answersTipQuery.get() || !blockWasAnswered;
    const patience = proven ? SILENCE_MS_MAX : UNPROVEN_SILENCE_MS_MAX;
    if (tipAskedAt !== null && answeredAt < tipAskedAt && now - tipAskedAt > patience) {
      return deps.onStalled(
        new Stalled(`pongs, but answered nothing for ${patience / 1000} s: stalled`),
      );
    }
    deps.ping();
    if (tipAskedAt === null || answeredAt >= tipAskedAt) askTip();
  }, PING_EVERY_MS);

  return {
    heard: () => {
      heardAt = Date.now();
    },
    answered: () => {
      heardAt = Date.now();
      answeredAt = heardAt;
    },
    tipAnswered: () => {
      tipIsAwaited = false;
      deps.answersTipQuery.set();
    },
    blockAnswered: () => {
      blockWasAnswered = true;
    },
    tipIsAwaited: () => tipIsAwaited,
    askTip,
    stop: () => clearInterval(beat),
  };
}
