/**
 * How many requests may be in flight. Bounded by bytes that arrived and aren't applied yet, not only
 * by count, so that a slow database slows the chain down and memory stays flat.
 */
const IN_FLIGHT_MAX = 100;
const WAITING_BYTES_MAX = 32 * 1024 * 1024;
/** What an answer is taken to weigh until some have arrived. */
const FIRST_GUESS_BYTES = 64 * 1024;
/** Weight of the newest answer in the running mean: large blocks come in runs. */
const MEAN_WEIGHT = 0.1;

export type Flow = {
  readonly inFlight: number;
  readonly waitingBytes: number;
  readonly meanBytes: number;
};

export const IDLE: Flow = { inFlight: 0, waitingBytes: 0, meanBytes: FIRST_GUESS_BYTES };

/** How many requests to send now; at least one when nothing is under way, however large blocks are. */
export function requestsToSend({ inFlight, waitingBytes, meanBytes }: Flow): number {
  const room = Math.floor((WAITING_BYTES_MAX - waitingBytes) / meanBytes);
  const allowed = Math.min(IN_FLIGHT_MAX, Math.max(room, waitingBytes === 0 ? 1 : 0));
  return Math.max(0, allowed - inFlight);
}

export const sent = (flow: Flow, requests: number): Flow => ({
  ...flow,
  inFlight: flow.inFlight + requests,
});

export const arrived = (flow: Flow, bytes: number): Flow => ({
  inFlight: Math.max(0, flow.inFlight - 1),
  waitingBytes: flow.waitingBytes + bytes,
  meanBytes: Math.max(1, flow.meanBytes * (1 - MEAN_WEIGHT) + bytes * MEAN_WEIGHT),
});

export const applied = (flow: Flow, bytes: number): Flow => ({
  ...flow,
  waitingBytes: flow.waitingBytes - bytes,
});
