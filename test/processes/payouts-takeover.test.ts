import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, vi } from 'vitest';
import { ask, KEY_HEX, type PayoutWorld, promise, SOON, test } from './payout-world.js';

/** The contract's bounds for a leader that crashed and for one that froze. */
const CRASHED_MS_MAX = 5_000;
const FROZEN_MS_MAX = 20_000;

/** Milliseconds until another instance pays. */
async function untilTerm(world: PayoutWorld, term: number): Promise<number> {
  const from = performance.now();
  await vi.waitFor(async () => expect(await world.term()).toBe(term), {
    timeout: 30_000,
    interval: 20,
  });
  return Math.round(performance.now() - from);
}

describe('whoever pays', { timeout: 90_000 }, () => {
  test('is replaced in time when it is killed, and when it freezes, and pays nothing afterwards', async ({
    open,
  }) => {
    const world = await open();
    world.mineEvery(250);
    const all = Array.from({ length: 30 }, (_, i) => promise(i));
    const first = await world.start();
    await untilTerm(world, 1);
    const second = await world.start();
    for (const one of all.slice(0, 10)) await ask(first, one);
    first.signal('SIGKILL');
    const killed = await untilTerm(world, 2);
    const third = await world.start();
    for (const one of all.slice(10, 20)) await ask(third, one);
    second.signal('SIGSTOP');
    const frozen = await untilTerm(world, 3);
    console.log(`another pays ${killed} ms after kill -9, ${frozen} ms after a freeze`);
    expect(killed).toBeLessThan(CRASHED_MS_MAX);
    expect(frozen).toBeLessThan(FROZEN_MS_MAX);
    for (const one of all.slice(20)) await ask(third, one);
    second.signal('SIGCONT');
    await vi.waitFor(async () => expect(await world.statuses()).toEqual({ confirmed: 30 }), {
      timeout: 45_000,
      interval: 200,
    });
    // Time for the thawed one to do what it must not.
    await sleep(2_000);
    expect(await world.term()).toBe(3);
    await world.expectAllRight(all);
  });
});

describe.concurrent('a key', { timeout: 60_000 }, () => {
  test('that is not of the hot wallet is refused at the start, and told nowhere', async ({
    open,
  }) => {
    const world = await open();
    const other = '5a'.repeat(32);
    const envelope = { type: 'PaymentSigningKeyShelley_ed25519', cborHex: `5820${other}` };
    await writeFile(world.keyPath, JSON.stringify({ ...envelope, description: '' }));
    const { exitCode, out, err } = await world.teller(['run'], {
      SIGNER: `file:${world.keyPath}`,
      LOG_LEVEL: 'trace',
    });
    expect([exitCode, out + err]).toEqual([2, expect.stringContaining('SIGNER: its key has the')]);
    expect(out + err).toContain('HOT_WALLET_ADDRESS');
    expect(out + err).not.toContain(other.slice(0, 12));
  });

  test('that pays is in no log, answer or error', async ({ open }) => {
    const world = await open();
    const worker = await world.start({ LOG_LEVEL: 'trace' });
    world.mineEvery(200);
    const { payout } = await ask(worker, promise(1));
    await world.untilStatus(payout.id, 'confirmed');
    const pages = await Promise.all(['/status', '/health'].map((path) => worker.get(path)));
    const shown = worker.output() + JSON.stringify(pages);
    for (const secret of [KEY_HEX.slice(0, 12), 'what-the-ids-of-tests-are-made-with']) {
      expect(shown).not.toContain(secret);
    }
    await vi.waitFor(() => expect(worker.output()).toContain('payout_confirmed'), SOON);
  });
});
