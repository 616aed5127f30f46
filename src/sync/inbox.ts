import { applied, arrived, type Flow, IDLE, requestsToSend, sent } from './flow.js';

export type TakeLimits = { readonly frames: number; readonly bytes: number };

/** Answers that have arrived and wait to be applied; asks for more as there is room for them. */
export type Inbox = {
  /** Starts asking. */
  begin(): void;
  deliver(frame: Buffer): void;
  /** Waits for an answer, then takes what has arrived. Rejects when all is taken and it has ended. */
  take(limits: TakeLimits): Promise<string[]>;
  end(error: Error): void;
  ended(): Error | null;
};

/** @param ask sends one request for a block */
export function createInbox(ask: () => void): Inbox {
  const frames: Buffer[] = [];
  let flow: Flow = IDLE;
  let takenBytes = 0;
  let begun = false;
  let ended: Error | null = null;
  let wake: (() => void) | null = null;

  const request = (): void => {
    if (!begun || ended !== null) return;
    const requests = requestsToSend(flow);
    for (let sending = 0; sending < requests; sending += 1) ask();
    flow = sent(flow, requests);
  };
  const untilSomethingArrives = async (): Promise<void> => {
    while (frames.length === 0) {
      if (ended !== null) throw ended;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      wake = null;
    }
  };

  return {
    begin() {
      begun = true;
      request();
    },
    deliver(frame) {
      frames.push(frame);
      flow = arrived(flow, frame.length);
      request();
      wake?.();
    },
    async take(limits) {
      // What was taken last time is applied by now: only from here on there is room for more.
      flow = applied(flow, takenBytes);
      takenBytes = 0;
      request();
      await untilSomethingArrives();
      const taken: string[] = [];
      while (taken.length < limits.frames && (takenBytes === 0 || takenBytes < limits.bytes)) {
        const frame = frames.shift();
        if (frame === undefined) break;
        takenBytes += frame.length;
        taken.push(frame.toString('utf8'));
      }
      return taken;
    },
    end(error) {
      ended ??= error;
      wake?.();
    },
    ended: () => ended,
  };
}
