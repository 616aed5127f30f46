import { expect, onTestFinished, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import {
  anAddress,
  backfillsInTests,
  newChain,
  pay,
  spend,
} from '../../../test/support/backfills.js';
import { takeOver } from '../../../test/support/books-by-hand.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { ANN, reconcileFully, register, startWorker } from '../../../test/support/reconciling.js';
import { startDevnet } from '../../devnet/server.js';
import { readMisdated } from './misdated.js';

const { pool, register: registerHere, payments, addresses } = backfillsInTests();

test('what a block brought back as it spent it counts from that block, whenever its address was asked again', async () => {
  const chain = newChain();
  const address = anAddress();
  const { reference } = pay(chain, address);
  const books = await takeOver(pool(), chain);
  await registerHere([address], { backfill: true });
  for (let i = 0; i < 3; i += 1) chain.mine();
  await books.catchUp();
  await books.between();
  chain.rollBack(1);
  await books.catchUp();
  chain.mine();
  spend(chain, reference);
  // A question by address takes longer than a block.
  chain.mine();
  await books.catchUp();
  await books.between();
  chain.mine();
  await books.catchUp();
  expect(await payments()).toMatchObject([
    { countedFrom: 5, spentBy: expect.any(String) as string },
  ]);
  expect(await addresses()).toMatchObject([{ backfilled: 6 }]);
  expect(await readMisdated(pool(), 0, null)).toEqual([]);
});

test('what a hot wallet held counts from when it was asked first, also after another one was configured', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const net = await startDevnet({ seed: 4, blocks: 3 });
  onTestFinished(() => net.close());
  const { pool: books } = database;
  const follow = async (settings: { hotWallet?: string }, act: () => void): Promise<void> => {
    const worker = startWorker(database, net, settings);
    await worker.untilAtTip();
    act();
    await worker.untilAtTip();
    await worker.stop();
  };
  const mineThree = (): void => {
    for (let i = 0; i < 3; i += 1) net.mine();
  };
  await follow({}, mineThree);
  await follow({ hotWallet: enterpriseAddress(9) }, mineThree);
  await register(books, 'ann', ANN);
  await follow({}, () => {
    net.payNow({ address: ANN[0] ?? '', lovelace: 5_000_000n });
    net.mine();
  });
  const asked = `select distinct w.counted_from <> b.block_height as "isOlder"
                   from wallet_outputs w join wallet_backfills b using (address) where w.counted_from is not null`;
  expect((await books.query(asked)).rows).toContainEqual({ isOlder: true });
  expect(await reconcileFully(books, net)).toMatchObject({ findings: [], problem: null });
});
