import { describe, expect, vi } from 'vitest';
import { ask, KEYS, type PayoutWorld, promise, SOON, test } from './payout-world.js';

const mempoolIds = ({ devnet }: PayoutWorld): string[] =>
  devnet.chain.mempool.transactions().map(({ id }) => id);

type Held = { readonly held_at: Date | null; readonly hold_reason: string | null };

const holdOf = async ({ pool }: PayoutWorld): Promise<Held | undefined> =>
  (await pool.query<Held>('select held_at, hold_reason from payout_control')).rows[0];

const bytesOf = async ({ pool }: PayoutWorld, txHash: string | null): Promise<Buffer> => {
  const { rows } = await pool.query<{ cbor: Buffer }>(
    'select cbor from payout_transactions where tx_hash = $1',
    [txHash],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`no transaction ${txHash}`);
  return row.cbor;
};

describe('a database that was restored from an older copy', { timeout: 120_000 }, () => {
  test('holds payouts, learns from the chain what it paid, and pays on behind a fence', async ({
    open,
  }) => {
    const world = await open({ users: 1 });
    const [before, paid, signed, fresh] = [1, 2, 3, 4].map((n) => promise(n, 'user-0'));
    if (!before || !paid || !signed || !fresh) throw new Error('four were made');
    const first = await world.start();
    let mining = world.mineEvery(200);
    await vi.waitFor(async () => expect(await world.deposited()).toBe(1), SOON);
    const { payout: asBefore } = await ask(first, before);
    await world.untilStatus(asBefore.id, 'confirmed');
    first.signal('SIGTERM');
    expect(await first.exited).toBe(0);
    const copy = await world.backup();

    const second = await world.start();
    const { payout: asPaid } = await ask(second, paid);
    await world.untilStatus(asPaid.id, 'confirmed');
    mining.stop();
    // Signed, told to a node and lost by it: nobody but the lost database knows of it.
    const { payout: asSigned } = await ask(second, signed);
    await vi.waitFor(() => expect(mempoolIds(world)).toHaveLength(1), SOON);
    const { tx_hash: forgotten } = await world.payout(asSigned.id);
    const bytes = await bytesOf(world, forgotten);
    world.devnet.evict();
    second.signal('SIGKILL');
    await second.exited;

    world.use(copy);
    const third = await world.start();
    mining = world.mineEvery(200);
    // Known before the chain tells of it: what it forgot may not be in any block.
    await vi.waitFor(async () => {
      expect((await holdOf(world))?.hold_reason).toContain('another database');
    }, SOON);
    await world.untilStatus(asPaid.id, 'confirmed');
    expect(await ask(third, paid)).toMatchObject({
      status: 200,
      payout: { id: asPaid.id, status: 'confirmed', userId: 'user-0' },
    });
    expect(await ask(third, before)).toMatchObject({ status: 200, payout: { id: asBefore.id } });
    expect((await ask(third, { ...paid, lovelace: 3_000_000n }, paid.destination)).status).toBe(
      409,
    );
    for (const [promised, id] of [
      [signed, asSigned.id],
      [fresh, undefined],
    ] as const) {
      const { status, payout } = await ask(third, promised);
      expect([status, payout.status]).toEqual([201, 'queued']);
      if (id !== undefined) expect(payout.id).toBe(id);
    }
    const height = await world.height();
    await vi.waitFor(async () => expect(await world.height()).toBeGreaterThan(height + 10), SOON);
    expect([mempoolIds(world), await world.statuses()]).toEqual([[], { confirmed: 2, queued: 2 }]);
    const late = await third.post(`/v1/payouts/${asPaid.id}/cancel`, {}, KEYS.shop);
    expect(late.status).toBe(409);

    const fence = await world.teller(['payout', 'fence', '--json']);
    expect(fence).toMatchObject({ exitCode: 0 });
    const { submitted, transactions } = JSON.parse(fence.out) as Record<string, unknown>;
    expect([submitted, transactions]).toEqual([true, [expect.stringMatching(/^[0-9a-f]{64}$/)]]);
    expect(world.devnet.chain.mempool.submit(bytes)).toMatchObject({ accepted: false });
    await vi.waitFor(async () => expect(await world.statuses()).toEqual({ confirmed: 4 }), SOON);
    expect((await holdOf(world))?.held_at).toBeNull();
    mining.stop();
    await world.expectAllRight([before, paid, signed, fresh]);
  });
});
