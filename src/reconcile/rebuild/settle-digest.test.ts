import { afterAll, beforeEach, expect, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { devnet } from '../../../test/support/devnet.js';
import {
  booksOf,
  emptyBooks,
  expectProven,
  leadershipOf,
  rebuildDeps,
  rebuildInLives,
  register,
  startWorker,
  untilBackfilled,
  untilFollowed,
  untilWalletBackfilled,
} from '../../../test/support/rebuilding.js';
import type { Tx } from '../../database/transaction.js';
import { checkDigest } from '../../payments/digest/check-digest.js';
import type { Leadership } from '../../sync/leadership.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() => emptyBooks(pool));

const ANN = [enterpriseAddress(1), enterpriseAddress(2)];

async function followedChain() {
  const net = await devnet({ blocks: 3 });
  const hotWallet = net.chain.faucet;
  await register(pool, 'ann', ANN);
  net.chain.watch(ANN);
  const { task, leadership } = leadershipOf();
  startWorker(database, net, { hotWallet, leading: [task] });
  await untilWalletBackfilled(pool);
  for (let i = 0; i < 20; i += 1) net.mine();
  await untilFollowed(pool, net);
  await untilBackfilled(pool);
  const lead = await leadership;
  const inOneLife = (leading: Leadership = lead, from = 'origin') =>
    rebuildInLives(rebuildDeps(net, { hotWallet }), leading, { from }, () => Infinity);
  return { net, lead, inOneLife };
}

/** Heights of blocks with outputs of the wallet, lowest first. */
async function walletHeights(): Promise<number[]> {
  const { rows } = await pool.query<{ height: number }>(
    `select distinct block_height::int as height from wallet_outputs
      where block_height is not null order by 1`,
  );
  return rows.map(({ height }) => height);
}

const spoilRow = (height: number) =>
  pool.query('update wallet_outputs set slot = slot + 1 where block_height = $1', [height]);
const spoilSum = (height: number) =>
  pool.query(
    'update state_digests set facts_sum = md5(facts_sum) || md5(facts_sum) where height = $1',
    [height],
  );

/** Does something right before each transaction of the leader, and sees what is asked in it. */
const watched = (
  lead: Leadership,
  before: () => Promise<unknown>,
  asked: (text: string, rows: number) => void = () => undefined,
): Leadership => ({
  ...lead,
  write: async (work) => {
    await before();
    return lead.write((tx, at, cursor) => {
      const query: Tx['query'] = async (text, values) => {
        const result = await tx.query<never>(text, values);
        asked(text, result.rowCount ?? 0);
        return result;
      };
      return work({ ...tx, query }, at, cursor);
    });
  },
});

test('the digest is set right where it was changed, and only blocks that differed are folded behind the fence', async () => {
  const { lead, inOneLife } = await followedChain();
  const before = await booksOf(pool);
  const [low = 0, , high = 0] = await walletHeights();
  await spoilRow(high);
  await spoilSum(low);
  let folded = 0;
  const { job } = await inOneLife(
    watched(
      lead,
      () => Promise.resolve(),
      (text, rows) => {
        if (text.includes('from rebuild_facts')) folded += rows;
      },
    ),
  );
  expect(job.result).toMatchObject({ open: 0, left: [], digest: { equal: false } });
  expect(await booksOf(pool)).toEqual(before);
  const { rows } = await pool.query<{ facts: number }>(
    'select sum(facts)::int as facts from state_digests',
  );
  expect(folded).toBeGreaterThan(0);
  expect(folded).toBeLessThan(Number(rows[0]?.facts) / 2);
  const audit = await pool.query("select action from audit_log where entity_type = 'state_digest'");
  expect(audit.rows).toEqual([{ action: 'digest.corrected' }]);
});

test.each<[string, string]>([
  ['is gone', 'delete from state_digests where height % 2 = 0'],
  [
    'names blocks that brought nothing',
    `insert into state_digests (partition_id, height, facts, facts_sum, digest)
     select 0, h, 1, repeat('a', 64), repeat('b', 64) from generate_series(1, 20) h on conflict do nothing`,
  ],
  [
    'doesn’t hang together',
    'update state_digests set digest = md5(digest) || md5(digest) where height = 7',
  ],
])('a stored digest that %s becomes that of the blocks', async (_, spoil) => {
  const { inOneLife } = await followedChain();
  const before = await booksOf(pool);
  await pool.query('delete from state_digests where height = 4');
  expect((await pool.query(spoil)).rowCount).toBeGreaterThan(0);
  const { job } = await inOneLife();
  expect(job.result).toMatchObject({ differences: {}, left: [] });
  expect(await booksOf(pool)).toEqual(before);
  await expectProven(pool);
});

test('what another hand changes after the comparison doesn’t become part of the digest', async () => {
  const { lead, inOneLife } = await followedChain();
  const heights = await walletHeights();
  const [low = 0] = heights;
  const late = heights.at(-3) ?? 0;
  await spoilSum(low);
  const { rows: before } = await pool.query('select * from state_digests where height = $1', [
    late,
  ]);
  let writes = 0;
  const { job } = await inOneLife(
    watched(lead, async () => {
      writes += 1;
      // The first one takes the job.
      if (writes === 2) await spoilRow(late);
    }),
  );
  expect(writes).toBe(2);
  expect(job.result).toMatchObject({ left: [] });
  const { rows } = await pool.query('select * from state_digests where height = $1', [late]);
  expect(rows).toMatchObject(before.map(({ facts_sum }: { facts_sum: string }) => ({ facts_sum })));
  expect((await checkDigest(pool, 0)).firstDifference).toEqual({ height: late });
  // Looked at once more it is found, and healed.
  expect((await inOneLife()).job.result).toMatchObject({ open: 0, left: [] });
  await expectProven(pool);
});

test('a link that another hand breaks after the comparison stays broken, and told of', async () => {
  const { lead, inOneLife } = await followedChain();
  const before = await booksOf(pool);
  const heights = await walletHeights();
  const [low = 0] = heights;
  const late = heights.at(-3) ?? 0;
  await spoilSum(low);
  let writes = 0;
  await inOneLife(
    watched(lead, async () => {
      writes += 1;
      // The first one takes the job.
      if (writes !== 2) return;
      await pool.query(
        'update state_digests set digest = md5(digest) || md5(digest) where height = $1',
        [late],
      );
    }),
  );
  expect((await checkDigest(pool, 0)).firstDifference).toEqual({ height: late });
  expect((await inOneLife()).job.result).toMatchObject({ open: 0, left: [] });
  expect(await booksOf(pool)).toEqual(before);
});

test('while the tables aren’t what the blocks make, the digest stays as it is', async () => {
  const { inOneLife } = await followedChain();
  const [low = 0] = await walletHeights();
  await spoilSum(low);
  // Nobody can say whose it is, so it stays.
  await pool.query("update payment_addresses set user_id = 'eve' where user_id = 'ann'");
  await pool.query(
    "update incoming_payments set amount_lovelace = amount_lovelace + 1 where user_id = 'ann'",
  );
  const before = (await booksOf(pool)).filter((line) => line.startsWith('digest'));
  const { job } = await inOneLife();
  expect(Number(job.result?.open)).toBeGreaterThan(0);
  expect(JSON.stringify(job.result?.left)).toContain('another state digest than the blocks');
  const after = (await booksOf(pool)).filter((line) => line.startsWith('digest'));
  expect(after).toEqual(before);
});
