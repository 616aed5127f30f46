import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Slot } from '../../src/chain/point.js';
import { serveOgmios } from '../../src/devnet/ogmios-server.js';
import { recordedChain } from '../../src/devnet/recorded.js';
import { verifyBalances } from '../../src/payments/balance-reads.js';
import { createTestDatabase } from '../support/database.js';
import { emptyTables, followUntil } from '../support/follow.js';
import type { TestDatabase } from '../support/test-databases.js';
import { countedAssets, type Recording, recordings, sharedIsThere } from './shared-material.js';

/** One confirmation deep is confirmed: what counts here is what is found. */
const AT_ONCE = { tiers: [{ fromLovelace: 0n, confirmations: 1 }], minPaymentLovelace: 0n };

const REGISTER = `
  insert into payment_addresses (address, partition_id, user_id)
  select address, 0, 'user-' || ord % 50 from unnest($1::text[]) with ordinality as a (address, ord)`;
const PAYMENTS = `
  select tx_hash as tx, output_index as index, address, amount_lovelace::text as lovelace, assets,
         block_hash as block, block_height::int as height, slot::int as slot, spent_by as "spentBy", status
    from incoming_payments`;

describe.skipIf(!sharedIsThere)('real blocks through the real worker into PostgreSQL', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  beforeEach(() => emptyTables(database.pool));
  afterAll(() => database.drop());

  test.each([...recordings('single'), ...recordings('chain')].map((r) => [r.name, r] as const))(
    '%s gives exactly the payments of its truth file',
    { timeout: 60_000 },
    async (_, recording) => {
      const addresses = [...new Set(recording.truth.outputs.map((output) => output.address))];
      await database.pool.query(REGISTER, [addresses]);
      await replay(database, recording);
      const { rows } = await database.pool.query<{ tx: string; index: number }>(PAYMENTS);
      const order = (a: { tx: string; index: number }, b: { tx: string; index: number }) =>
        a.tx === b.tx ? a.index - b.index : a.tx < b.tx ? -1 : 1;
      expect(rows.sort(order)).toEqual(
        recording.truth.outputs
          .map((output) => ({
            tx: output.tx,
            index: output.index,
            address: output.address,
            lovelace: output.lovelace,
            assets: countedAssets(output),
            block: output.block,
            height: output.height,
            slot: output.slot,
            spentBy: output.spentBy?.tx ?? null,
            status: 'confirmed',
          }))
          .sort(order),
      );
      expect((await verifyBalances(database.pool)).mismatches).toEqual([]);
    },
  );
});

async function replay(database: TestDatabase, { lines }: Recording): Promise<void> {
  const first = headerOf(lines.at(0));
  const last = headerOf(lines.at(-1));
  const standIn = { slot: Math.max(0, (first.slot ?? 0) - 1) as Slot, id: first.ancestor };
  const server = await serveOgmios(recordedChain(lines, standIn));
  try {
    await followUntil(
      {
        databaseUrl: database.url,
        pool: database.pool,
        urls: [server.url],
        startPoint: standIn,
        policy: AT_ONCE,
      },
      (event) =>
        event.type === 'forward' &&
        event.cursor.point !== 'origin' &&
        event.cursor.point.id === last.id,
    );
  } finally {
    await server.close();
  }
}

type Header = { readonly id: string; readonly ancestor: string; readonly slot?: number };

function headerOf(line: string | undefined): Header {
  const answer = JSON.parse(line ?? '') as { result: { block: Header } };
  return answer.result.block;
}
