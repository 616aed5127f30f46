import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { devnet } from '../../../test/support/devnet.js';
import { ADA, followUntil } from '../../../test/support/follow.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { decodeNextBlock } from '../../chain/decode.js';
import { createLeadership } from '../../sync/leadership.js';
import { createChainView } from '../../sync/ogmios-chain-view.js';
import { beginTerm } from '../../sync/queries.js';
import type { ProofEvent } from '../model/proof-events.js';
import { compareContinuously, draw } from './continuous.js';
import { readCoverage } from './coverage-queries.js';

describe('the sample', () => {
  test('is all there is where that is little, and each once where it is much', () => {
    expect(draw(3, 6, 10, () => 0)).toEqual([3, 4, 5, 6]);
    const drawn = draw(1, 1_000, 50, Math.random);
    expect(new Set(drawn).size).toBe(50);
    expect(drawn.every((id) => id >= 1 && id <= 1_000)).toBe(true);
    expect(draw(1, 1_000, 50, () => 0.5)).toEqual([501]);
  });
});

describe('comparing all the time', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  test('finds and tells what differs, covers what is watched, and keeps one clean run an hour', {
    timeout: 120_000,
  }, async () => {
    const sql = (text: string) => database.pool.query(text);
    const net = await devnet({ random: false, blocks: 2 });
    const [ann, bob] = [enterpriseAddress(1), enterpriseAddress(2)];
    const empty = enterpriseAddress(3);
    await sql(`insert into payment_addresses (address, partition_id, user_id, watched_from)
               values ('${ann}', 0, 'ann', -1), ('${bob}', 0, 'bob', -1), ('${empty}', 0, 'eve', -1)`);
    await sql(`insert into audit_log (action, entity_type, entity_id, actor, details)
               select 'address.registered', 'payment_address', address, 'cli',
                      jsonb_build_object('userId', user_id) from payment_addresses`);
    net.payNow({ address: ann, lovelace: 7n * ADA });
    net.payNow({ address: bob, lovelace: 9n * ADA });
    const tip = net.mine().height;
    await followUntil(
      { databaseUrl: database.url, pool: database.pool, urls: [net.url], startPoint: 'origin' },
      (event) => event.type === 'forward' && event.cursor.height === tip,
    );
    await sql('update payment_addresses set backfilled_height = 0');
    expect((await readCoverage(database.pool, 0, new Date())).reconciledRatio).toBe(0);

    const events: ProofEvent[] = [];
    const end = new AbortController();
    const term = await beginTerm(database.pool, 0, 1, 'custom:42');
    if ('refused' in term) throw new Error(term.refused);
    const leadership = createLeadership(database.pool, term, () => undefined, end.signal);
    const tipAhead = (blocks: number) =>
      sql(`update sync_state set tip_height = last_block_height + ${blocks}`);
    await tipAhead(5_000);
    let looks = 0;
    const endpoints = { urls: [net.url] as const, keys: [], keyHeader: null, keyParam: 'apikey' };
    const done = compareContinuously({
      chain: createChainView(endpoints, decodeNextBlock),
      hotWallet: null,
      observe: (event) => void events.push(event),
      now: () => {
        looks += 1;
        return new Date();
      },
      random: Math.random,
      lookMs: 10,
      sampleMs: 10,
    })(leadership);
    try {
      const eventually = (check: () => Promise<void>) =>
        vi.waitFor(check, { timeout: 30_000, interval: 50 });
      // Far behind the tip nothing is compared, and nothing fails.
      await vi.waitFor(() => expect(looks).toBeGreaterThan(10), { timeout: 30_000 });
      expect((await sql('select 1 from reconciliation_runs')).rows).toEqual([]);
      await tipAhead(3);
      await eventually(async () => {
        expect(await readCoverage(database.pool, 0, new Date())).toMatchObject({
          watched: 3,
          reconciledRatio: 1,
        });
      });
      await sql("update incoming_payments set amount_lovelace = 1 where user_id = 'ann'");
      await eventually(async () => {
        const { rows } = await sql(
          "select type, address from reconciliation_discrepancies where state = 'open'",
        );
        expect(rows).toEqual([{ type: 'amount_mismatch', address: ann }]);
      });
      const runs = await sql(
        "select scope from reconciliation_runs where state = 'finished' and mismatched = 0",
      );
      expect(runs.rows).toEqual([{ scope: 'continuous' }]);
      await vi.waitFor(() => {
        const told = events.filter(({ type }) => type === 'reconciliation_finished');
        expect(told).toMatchObject([{ scope: 'continuous', open: { amount_mismatch: 1 } }]);
      });
      // At an address that holds nothing there is no output to name.
      await sql(`insert into audit_log (action, entity_type, entity_id, actor, details)
                 values ('address.registered', 'payment_address', '${empty}', 'cli',
                         '{"userId": "carol"}')`);
      await vi.waitFor(
        () => {
          const told = events.filter(({ type }) => type === 'reconciliation_finished');
          const problem = expect.stringContaining(empty) as string;
          expect(told.at(-1)).toMatchObject({ scope: 'continuous', findings: [], problem });
        },
        { timeout: 20_000, interval: 50 },
      );
      const aboutEmpty = () =>
        events.filter((one) => 'problem' in one && one.problem?.includes(empty) === true).length;
      const before = looks;
      await vi.waitFor(() => expect(looks).toBeGreaterThan(before + 12), { timeout: 60_000 });
      expect(aboutEmpty()).toBe(1);
      // Another one is told, and once again.
      await sql("update payment_addresses set user_id = 'mallory' where user_id = 'eve'");
      await vi.waitFor(() => expect(aboutEmpty()).toBe(2), { timeout: 60_000, interval: 50 });
    } finally {
      end.abort(new Error('done'));
      await done;
    }
  });
});
