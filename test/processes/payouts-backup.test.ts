import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { createEmptyDatabase } from '../support/database.js';
import { ask, promise, SOON, test } from './payout-world.js';

describe('a database that was restored from a backup', { timeout: 120_000 }, () => {
  test.for(['critical', 'all'])(
    'of what is %s is refused while a worker runs, holds once, stays paused, and pays nothing twice',
    async (set, { open, onTestFinished }) => {
      const folder = await mkdtemp(join(tmpdir(), 'teller-backup-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      const world = await open({ users: 1 });
      const [before, paid, fresh] = [1, 2, 3].map((n) => promise(n, 'user-0'));
      if (!before || !paid || !fresh) throw new Error('three were made');
      const first = await world.start();
      const mining = world.mineEvery(200);
      await vi.waitFor(async () => expect(await world.deposited()).toBe(1), SOON);
      await world.untilStatus((await ask(first, before)).payout.id, 'confirmed');

      await world.teller(['payout', 'pause', '--reason', 'a look at the books']);
      const words = ['backup', '--to', folder, '--set', set, '--json'];
      const { out, exitCode } = await world.teller(words);
      expect(exitCode).toBe(0);
      const { file } = JSON.parse(out) as { file: string };
      const live = await world.teller(['restore', file]);
      expect([live.exitCode, live.err]).toEqual([1, expect.stringContaining('a worker leads')]);
      await world.teller(['payout', 'resume']);
      const { payout: asPaid } = await ask(first, paid);
      await world.untilStatus(asPaid.id, 'confirmed');
      first.signal('SIGKILL');
      await first.exited;

      const empty = await createEmptyDatabase();
      onTestFinished(() => empty.drop());
      world.use(empty);
      const { exitCode: restored, err } = await world.teller(['restore', file]);
      expect(`${restored} ${err}`).toMatch(/^0 /);
      const second = await world.start();
      await world.untilStatus(asPaid.id, 'confirmed');
      expect(await ask(second, paid)).toMatchObject({ status: 200, payout: { id: asPaid.id } });
      expect((await ask(second, fresh)).status).toBe(201);
      const control = async () =>
        (await world.pool.query<Record<string, unknown>>('select * from payout_control')).rows[0];
      // Paused by a person then, it is paused now, and no fence goes out until a person ends that.
      expect(await control()).toMatchObject({ pause_reason: 'a look at the books' });
      expect((await world.teller(['payout', 'fence'])).exitCode).toBe(1);
      await world.teller(['payout', 'resume']);
      const { pay, ...held } = { pay: await world.statuses(), ...(await control()) };
      expect(pay).toEqual({ confirmed: 2, queued: 1 });
      expect(held).toMatchObject({
        hold_reason: expect.stringContaining('restored from') as string,
      });
      expect((await world.teller(['payout', 'fence'])).exitCode).toBe(0);
      await vi.waitFor(async () => expect(await world.statuses()).toEqual({ confirmed: 3 }), SOON);
      const { rows } = await world.pool.query<{ action: string }>(
        "select action from audit_log where action like 'payout.h%' order by id",
      );
      expect(rows.map(({ action }) => action)).toEqual(['payout.held', 'payout.hold_ended']);
      mining.stop();
      await world.expectAllRight([before, paid, fresh]);
    },
  );

  test.for(['critical', 'addresses'])(
    'of what is %s neither accepts nor pays under another PAYOUT_ID_SECRET',
    async (set, { open, onTestFinished }) => {
      const folder = await mkdtemp(join(tmpdir(), 'teller-backup-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      const world = await open({});
      const first = await world.start();
      first.signal('SIGTERM');
      expect(await first.exited).toBe(0);
      const made = await world.teller(['backup', '--to', folder, '--set', set, '--json']);
      const { file } = JSON.parse(made.out) as { file: string };

      const empty = await createEmptyDatabase();
      onTestFinished(() => empty.drop());
      world.use(empty);
      const other = { PAYOUT_ID_SECRET: 'another one, for the first one was not at hand' };
      const restored = await world.teller(['restore', file], other);
      expect([restored.exitCode, restored.err]).toEqual([
        2,
        expect.stringContaining('The backup is restored all the same'),
      ]);
      const started = await world.teller(['run', '--roles', 'api'], other);
      expect([started.exitCode, started.err + started.out]).toEqual([
        2,
        expect.stringContaining('PAYOUT_ID_SECRET: is not the secret'),
      ]);
      const second = await world.start();
      expect((await ask(second, promise(1, null))).status).toBe(201);
    },
  );
});
