import { describe, expect, test, vi } from 'vitest';
import { type Paying, payingInTests } from '../../../test/support/paying.js';
import type { PayerDeps, PayerEvent } from './payer-deps.js';
import { type Nudges, runPayer } from './run-payer.js';

/** Nothing in here waits for a sweep. */
const NEVER_MS = 600_000;
const SOON = { timeout: 15_000, interval: 20 };

let world: Paying;
payingInTests('treasury', (opened) => {
  world = opened;
});

/** An instance that stands by and pays until it is stopped, and what it tells. */
function start(directUrl: string, sweepMs: number, more: Partial<PayerDeps> = {}) {
  const told: PayerEvent[] = [];
  const stop = new AbortController();
  const bell: { ring: () => Promise<void> } = { ring: () => Promise.resolve() };
  const nudges: Nudges = {
    consume: (onNudge, signal) =>
      new Promise((resolve) => {
        bell.ring = onNudge;
        signal.addEventListener('abort', () => resolve());
      }),
  };
  const deps = {
    ...world.deps(),
    batch: { payoutsMax: 5, waitMs: NEVER_MS },
    ...more,
    observe: (event: PayerEvent) => void told.push(event),
  };
  const running = runPayer(deps, { directUrl, nudges, sweepMs }, stop.signal);
  return {
    told,
    ring: () => bell.ring(),
    stop: async () => {
      stop.abort(new Error('the end'));
      await running;
    },
    isPaying: () => told.filter(({ type }) => type === 'payer_acquired').length > 0,
    rounds: () => told.filter(({ type }) => type === 'waiting').length,
  };
}

const NOW = { batch: { payoutsMax: 5, waitMs: 0 } };

describe('the payer', () => {
  test('finds what is queued without any nudge', async () => {
    await world.fund(60);
    const payer = start(world.databaseUrl(), 50, NOW);
    const id = await world.ask(5);
    await vi.waitFor(async () => expect(await world.status(id)).toBe('submitted'), SOON);
    await payer.stop();
  });

  test('looks at once when it is nudged', async () => {
    await world.fund(60);
    const payer = start(world.databaseUrl(), NEVER_MS, {
      batch: { payoutsMax: 1, waitMs: NEVER_MS },
    });
    await vi.waitFor(() => expect(payer.rounds()).toBe(1), SOON);
    const id = await world.ask(5);
    await payer.ring();
    await vi.waitFor(async () => expect(await world.status(id)).toBe('submitted'), SOON);
    await payer.stop();
  });

  test('is one of several instances, until it goes', async () => {
    await world.fund(60);
    const first = start(world.databaseUrl(), 50, NOW);
    await vi.waitFor(() => expect(first.isPaying()).toBe(true), SOON);
    const second = start(world.databaseUrl(), 50, NOW);
    const id = await world.ask(5);
    await vi.waitFor(async () => expect(await world.status(id)).toBe('submitted'), SOON);
    expect(second.isPaying()).toBe(false);
    await first.stop();
    await vi.waitFor(() => expect(second.isPaying()).toBe(true), SOON);
    await second.stop();
    expect(second.told.find(({ type }) => type === 'payer_acquired')).toMatchObject({
      epoch: (first.told.find((event) => event.type === 'payer_acquired')?.epoch ?? 0n) + 1n,
    });
    expect(await world.attempts(id)).toHaveLength(1);
  });

  test('ends its term when another one began, and begins a new one', async () => {
    await world.fund(60);
    const payer = start(world.databaseUrl(), 50, NOW);
    await vi.waitFor(() => expect(payer.isPaying()).toBe(true), SOON);
    await world.takeOver();
    const id = await world.ask(5);
    await vi.waitFor(
      () => expect(payer.told.map(({ type }) => type)).toContain('payer_lost'),
      SOON,
    );
    await vi.waitFor(async () => expect(await world.status(id)).toBe('submitted'), SOON);
    expect(payer.told.filter(({ type }) => type === 'payer_acquired')).toHaveLength(2);
    await payer.stop();
  });

  test('signs the next one while a node takes its time with the one before', async () => {
    await world.fund(60, 60);
    let release: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { node } = world.deps();
    const payer = start(world.databaseUrl(), 50, {
      batch: { payoutsMax: 1, waitMs: 0 },
      node: {
        ...node,
        submit: async (cbor, txHash, signal) => {
          await slow;
          return node.submit(cbor, txHash, signal);
        },
      },
    });
    const ids = [await world.ask(5), await world.ask(6)];
    await vi.waitFor(async () => {
      for (const id of ids) expect(await world.status(id)).toBe('submitted');
    }, SOON);
    expect(world.submitted).toEqual([]);
    const rounds = payer.rounds();
    await vi.waitFor(() => expect(payer.rounds()).toBeGreaterThan(rounds), SOON);
    release();
    await vi.waitFor(() => expect(world.submitted).toHaveLength(2), SOON);
    await payer.stop();
  });

  test('is gone only when what it submitted was answered', async () => {
    await world.fund(60);
    let release: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { node } = world.deps();
    const asked = { yet: false };
    const payer = start(world.databaseUrl(), 50, {
      ...NOW,
      node: {
        ...node,
        submit: async (cbor, txHash, signal) => {
          asked.yet = true;
          await slow;
          return node.submit(cbor, txHash, signal);
        },
      },
    });
    const id = await world.ask(5);
    await vi.waitFor(() => expect(asked.yet).toBe(true), SOON);
    const gone = payer.stop().then(() => 'gone');
    const aWhile = world.query('select pg_sleep(0.5)').then(() => 'still there');
    expect(await Promise.race([gone, aWhile])).toBe('still there');
    release();
    await gone;
    const [row] = await world.query<{ last_answer: string }>(
      'select last_answer from payout_transactions',
    );
    expect(row?.last_answer).toBe('accepted');
    expect(await world.status(id)).toBe('submitted');
  });
});
