import { describe, expect, vi } from 'vitest';
import { ask, KEYS, type PayoutWorld, promise, SOON, test } from './payout-world.js';
import type { WorkerProcess } from './worker-process.js';

const mempoolIds = ({ devnet }: PayoutWorld): string[] =>
  devnet.chain.mempool.transactions().map(({ id }) => id);

const rounds = async ({ pool }: PayoutWorld): Promise<number> => {
  const { rows } = await pool.query<{ n: string }>(
    'select coalesce(sum(submissions), 0) as n from payout_transactions',
  );
  return Number(rows[0]?.n);
};

const act = (worker: WorkerProcess, id: string, action: string, key: string) =>
  worker.post(`/v1/payouts/${id}/${action}`, {}, key);

const auditOf = async ({ pool }: PayoutWorld, action: string) => {
  const { rows } = await pool.query<{ actor: string; details: Record<string, unknown> }>(
    'select actor, details from audit_log where action = $1 order by id',
    [action],
  );
  return rows;
};

describe.concurrent('people', { timeout: 90_000 }, () => {
  test('pause payouts at once and across a restart, until they resume them', async ({ open }) => {
    const world = await open();
    const first = await world.start();
    const { payout: before } = await ask(first, promise(1));
    await vi.waitFor(() => expect(mempoolIds(world)).toHaveLength(1), SOON);
    const paused = await world.teller(['payout', 'pause', '--reason', 'a look at it']);
    expect([paused.exitCode, paused.out]).toEqual([0, expect.stringContaining('are paused')]);
    const submissions = await rounds(world);
    const { status, payout: after } = await ask(first, promise(2));
    expect([status, after.status]).toEqual([201, 'queued']);
    // What a node lost isn't submitted again either.
    world.devnet.evict();
    first.signal('SIGTERM');
    expect(await first.exited).toBe(0);

    const second = await world.start();
    const mining = world.mineEvery(200);
    const { payout: alsoAfter } = await ask(second, promise(3));
    await vi.waitFor(async () => expect(await world.term()).toBe(2), SOON);
    const height = await world.height();
    await vi.waitFor(async () => {
      expect(await world.height()).toBeGreaterThan(height + 10);
    }, SOON);
    expect([await rounds(world), mempoolIds(world)]).toEqual([submissions, []]);
    expect(await world.payout(before.id)).toMatchObject({ status: 'submitted' });
    for (const { id } of [after, alsoAfter]) {
      expect(await world.payout(id)).toMatchObject({ status: 'queued', tx_hash: null });
    }
    const resumed = await world.teller(['payout', 'resume']);
    expect([resumed.exitCode, resumed.out]).toEqual([0, 'payouts go on\n']);
    for (const { id } of [before, after, alsoAfter]) {
      await world.untilStatus(id, 'confirmed', 45_000);
    }
    mining.stop();
    const actors = [
      ...(await auditOf(world, 'payout.paused')),
      ...(await auditOf(world, 'payout.resumed')),
    ];
    expect(actors.map(({ actor }) => actor)).toEqual([
      expect.stringMatching(/^operator:/),
      expect.stringMatching(/^operator:/),
    ]);
    await world.expectAllRight([promise(1), promise(2), promise(3)]);
  });

  test('approve what others asked for, with a key of their own', async ({ open }) => {
    const world = await open({ environment: { PAYOUT_APPROVAL_ABOVE_ADA: '1' } });
    const worker = await world.start();
    const { payout } = await ask(worker, promise(1), 'one', KEYS.desk);
    const { payout: other } = await ask(worker, promise(2), 'two', KEYS.shop);
    expect([payout.status, other.status]).toEqual(['awaiting_approval', 'awaiting_approval']);
    expect((await act(worker, payout.id, 'approve', KEYS.desk)).status).toBe(403);
    expect((await act(worker, payout.id, 'approve', KEYS.shop)).status).toBe(403);
    const approving = ['payout', 'approve', payout.id];
    const nobody = await world.teller(approving);
    expect([nobody.exitCode, nobody.err]).toEqual([1, expect.stringContaining('TELLER_API_KEY')]);
    const creating = ['payout', 'create', '--idempotency-key', 'three', '--ada', '5'];
    const unnamed = await world.teller([...creating, '--to', promise(3).destination]);
    expect([unnamed.exitCode, unnamed.err]).toEqual([1, expect.stringContaining('TELLER_API_KEY')]);
    const self = await world.teller(approving, { TELLER_API_KEY: KEYS.desk });
    expect([self.exitCode, self.err]).toEqual([1, expect.stringContaining('desk')]);
    expect(mempoolIds(world)).toEqual([]);

    const second = await world.teller(approving, { TELLER_API_KEY: KEYS.boss });
    expect(second).toEqual({ exitCode: 0, out: `${payout.id}: approved\n`, err: '' });
    expect((await act(worker, other.id, 'approve', KEYS.boss)).status).toBe(200);
    const mining = world.mineEvery(200);
    await world.untilStatus(payout.id, 'confirmed');
    await world.untilStatus(other.id, 'confirmed');
    mining.stop();
    expect(await auditOf(world, 'payout.approved')).toMatchObject([
      { actor: 'key:boss' },
      { actor: 'key:boss' },
    ]);
    await world.expectAllRight([promise(1), promise(2)]);
  });

  test('cancel what was never submitted, and nothing else', async ({ open }) => {
    const world = await open({ users: 1 });
    const worker = await world.start();
    await vi.waitFor(async () => expect(await world.deposited()).toBe(1), SOON);
    await world.teller(['payout', 'pause']);
    const { payout: early } = await ask(worker, promise(1, 'user-0'));
    const { payout: late } = await ask(worker, promise(2, 'user-0'));
    const cancelled = await act(worker, early.id, 'cancel', KEYS.shop);
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    await world.teller(['payout', 'resume']);
    await world.untilStatus(late.id, 'submitted');
    expect((await act(worker, late.id, 'cancel', KEYS.shop)).status).toBe(409);
    const byCommand = await world.teller(['payout', 'cancel', late.id]);
    expect(byCommand.exitCode).toBe(1);
    const mining = world.mineEvery(200);
    await world.untilStatus(late.id, 'confirmed');
    mining.stop();
    expect((await act(worker, late.id, 'cancel', KEYS.shop)).status).toBe(409);
    expect(await world.payout(early.id)).toMatchObject({ status: 'cancelled', tx_hash: null });
    const { body } = await worker.get('/v1/users/user-0/balances', KEYS.shop);
    const available = (1_000_000_000n - promise(2).lovelace).toString();
    expect(body).toMatchObject({ balances: [{ available, held: '0', pending: '0' }] });
  });
});

describe.concurrent('a stranger who spends from the hot wallet', { timeout: 120_000 }, () => {
  test('stops everything until a person resumes it; then all is paid once', async ({ open }) => {
    const world = await open({ outputs: 6 });
    const worker = await world.start();
    const { payout: paid } = await ask(worker, promise(1));
    await vi.waitFor(() => expect(mempoolIds(world)).toHaveLength(1), SOON);
    world.devnet.mine();
    await world.untilStatus(paid.id, 'in_block');
    world.devnet.inject({ kind: 'congestion' });
    const { payout: robbed } = await ask(worker, promise(2));
    await vi.waitFor(() => expect(mempoolIds(world)).toHaveLength(1), SOON);
    const [waiting] = world.devnet.chain.mempool.transactions();
    world.devnet.spend(waiting?.inputs ?? []);
    world.devnet.heal();
    world.devnet.mine();
    await vi.waitFor(
      async () => expect(await auditOf(world, 'payout.paused')).toHaveLength(1),
      SOON,
    );
    expect(await auditOf(world, 'payout.paused')).toMatchObject([
      { actor: 'chain', details: { reason: 'unknown spend of the hot wallet' } },
    ]);
    const { payout: third } = await ask(worker, promise(3));
    const submissions = await rounds(world);
    for (let i = 0; i < 5; i += 1) world.devnet.mine();
    await worker.untilReadiness('ready');
    expect([mempoolIds(world), await rounds(world)]).toEqual([[], submissions]);
    expect(await world.payout(third.id)).toMatchObject({ status: 'queued' });

    expect((await world.teller(['payout', 'resume'])).exitCode).toBe(0);
    await vi.waitFor(() => expect(mempoolIds(world)).toHaveLength(1), SOON);
    // Its anchor is gone: until no fork can bring that back, another payment could be a second one.
    expect(await world.payout(robbed.id)).not.toMatchObject({ status: 'confirmed' });
    for (let i = 0; i < 2_170; i += 1) world.devnet.mine();
    await world.untilStatus(third.id, 'confirmed', 45_000);
    await vi.waitFor(() => expect(mempoolIds(world)).toHaveLength(1), SOON);
    for (let i = 0; i < 3; i += 1) world.devnet.mine();
    await world.untilStatus(robbed.id, 'confirmed');
    await world.expectAllRight([promise(1), promise(2), promise(3)]);
  });
});
