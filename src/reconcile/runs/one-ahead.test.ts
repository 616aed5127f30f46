import { expect, test } from 'vitest';
import { oneAhead } from './one-ahead.js';

/** Numbers from 1 on, and what was asked for and ended of them. */
function counted(upTo: number, failAt = 0) {
  const seen: string[] = [];
  async function* numbers(): AsyncGenerator<number, void, void> {
    try {
      for (let n = 1; n <= upTo; n += 1) {
        seen.push(`made ${n}`);
        await Promise.resolve();
        if (n === failAt) throw new Error(`no ${n}`);
        yield n;
      }
    } finally {
      seen.push('ended');
    }
  }
  return { seen, numbers: numbers() };
}

test('the next one is made while one is worked on, and not the one after it', async () => {
  const { seen, numbers } = counted(4);
  for await (const n of oneAhead(numbers)) {
    // Long enough for whatever would be made to be made.
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(`took ${n}`);
  }
  expect(seen.slice(0, 5)).toEqual(['made 1', 'made 2', 'took 1', 'made 3', 'took 2']);
  expect(seen.filter((one) => one.startsWith('took'))).toHaveLength(4);
});

test('who stops in the middle ends what makes them', async () => {
  const { seen, numbers } = counted(9);
  await expect(async () => {
    for await (const n of oneAhead(numbers)) if (n === 2) throw new Error('enough');
  }).rejects.toThrow('enough');
  expect(seen.at(-1)).toBe('ended');
  expect(seen).not.toContain('made 4');
});

test('what fails ahead fails when its turn comes', async () => {
  const { numbers } = counted(9, 3);
  const taken: number[] = [];
  await expect(async () => {
    for await (const n of oneAhead(numbers)) taken.push(n);
  }).rejects.toThrow('no 3');
  expect(taken).toEqual([1, 2]);
});
