import type { Vitals } from './health.js';

/** Counts what `/health` shows. */
export type VitalsCounter = {
  readonly tipMoved: () => void;
  readonly message: () => void;
  /** A client came. @returns to be called when it goes */
  readonly opened: () => () => void;
  readonly read: () => Omit<Vitals, 'synchronization'>;
};

export function createVitals(hasTip: boolean): VitalsCounter {
  const startTime = new Date().toISOString();
  let lastTipUpdate: string | null = hasTip ? startTime : null;
  let [active, total, messages] = [0, 0, 0];
  const durations = { count: 0, sum: 0, min: 0, max: 0 };
  return {
    tipMoved: () => {
      lastTipUpdate = new Date().toISOString();
    },
    message: () => {
      messages += 1;
    },
    opened: () => {
      const since = performance.now();
      active += 1;
      total += 1;
      return () => {
        const lasted = performance.now() - since;
        active -= 1;
        durations.min = durations.count === 0 ? lasted : Math.min(durations.min, lasted);
        durations.max = Math.max(durations.max, lasted);
        durations.count += 1;
        durations.sum += lasted;
      };
    },
    read: () => ({
      startTime,
      lastTipUpdate,
      activeConnections: active,
      totalConnections: total,
      totalMessages: messages,
      sessionDurationsMs: {
        min: durations.min,
        mean: durations.count === 0 ? 0 : durations.sum / durations.count,
        max: durations.max,
      },
    }),
  };
}
