import { describe, expect } from 'vitest';
import { test } from './world.js';

/** The contract's bound for noticing that a socket is dead. */
const NOTICED_MS_MAX = 30_000;

describe.concurrent('a socket that is open and dead', { timeout: 60_000 }, () => {
  test.for([
    ['answers pings no more', 'halfOpen', 6_000],
    ['answers pings and nothing else', 'stall', 6_000],
    ['answers pings and nothing else from its first second on', 'stall', 0],
  ] as const)('that %s is noticed within 30 s and left', async ([, kind, afterMs], { open }) => {
    const world = await open();
    const worker = await world.start();
    expect(await world.wrongAtTip()).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    const from = worker.lines.length;
    world.devnet.inject({ kind });
    const diedAt = performance.now();
    world.devnet.mine();
    const { arrivedAt, reason } = await worker.until('disconnected', { from, withinMs: 40_000 });
    console.log(`${kind} noticed after ${Math.round(arrivedAt - diedAt)} ms: ${String(reason)}`);
    expect(arrivedAt - diedAt).toBeLessThan(NOTICED_MS_MAX);
    world.devnet.heal();
    expect(await world.wrongAtTip(25_000)).toEqual([]);
  });

  test('that is only quiet, because the chain is, is kept', async ({ open }) => {
    const world = await open();
    const worker = await world.start();
    expect(await world.wrongAtTip()).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 32_000));
    expect(worker.output()).not.toContain('"disconnected"');
    world.devnet.mine();
    expect(await world.wrongAtTip()).toEqual([]);
  });
});
