import { describe, expect } from 'vitest';
import { inTransaction } from '../../src/database/transaction.js';
import { rewriteDigests } from '../../src/payments/digest/recompute.js';
import { walkThrough } from './runbook-walk.js';
import {
  expectSound,
  folder,
  HELD,
  leaderAtTip,
  MINUTES,
  ONE,
  SPENT,
  spoil,
  untilMetric,
} from './runbook-world.js';
import { addressAt, test, type World, type WorldOptions } from './world.js';

/** A difference of each type. */
const OF_EACH_TYPE = [
  `delete from incoming_payments where ${ONE(`${HELD} and user_id = 'user-0'`)}`,
  `update incoming_payments set amount_lovelace = amount_lovelace + 5000000
    where ${ONE(`${HELD} and user_id = 'user-1'`)}`,
  `update incoming_payments set spent_by = null, spent_height = null
    where ${ONE(`${SPENT} and user_id = 'user-1'`)}`,
  `update incoming_payments set spent_by = repeat('ab', 32), spent_height = block_height + 1
    where ${ONE(`${HELD} and user_id = 'user-2'`)}`,
  `update incoming_payments set user_id = 'mallory' where ${ONE(`${SPENT} and user_id = 'user-0'`)}`,
  `update incoming_payments set status = 'pending', confirmed_at = null
    where ${ONE(`${SPENT} and user_id = 'user-2'`)}`,
  `insert into incoming_payments (tx_hash, output_index, address, user_id, amount_lovelace, status, block_hash,
                                  block_height, slot, tx_position)
   select repeat('cd', 32), 0, address, user_id, 7000000, 'confirmed', block_hash, block_height, slot, 99
     from incoming_payments where ${ONE(`${HELD} and user_id = 'user-2'`)}`,
];
const TYPES = [
  'amount_mismatch',
  'extra_in_db',
  'missing_in_db',
  'owner_mismatch',
  'spent_mismatch',
  'status_mismatch',
  'unspent_mismatch',
];

type Found = {
  readonly id: string;
  readonly type: string;
  readonly output: string;
  readonly reason: string;
};

/** The table of `teller reconcile show`. */
const foundIn = (out: string): Found[] =>
  [...out.matchAll(/^(\d+) +(\w+) +([0-9a-f]{64}#\d+) .* (?:open|explained) +(.+)$/gm)].map(
    ([, id = '', type = '', output = '', reason = '']) => ({ id, type, output, reason }),
  );

const latestRun = async (world: World): Promise<string> =>
  /^(\d+) +full/m.exec((await world.teller('reconcile', 'list')).out)?.[1] ?? '';

/** Registered for Zoe, to whom it brought one payment. */
const DISPUTED = addressAt(99);
const UNASKED = addressAt(98);
const PUT_IN = `
  insert into payment_addresses (address, partition_id, user_id, watched_from, backfilled_height)
  select $1, 0, 'zoe', last_block_height, last_block_height from sync_state`;
const GIVEN_TO = 'update payment_addresses set user_id = $2 where address = $1';
/** Registered for Zoe, without any payment. */
const EMPTY = addressAt(97);
const HEADER_GONE = 'delete from blocks where height = (select max(height) - 3 from blocks)';
const TAKEN_OUT = 'delete from payment_addresses where address = $1';

async function openWithZoe(open: (options?: WorldOptions) => Promise<World>): Promise<World> {
  const world = await open({ devnet: { blocks: 80 } });
  const added = await world.teller('address', 'add', DISPUTED, '--user', 'zoe');
  expect(added).toMatchObject({ exitCode: 0 });
  world.registered(DISPUTED, 'zoe', Number.NEGATIVE_INFINITY);
  world.devnet.payNow({ address: DISPUTED, lovelace: 50_000_000n });
  for (let block = 0; block < 3; block += 1) world.devnet.mine();
  return world;
}

describe('ReconciliationDiscrepancy', MINUTES, () => {
  test('leads from records that differ to records that equal the chain', async ({ open }) => {
    const world = await openWithZoe(open);
    const worker = await leaderAtTip(world);
    const files = await folder();
    await spoil(world, ...OF_EACH_TYPE);
    await world.teller('reconcile');
    await untilMetric(worker, 'reconciliation_discrepancies', (value) => (value ?? 0) >= 7);

    await walkThrough('ReconciliationDiscrepancy', world, async (walk) => {
      const list = await walk.teller('reconcile list', { exits: 0, says: ['PROBLEM'] });
      expect(list.out).toContain('operator:');
      const RUN = /^(\d+) +full/m.exec(list.out)?.[1] ?? '';
      const shown = await walk.teller('reconcile show RUN --state open', {
        exits: 0,
        fill: { RUN },
        says: ['REASON', ...TYPES],
      });
      const differences = foundIn(shown.out);
      expect([...new Set(differences.map(({ type }) => type))].sort()).toEqual(TYPES);
      await walk.teller('reconcile', { exits: 3 });
      const named = await walk.teller('reconcile show RUN --json', { exits: 0, fill: { RUN } });
      const ADDRESS = /"address":"([^"]+)"/.exec(named.out)?.[1] ?? '';
      await walk.teller('reconcile --address ADDRESS', { exits: 3, fill: { ADDRESS } });
      const wrongAmount = differences.find(({ type }) => type === 'amount_mismatch')?.output ?? '';
      await walk.teller('payment show TX#INDEX', { exits: 0, fill: { 'TX#INDEX': wrongAmount } });
      await walk.teller('balance verify', { exits: 3 });
      await walk.select('select * from audit_log order by id desc');

      const backup = await walk.teller('backup --to DIR', { exits: 0, fill: { DIR: files } });
      expect(backup.out).toContain(files);
      await walk.teller('reconcile --repair', { exits: 0 });

      // Money whose row is gone together with its digest: no repair can tell where it was.
      await spoil(world, `delete from incoming_payments where ${ONE(SPENT)}`);
      await inTransaction(world.pool, (tx) => rewriteDigests(tx, 0, 0));
      const left = await walk.again('reconcile --repair', { exits: 3 });
      expect(left.out).toMatch(/^left: ./m);
      await walk.teller('rebuild --from origin --dry-run', { exits: 3 });
      await walk.teller('rebuild --from origin', { exits: 0 });
      await expectSound(world);

      await world.pool.query(GIVEN_TO, [DISPUTED, 'mallory']);
      await walk.again('reconcile --repair', {
        exits: 3,
        says: ['the audit log says that it was registered for'],
      });
      const [found] = foundIn(
        (await world.teller('reconcile', 'show', await latestRun(world))).out,
      );
      const explained = await walk.teller('reconcile explain DISCREPANCY --reason TEXT', {
        exits: 0,
        fill: { DISCREPANCY: found?.id ?? '', TEXT: 'known since May' },
      });
      expect(explained.out).toContain('is explained, by operator:');
      // It holds for the runs to come.
      expect(await world.teller('reconcile')).toMatchObject({ exitCode: 0 });
      const audit = await walk.select(
        "select * from audit_log where entity_type = 'payment_address' and entity_id = 'ADDRESS'",
        { ADDRESS: DISPUTED },
      );
      expect(JSON.stringify(audit)).toContain('zoe');
      await walk.teller('balance verify', { exits: 0 });
      const settling = 'address settle ADDRESS --user USER --reason TEXT';
      const asZoes = { USER: 'zoe', TEXT: 'ticket 77' };
      await walk.teller(settling, { exits: 0, fill: { ADDRESS: DISPUTED, ...asZoes } });
      await walk.again('reconcile --repair', { exits: 0 });

      await world.teller('address', 'add', EMPTY, '--user', 'zoe');
      await world.pool.query(TAKEN_OUT, [EMPTY]);
      await walk.again('reconcile --repair', { exits: 3, says: ["isn't in the books"] });
      const inAgain = { ADDRESS: EMPTY, USER: 'zoe' };
      await walk.teller('address add ADDRESS --user USER', { exits: 0, fill: inAgain });
      await walk.again('reconcile --repair', { exits: 0 });

      world.registered(UNASKED, 'zoe', Number.POSITIVE_INFINITY);
      await world.pool.query(PUT_IN, [UNASKED]);
      await walk.again('reconcile --repair', {
        exits: 3,
        says: ['the audit log has no registration of it'],
      });
      await walk.teller('payout pause', { exits: 0 });
      await walk.again(settling, { exits: 0, fill: { ADDRESS: UNASKED, ...asZoes } });
      await walk.again('reconcile --repair', { exits: 0 });

      await world.pool.query(HEADER_GONE);
      await walk.again('reconcile', { exits: 3, says: ['another hand changed blocks'] });
      const readAgain = await walk.teller('reconcile --repair', { exits: 0 });
      expect(readAgain.out).toContain('headers of blocks: 1 read again');
      await walk.select('select user_id, unit, available from user_balances');
    });
    await untilMetric(worker, 'reconciliation_discrepancies', (value) => value === 0);
    await untilMetric(worker, 'reconciliation_problem', (value) => value === 0);
    await expectSound(world);
  });
});
