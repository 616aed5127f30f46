import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { devnet } from '../../test/support/devnet.js';
import { readSettings } from '../config.js';
import { inTransaction } from '../database/transaction.js';
import type { Devnet } from '../devnet/server.js';
import type { GuardEvent } from '../guard/events.js';
import { readGuard } from '../guard/guard-queries.js';
import { withTrouble } from '../guard/reasons.js';
import { releaseGuard } from '../guard/release.js';
import { createLeadership } from '../sync/leadership.js';
import { beginTerm, insertHeaders, moveCursor } from '../sync/queries.js';
import { GUARD_SETTINGS, guardTaskOf } from './guard.js';

/** On a busy machine; nothing waits that long where all is well. */
const SOON = { timeout: 20_000 };

const database = await createTestDatabase();
afterAll(() => database.drop());

/** A leader whose books are at the tip of that chain. */
async function leaderAt({ chain }: Devnet) {
  const { pool } = database;
  await pool.query('truncate sync_state, blocks, chain_guard, audit_log cascade');
  const term = await beginTerm(pool, 0, 1, 'custom:42');
  const { tip } = chain;
  if ('refused' in term || tip === 'origin') throw new Error('no term, or no chain');
  await inTransaction(pool, async (tx) => {
    const { slot, id, height } = tip;
    await moveCursor(tx, term, null, { point: { slot, id }, height }, tip);
    const headers = chain
      .blocks()
      .map((one) => ({ ...one, hash: one.id, ancestor: null, boundary: false }));
    await insertHeaders(tx, 0, headers);
  });
  const over = new AbortController();
  return { leadership: createLeadership(pool, term, () => undefined, over.signal), over };
}

const settings = (ours: Devnet, more: NodeJS.ProcessEnv) =>
  readSettings({ NETWORK: 'custom:42', OGMIOS_URL: ours.url, ...more }, GUARD_SETTINGS);

test('nothing is watched on a private network without a witness', async () => {
  const ours = await devnet({ random: false });
  const { leadership } = await leaderAt(ours);
  const connections = ours.connections;
  await guardTaskOf(settings(ours, {}), () => undefined)(leadership);
  expect(ours.connections).toBe(connections);
  expect((await database.pool.query('select 1 from chain_guard')).rows).toEqual([]);
});

test('what held before a restart holds on where its witness is no longer asked, and says why', async () => {
  const ours = await devnet({ random: false });
  const { leadership, over } = await leaderAt(ours);
  const { pool } = database;
  const split = { kind: 'witness', witness: 'wss://gone', common: 1, ours: 9, theirs: 9 } as const;
  await pool.query(
    'insert into chain_guard (partition_id, held_at, reasons) values (0, now(), $1)',
    [JSON.stringify(withTrouble([], split, '2026-01-01T00:00:00.000Z'))],
  );
  const told: GuardEvent[] = [];
  const watching = guardTaskOf(settings(ours, {}), (event) => told.push(event), 20)(leadership);
  await expect.poll(() => told, SOON).toHaveLength(1);
  const why = { detail: expect.stringContaining('is not configured') as unknown };
  expect(told).toMatchObject([{ type: 'chain_guard_held', reasons: [why] }]);
  expect((await readGuard(pool, 0)).heldAt).not.toBeNull();

  await releaseGuard(pool, 0, 'operator:ann', 'explorers name our chain');
  await expect.poll(() => told, SOON).toHaveLength(2);
  expect(told[1]).toEqual({ type: 'chain_guard_released', by: 'operator:ann' });
  over.abort(new Error('done'));
  await watching;
  const { rows } = await pool.query("select actor from audit_log where action = 'guard.released'");
  expect(rows).toEqual([{ actor: 'operator:ann' }]);
});

test('a witness that is asked under another name ends what it held once it agrees', async () => {
  const ours = await devnet({ random: false });
  const theirs = await devnet({ random: false, history: ours.chain });
  const { leadership, over } = await leaderAt(ours);
  const split = { kind: 'witness', witness: 'wss://gone', common: 1, ours: 9, theirs: 9 } as const;
  await database.pool.query(
    'insert into chain_guard (partition_id, held_at, reasons) values (0, now(), $1)',
    [JSON.stringify(withTrouble([], split, '2026-01-01T00:00:00.000Z'))],
  );
  const config = settings(ours, { OGMIOS_WITNESS_URL: theirs.url });
  const watching = guardTaskOf(config, () => undefined, 20)(leadership);
  await expect.poll(async () => (await readGuard(database.pool, 0)).heldAt, SOON).toBeNull();
  over.abort(new Error('done'));
  await watching;
});

test('a term that begins behind its witness waits until it knows what came meanwhile', async () => {
  const ours = await devnet({ random: false, blocks: 20 });
  const theirs = await devnet({ random: false, history: ours.chain });
  for (let i = 0; i < 10; i += 1) theirs.mine();
  const { leadership, over } = await leaderAt(ours);
  const unheard = { kind: 'unheard', detail: 'a leader has just begun', since: '', released: null };
  await database.pool.query(
    'insert into chain_guard (partition_id, held_at, reasons) values (0, now(), $1)',
    [JSON.stringify([unheard])],
  );
  const config = settings(ours, { OGMIOS_WITNESS_URL: theirs.url });
  const watching = guardTaskOf(config, () => undefined, 20)(leadership);
  const verdicts = async () =>
    (await readGuard(database.pool, 0)).witnesses.map(({ verdict }) => verdict);
  await expect.poll(verdicts, SOON).toEqual(['ahead by 10 blocks']);
  expect((await readGuard(database.pool, 0)).reasons).toMatchObject([{ kind: 'unheard' }]);

  theirs.join(ours.chain);
  await expect.poll(async () => (await readGuard(database.pool, 0)).heldAt, SOON).toBeNull();
  over.abort(new Error('done'));
  await watching;
});

test('witnesses are asked with keys of their own, and density is watched where it is set', async () => {
  const ours = await devnet({ random: false, blocks: 400 });
  const theirs = await devnet({ random: false, blocks: 3, history: ours.chain, apiKeys: ['w'] });
  const { leadership, over } = await leaderAt(ours);
  // The same chain without its last hour's blocks but two: thin.
  await database.pool.query(
    `delete from blocks b using sync_state s
      where b.slot > s.last_slot - 3600 and b.slot < s.last_slot and b.height % 100 <> 0`,
  );
  const told: GuardEvent[] = [];
  const config = settings(ours, {
    OGMIOS_WITNESS_URL: theirs.url,
    OGMIOS_WITNESS_API_KEYS: 'w',
    GUARD_DENSITY: 'on',
  });
  const watching = guardTaskOf(config, (event) => told.push(event), 20)(leadership);
  await expect
    .poll(() => told.map(({ type }) => type).sort(), SOON)
    .toEqual(['chain_guard_held', 'witness_heard']);
  expect(told.find(({ type }) => type === 'witness_heard')).toMatchObject({
    witness: theirs.url,
    verdict: { type: 'agrees' },
  });
  await expect
    .poll(async () => (await readGuard(database.pool, 0)).reasons, SOON)
    .toMatchObject([{ kind: 'density', least: 104 }]);
  over.abort(new Error('done'));
  await watching;
  await expect.poll(() => theirs.connections, SOON).toBe(0);
});
