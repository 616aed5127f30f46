import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { withTimeLimit } from './time-limit.js';

const never = new AbortController().signal;

test('work that takes too long is told so', async () => {
  const work = withTimeLimit(never, 20, (signal) => sleep(10_000, undefined, { signal }));
  await expect(work).rejects.toMatchObject({ cause: { name: 'TimeoutError' } });
});

test('work that nobody wants any more is told at once, also when it begins too late', async () => {
  const stop = new AbortController();
  const work = withTimeLimit(stop.signal, 10_000, (signal) => sleep(10_000, undefined, { signal }));
  stop.abort(new Error('stopped'));
  await expect(work).rejects.toMatchObject({ cause: { message: 'stopped' } });
  const late = withTimeLimit(stop.signal, 10_000, (signal) => sleep(9_000, undefined, { signal }));
  await expect(late).rejects.toMatchObject({ cause: { message: 'stopped' } });
});

test('what is done in time is answered', async () => {
  expect(await withTimeLimit(never, 10_000, () => Promise.resolve(7))).toBe(7);
});
