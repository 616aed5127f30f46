import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { releaseGuard } from '../../src/guard/release.js';
import { enterpriseAddress } from '../support/addresses.js';
import { ADA } from '../support/follow.js';
import { openSplitWorld, type SplitWorld } from './split-world.js';

const ADDRESS = enterpriseAddress(1);
const MINUTES = 60_000;
const BLOCKS = 6;
/** More than are needed to believe anything. */
const CHECKS = 6;
const SOON = { timeout: 20_000, interval: 25 };

/** In one go: nobody is asked while there is less of it. */
function part({ ours, theirs }: SplitWorld, blocks = BLOCKS): void {
  for (let i = 0; i < blocks; i += 1) {
    ours.mine();
    theirs.mine();
  }
}

/** A split that a person let pass, with the words "ours won". */
async function released(): Promise<SplitWorld> {
  const world = await openSplitWorld({ hasWitness: true, watchesDensity: false });
  await world.followed();
  await world.register(ADDRESS, 'ann');
  await world.heard(CHECKS);
  await world.held();
  part(world);
  await world.followed();
  await world.held('witness');
  await releaseGuard(world.pool, 0, 'operator:ann', 'ours won');
  part(world, 1);
  await world.followed();
  await world.heard(CHECKS);
  expect(await world.guard()).toMatchObject({ heldAt: null, reasons: [{ kind: 'witness' }] });
  return world;
}

const audited = (world: SplitWorld) =>
  world.query(
    "select action, actor from audit_log where action in ('guard.held', 'guard.released') order by id",
  );
const ONCE_MORE = [
  { action: 'guard.held', actor: 'chain' },
  { action: 'guard.released', actor: 'operator:ann' },
  { action: 'guard.held', actor: 'chain' },
];
const heldEvents = ({ told }: SplitWorld) =>
  told.filter(({ type }) => type === 'chain_guard_held' || type === 'chain_guard_released');

describe('a person who let one split pass', () => {
  test(
    'said nothing of the next one, where the witness came back and left again at once',
    async () => {
      const world = await released();
      const { ours, theirs } = world;
      const [before] = (await world.guard()).reasons;
      theirs.join(ours.chain);
      const common = before?.kind === 'witness' ? before.common + before.ours : null;
      part(world);
      await world.followed();
      await expect.poll(async () => (await world.guard()).heldAt, SOON).not.toBeNull();
      const [now] = (await world.guard()).reasons;
      expect(now).toMatchObject({ kind: 'witness', common, released: null });
      expect(now?.since).not.toBe(before?.since);
      expect(await audited(world)).toEqual(ONCE_MORE);
      expect(heldEvents(world).map(({ type }) => type)).toEqual([
        'chain_guard_held',
        'chain_guard_released',
        'chain_guard_held',
      ]);
      ours.payNow({ address: ADDRESS, lovelace: 20n * ADA });
      part(world);
      await world.followed();
      expect(await world.statuses()).toEqual({ 20: 'pending' });
    },
    2 * MINUTES,
  );

  test(
    'was wrong where the other chain won: nothing passes until the witness vouches for that one',
    async () => {
      const world = await released();
      const { ours, theirs } = world;
      // It takes a while to say what it thinks of our new chain.
      theirs.inject({ kind: 'slow', delayMs: 2_000 });
      theirs.mine();
      ours.join(theirs.chain);
      ours.payNow({ address: ADDRESS, lovelace: 20n * ADA });
      for (let i = 0; i < BLOCKS; i += 1) ours.mine();
      await world.followed();
      const { heldAt, reasons } = await world.guard();
      expect(heldAt).not.toBeNull();
      expect(reasons[0]?.detail).toContain('after it was let pass');
      expect(await audited(world)).toEqual(ONCE_MORE);
      expect(await world.statuses()).toEqual({ 20: 'pending' });

      theirs.heal();
      await world.held();
      ours.mine();
      await world.followed();
      expect(await world.statuses()).toEqual({ 20: 'confirmed' });
    },
    2 * MINUTES,
  );
});

/** Pauses between two questions, short ones until they are stopped; shorter ones than usual always end at once. */
function pausesOf(usualMs: number) {
  const given: number[] = [];
  const standing: (() => void)[] = [];
  let areStopped = false;
  const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
    given.push(ms);
    if (ms < usualMs) return;
    if (!areStopped || signal.aborted) return sleep(25, undefined, { signal });
    await new Promise<void>((resolve) => {
      standing.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  };
  return {
    pause,
    stop: () => {
      areStopped = true;
    },
    standing: () => standing.length,
    endOnce: () => {
      for (const end of standing.splice(0)) end();
    },
    shorter: () => given.filter((ms) => ms < usualMs),
  };
}

test(
  'a split is held a moment after it was first seen, not with the next question',
  async () => {
    const checkMs = 4_000;
    const pauses = pausesOf(checkMs);
    const { pause } = pauses;
    const world = await openSplitWorld({ hasWitness: true, watchesDensity: false, checkMs, pause });
    await world.followed();
    await world.heard(CHECKS);
    // Of the looks and of the witness: from here on nobody looks again, or asks, as usual.
    pauses.stop();
    await expect.poll(() => pauses.standing(), SOON).toBe(2);
    part(world, 2 * BLOCKS);
    await world.followed();
    expect(pauses.shorter()).toEqual([]);
    pauses.endOnce();
    await world.held('witness');
    const shorter = pauses.shorter();
    expect(shorter).toHaveLength(1);
    expect(shorter[0]).toBeLessThanOrEqual(500);
  },
  MINUTES,
);

test(
  'what a witness said is shown with the figures for which it holds',
  async () => {
    // It is never time for what is written now and then.
    const at = new Date();
    const now = () => at;
    const world = await openSplitWorld({ hasWitness: true, watchesDensity: false, now });
    await world.followed();
    part(world);
    await world.followed();
    await world.held('witness');
    part(world, 1);
    await world.followed();
    const shown = async () => {
      const { reasons, witnesses } = await world.guard();
      return [reasons[0]?.detail ?? '', witnesses[0]?.verdict ?? ''].map(
        (text) => /(\d+) blocks of ours/.exec(text)?.[1],
      );
    };
    const figure = String(BLOCKS + 1);
    await expect.poll(shown, SOON).toEqual([figure, figure]);
  },
  MINUTES,
);
