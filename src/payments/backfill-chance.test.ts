import { expect, test } from 'vitest';
import { anAddress, backfillsInTests, newChain } from '../../test/support/backfills.js';
import { type ByHand, takeOver } from '../../test/support/books-by-hand.js';
import { ADA } from '../../test/support/follow.js';
import type { DevnetChain } from '../devnet/chain.js';
import { createRandom, type Random } from '../devnet/random.js';
import { checkDigest } from './digest/check-digest.js';

const { pool, query, register } = backfillsInTests();
const WALLET = anAddress();
const ADDRESSES = Array.from({ length: 6 }, anAddress);

/** What is recorded as unspent is what the chain has, at every address whose past is known. */
async function expectSound(chain: DevnetChain): Promise<void> {
  const [cursor] = await query<{ id: string }>('select last_block_hash as id from sync_state');
  const known = await query<{ address: string }>(
    `select address from payment_addresses where backfilled_height is not null
     union all select address from wallet_backfills`,
  );
  const recorded = await query<{ reference: string }>(
    `select o.tx_hash || '#' || o.output_index as reference
       from (select tx_hash, output_index, address, spent_by from incoming_payments
              where status <> 'rolled_back'
             union all
             select tx_hash, output_index, address, spent_by from wallet_outputs) o
      where spent_by is null
        and address in (select address from payment_addresses where backfilled_height is not null
                        union all select address from wallet_backfills)`,
  );
  const truth = chain.unspentAt(
    cursor?.id ?? 'origin',
    known.map(({ address }) => address),
  );
  expect(recorded.map(({ reference }) => reference).sort()).toEqual([...truth.keys()].sort());
  expect(await checkDigest(pool(), 0)).toMatchObject({ firstDifference: null });
}

function grow(chain: DevnetChain, random: Random): void {
  const owned = [...chain.unspentAt(chain.blocks().at(-1)?.id ?? 'origin', [WALLET, ...ADDRESSES])];
  const address = random.pick([WALLET, ...ADDRESSES]);
  const lovelace = BigInt(random.between(2, 2_000)) * ADA;
  const spent = owned.length > 0 && random.chance(0.4) ? [random.pick(owned)[0]] : [];
  chain.mine(random.chance(0.3) ? [] : [{ spend: spent, pay: [{ address, lovelace }] }]);
}

test.each(Array.from({ length: 8 }, (_, index) => index))(
  'whatever is registered, paid, spent, forked, restarted and asked, the books are the chain’s (seed %i)',
  async (seed) => {
    const random = createRandom(`backfills ${seed}`);
    const chain = newChain();
    for (let i = 0; i < 10; i += 1) grow(chain, random);
    let books: ByHand = await takeOver(pool(), chain, { hotWallet: WALLET });
    const catchUp = () => books.catchUp({ atOnce: random.chance(0.3) });
    const disturb = async (): Promise<void> => {
      if (!random.chance(0.3)) return;
      if (random.chance(0.3)) chain.rollBack(random.between(1, 4));
      grow(chain, random);
      await catchUp();
    };
    const steps: readonly (() => unknown)[] = [
      () => grow(chain, random),
      () => grow(chain, random),
      () => register([random.pick(ADDRESSES)], { backfill: random.chance(0.6) }).catch(() => null),
      () => {
        // Following began at the eleventh block: below it nobody rolls back.
        chain.rollBack(random.between(0, Math.min(5, chain.blocks().length - 11)));
        grow(chain, random);
      },
      () => books.between(disturb),
      () => books.between(disturb),
      async () => {
        books = await takeOver(pool(), chain, { hotWallet: WALLET });
      },
    ];
    for (let i = 0; i < 60; i += 1) {
      await random.pick(steps)();
      await catchUp();
      await expectSound(chain);
    }
    while ((await books.between()) === 'moved') await catchUp();
    await expectSound(chain);
    const left = await query('select 1 from payment_addresses where backfilled_height is null');
    const all = await query('select 1 from payment_addresses');
    expect(all.length).toBeGreaterThan(2);
    expect(left.length).toBeLessThan(all.length);
  },
);
