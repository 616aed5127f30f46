import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, onTestFinished, vi } from 'vitest';
import { builtProgram } from './built-program.js';
import { walkThrough } from './runbook-walk.js';
import {
  expectSound,
  folder,
  HELD,
  leaderAtTip,
  MINUTES,
  metric,
  NEVER,
  ONE,
  SOON,
  spoil,
  untilMetric,
} from './runbook-world.js';
import type { WorkerProcess } from './worker-process.js';
import { addressAt, test, type World } from './world.js';

const OVERDUE_SECONDS = 26 * 3_600;
const AGED = `
  update reconciliation_runs set started_at = started_at - interval '27 hours',
         heartbeat_at = heartbeat_at - interval '27 hours',
         finished_at = finished_at - interval '27 hours'`;
const BEGUN = `
  select 1 from reconciliation_runs where scope = 'full' and state = 'running' and block_hash is not null`;

const isOverdue = (finishedAt: number | null): boolean =>
  finishedAt === null || Date.now() / 1_000 - finishedAt > OVERDUE_SECONDS;

/** `teller reconcile` in the middle of which somebody ends it. */
async function reconcileUntil(world: World, signal: NodeJS.Signals): Promise<void> {
  world.devnet.inject({ kind: 'slow', delayMs: 3_000 });
  const child = spawn(process.execPath, [builtProgram(), 'reconcile'], {
    env: {
      PATH: process.env.PATH,
      NETWORK: 'custom:42',
      DATABASE_URL: world.url,
      OGMIOS_URL: world.devnet.url,
      HOT_WALLET_ADDRESS: addressAt(0),
    },
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  onTestFinished(() => void child.kill('SIGKILL'));
  await vi.waitFor(async () => {
    expect((await world.pool.query(BEGUN)).rows).toHaveLength(1);
  }, SOON);
  child.kill(signal);
  await ended;
  world.devnet.heal();
}

describe('ReconciliationOverdue', MINUTES, () => {
  test('leads from books that nobody compares to a comparison', async ({ open }) => {
    const world = await open({ devnet: { blocks: 60 } });
    const worker = await leaderAtTip(world);
    await world.teller('reconcile');
    await spoil(world, AGED);
    const finished = 'reconciliation_last_success_timestamp_seconds';
    await untilMetric(worker, finished, isOverdue);

    await walkThrough('ReconciliationOverdue', world, async (walk) => {
      const status = await walk.teller('status', {
        exits: 0,
        says: ['last reconciliation', 'compared within a day', 'blocks behind'],
      });
      expect(status.out).toMatch(/last reconciliation +\d{4}-/);
      const listed = await walk.teller('reconcile list --scope full', {
        exits: 0,
        says: ['PROBLEM'],
      });
      expect(listed.out).toMatch(/^1 +full +finished/m);
      const plans = await walk.select('select * from schedules');
      expect(plans).toEqual(
        expect.arrayContaining([expect.objectContaining({ name: 'reconcile' })]),
      );
      await walk.teller('reconcile', { exits: 0 });
      await untilMetric(worker, finished, (at) => !isOverdue(at));

      await reconcileUntil(world, 'SIGKILL');
      await spoil(
        world,
        "update reconciliation_runs set heartbeat_at = now() - interval '55 seconds' where state = 'running'",
      );
      const resumed = await walk.teller('reconcile --resume', {
        exits: 0,
        says: ['sign of'],
      });
      expect(resumed.err).toMatch(/^going on with run \d+, begun at /m);

      worker.signal('SIGTERM');
      await worker.exited;
      await spoil(
        world,
        'delete from blocks where hash = (select last_block_hash from sync_state)',
      );
      await walk.again('reconcile', { exits: 1, says: ['another hand changed', '`teller run`'] });
      await walk.select('select * from audit_log');
      walk.next('teller run');
      await world.start({ RECONCILE_CRON: NEVER, VERIFY_CRON: NEVER });
      for (let block = 0; block < 3; block += 1) world.devnet.mine();
      expect(await world.wrongAtTip()).toEqual([]);
      await walk.teller('reconcile', { exits: 0 });
    });
    await expectSound(world);
  });
});

const BOOKED_AT_SEAL = `
  select 1 from seals where chain = 'ledger' having sum(row_count) = (select count(*) from balance_transactions)`;

/** Entries of two users, of which one is edited and one deleted after they were sealed, and a payment beneath. */
const FALSIFIED = [
  "update user_balances set available = available + 9000000 where user_id = 'user-0' and unit = 'lovelace'",
  `update incoming_payments set amount_lovelace = amount_lovelace + 5000000
    where ${ONE(`${HELD} and user_id = 'user-1'`)}`,
  `delete from balance_transactions where id = (
     select min(id) from balance_transactions where user_id = 'user-2' and reason = 'payment_confirmed')`,
];

describe('BalanceMismatch', MINUTES, () => {
  test('leads from books that contradict themselves to books that agree', async ({ open }) => {
    const world = await open({ devnet: { blocks: 120 } });
    const worker = await leaderAtTip(world);
    await vi.waitFor(async () => {
      expect((await world.pool.query(BOOKED_AT_SEAL)).rows).toHaveLength(1);
    }, SOON);
    const files = await folder();
    const before = await world.teller('backup', '--to', files, '--json');
    const { file } = JSON.parse(before.out) as { readonly file: string };
    await spoil(world, ...FALSIFIED);

    await walkThrough('BalanceMismatch', world, async (walk) => {
      await walk.teller('balance verify', { exits: 3 });
      await untilMetric(worker, 'balance_mismatches', (value) => (value ?? 0) > 0);
      const verified = await walk.teller('balance verify --json', { exits: 3 });
      const { mismatches } = JSON.parse(verified.out) as {
        readonly mismatches: readonly { readonly userId: string; readonly unit: string }[];
      };
      const USER = mismatches.find(({ userId }) => userId === 'user-0')?.userId ?? '';
      const UNIT = 'lovelace';
      const balance = await walk.teller('balance show USER', { exits: 0, fill: { USER } });
      expect(balance.out).toMatch(/^ada +\d/m);
      const entries = await walk.select('select * from balance_transactions', { USER, UNIT });
      expect(entries.length).toBeGreaterThan(0);
      await walk.teller('reconcile', { exits: 3 });
      await walk.select('select * from audit_log');
      const named = await walk.teller('balance verify', { exits: 3 });
      expect(named.out).toContain('rows edited, deleted or added after they were sealed');

      const paused = await walk.teller('payout pause', { exits: 0 });
      expect(paused.out).toContain('paused');
      await walk.teller('backup --to DIR', { exits: 0, fill: { DIR: files } });
      const repaired = await walk.teller('reconcile --repair', { exits: 3 });
      expect(repaired.out).toMatch(/^left: .*balance.* changed after they were sealed/m);
      const against = await walk.teller('balance verify --against FILE', {
        exits: 3,
        fill: { FILE: file },
      });
      const seals = [...against.out.matchAll(/^(ledger|audit) +(\d+) +\d+-\d+ /gm)];
      expect(seals.length).toBeGreaterThan(0);
      expect(against.out).not.toContain('not what was noted of it');
      const TEXT = 'a disk that lied, ticket 77';
      const [first, ...others] = seals.map(([, chain, seal]) => `${chain}/${seal}`);
      const accept = 'balance accept-seal CHAIN/SEAL --reason TEXT';
      const fill = { 'CHAIN/SEAL': first ?? '', TEXT };
      const accepted = await walk.teller(accept, { exits: 0, fill });
      expect(accepted.out).toContain('count as they are from now on');
      for (const other of others) {
        await walk.again(accept, { exits: 0, fill: { ...fill, 'CHAIN/SEAL': other } });
      }
      const audit = "select 1 from audit_log where action = 'seal.accepted'";
      expect((await world.pool.query(audit)).rows).toHaveLength(seals.length);
      await walk.teller('reconcile --repair', { exits: 0 });
      await walk.teller('balance verify', { exits: 0 });
      await walk.teller('rebuild --from origin --dry-run', { exits: 0 });
      await walk.teller('balance verify', { exits: 0 });
      await untilMetric(worker, 'balance_mismatches', (value) => value === 0);
      const resumed = await walk.teller('payout resume', { exits: 0 });
      expect(resumed.out).toBe('payouts go on\n');
    });
    await expectSound(world);
  });
});

/** A rollback over more blocks holds. */
const LIMIT = 8;
const DEPTH = 14;

describe('PaymentMonitorDeepRollback', MINUTES, () => {
  test('leads from a rollback that is held to records of the new chain', async ({ open }) => {
    const world = await open({ devnet: { blocks: 120 } });
    const worker = await leaderAtTip(world, { GUARD_ROLLBACK_DEPTH: String(LIMIT) });
    world.devnet.fork(DEPTH, { comeBack: 'none' });
    const rollback = await worker.until('rollback', {
      where: (line) => 'blocks_rolled_back' in line,
    });
    expect(rollback).toMatchObject({ blocks_rolled_back: DEPTH });
    expect(rollback.affected_payments).toBeGreaterThan(0);
    await worker.until('payment_rolled_back');
    expect(await deepRollbacks(worker)).toBe(1);
    await untilMetric(worker, 'payment_monitor_chain_held', (value) => (value ?? 0) > 0);
    // What a repair is for.
    await spoil(
      world,
      `delete from incoming_payments where ${ONE(`${HELD} and user_id = 'user-0'`)}`,
    );

    await walkThrough('PaymentMonitorDeepRollback', world, async (walk) => {
      const listed = await walk.teller('payment list --status rolled_back --json', { exits: 0 });
      const { items } = JSON.parse(listed.out) as { readonly items: readonly { userId: string }[] };
      expect(items.length).toBeGreaterThan(0);
      await walk.select('select user_id, unit, available from user_balances');
      const status = await walk.teller('status --json', { exits: 0 });
      const tip = world.devnet.chain.blocks().at(-1);
      expect(JSON.parse(status.out)).toMatchObject({
        cursor: { height: tip?.height, hash: tip?.id },
      });
      await walk.teller('reconcile', { exits: 3 });
      await walk.teller('balance verify', { exits: 3 });

      await walk.teller('reconcile', { exits: 3 });
      await walk.teller('reconcile --repair', { exits: 0 });
      await walk.teller('rebuild --from 1d --dry-run', { exits: 0 });
      await walk.teller('rebuild --from 1d', { exits: 0 });
      const held = await walk.teller('guard', { exits: 0 });
      expect(held.out).toMatch(/^chain held +since /m);
      expect(held.out).toContain(`${DEPTH} blocks`);
      await walk.teller('payout pause', { exits: 0 });
    });
    // By itself, once as many blocks as that lie above what was lost.
    for (let block = 0; block < DEPTH + LIMIT; block += 1) world.devnet.mine();
    await untilMetric(worker, 'payment_monitor_chain_held', (value) => value === 0);
    expect((await world.teller('guard')).out).toMatch(/^chain held +no$/m);
    // What was held is confirmed with the next block.
    world.devnet.mine();
    expect(await world.wrongAtTip()).toEqual([]);
    await expectSound(world);
  });
});

/** What the alert is made of: rollbacks that no bucket up to five blocks has. */
async function deepRollbacks(worker: WorkerProcess): Promise<number> {
  const all = await metric(worker, 'payment_monitor_rollback_depth_blocks_count');
  const shallow = await metric(worker, 'payment_monitor_rollback_depth_blocks_bucket{le="5"}');
  return (all ?? 0) - (shallow ?? 0);
}
