import { setTimeout as sleep } from 'node:timers/promises';

export const realPause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await sleep(ms, undefined, { signal });
};
