import { expect, onTestFinished, test, vi } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { devnet } from '../../../test/support/devnet.js';
import { ADA } from '../../../test/support/follow.js';
import { openWorker } from '../../../test/support/following.js';
import { ANN, register } from '../../../test/support/reconciling.js';

test('what was spent within k of the last block is known to a term that begins with a height raised beyond that', async () => {
  const net = await devnet({ blocks: 3, random: false });
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { pool } = database;
  await register(pool, 'ann', ANN);
  const spentBy = async (): Promise<string | null | undefined> =>
    (
      await pool.query<{ by: string | null }>(
        'select spent_by as by from incoming_payments where tx_hash = $1',
        [paid.id],
      )
    ).rows[0]?.by;
  const untilSpentBy = (txHash: string | null) =>
    vi.waitFor(async () => expect(await spentBy()).toBe(txHash), { timeout: 20_000, interval: 20 });

  const { transaction: paid } = net.payNow({ address: ANN[0] ?? '', lovelace: 50n * ADA });
  net.spend([`${paid.id}#0`]);
  const [before] = net.mine().transactions;
  const first = openWorker(database, net);
  await untilSpentBy(before?.id ?? '');
  await first.stop();

  await pool.query('update sync_state set last_block_height = last_block_height + 10000');
  onTestFinished(openWorker(database, net).stop);
  net.mine();
  await vi.waitFor(
    async () => {
      const { rows } = await pool.query<{ hash: string }>(
        'select last_block_hash as hash from sync_state',
      );
      expect(rows[0]?.hash).toBe(net.chain.blocks().at(-1)?.id);
    },
    { timeout: 20_000, interval: 20 },
  );
  net.fork(2, { comeBack: 'none' });
  await untilSpentBy(null);
  net.spend([`${paid.id}#0`], ANN[1]);
  const again = net.mine().transactions.find(({ inputs }) => inputs.length > 0);
  expect(again?.id).not.toBe(before?.id);
  await untilSpentBy(again?.id ?? '');
});
