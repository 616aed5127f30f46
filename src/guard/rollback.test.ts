import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import type { Block } from '../chain/block.js';
import type { Height, Slot } from '../chain/point.js';
import { inTransaction } from '../database/transaction.js';
import type { LinkedBlock } from '../sync/events.js';
import type { BlockHandlers } from '../sync/follower.js';
import { lockGuard, readGuard } from './guard-queries.js';
import { writeReasons } from './hold.js';
import { withTrouble } from './reasons.js';
import { releaseGuard } from './release.js';
import { withGuard } from './rollback.js';

const database = await createTestDatabase();
afterAll(() => database.drop());
beforeEach(() => database.pool.query('truncate chain_guard, audit_log'));

const AT = new Date('2026-01-01T00:00:00Z');

/** Blocks up to a height, or back to one over so many blocks. */
type Step = { readonly to: number; readonly undone?: number };

const nothing: BlockHandlers<null> = {
  prepare: () => Promise.resolve(),
  forward: () => Promise.resolve(null),
  backward: () => Promise.resolve(null),
};

function blockAt(at: number): LinkedBlock<Block> {
  const id = at.toString(16).padStart(64, '0');
  const slot = at as Slot;
  const block: Block = {
    type: 'praos',
    era: 'conway',
    id,
    ancestor: 'f'.repeat(64),
    height: at as Height,
    slot,
    transactions: [],
  };
  return { block, slot, point: { slot, id } };
}

function play(rollbackDepth: number | null, handlers = nothing) {
  const guarded = withGuard(handlers, { partitionId: 0, rollbackDepth, hasWitnesses: false });
  return async (...steps: readonly Step[]): Promise<void> => {
    for (const { to, undone } of steps) {
      await inTransaction(database.pool, (tx) =>
        undone === undefined
          ? guarded.forward(tx, [blockAt(to)], AT)
          : guarded.backward(tx, to, AT, undone),
      );
    }
  };
}

const guard = () => readGuard(database.pool, 0);

describe('a rollback', () => {
  test.each<[string, number | null, readonly Step[]]>([
    ['as deep as allowed holds nothing', null, [{ to: 100 }, { to: 70, undone: 30 }]],
    ['a block deeper holds', 31, [{ to: 100 }, { to: 69, undone: 31 }]],
    [
      'in two parts is as deep as both',
      40,
      [{ to: 100 }, { to: 80, undone: 20 }, { to: 60, undone: 20 }],
    ],
    [
      'is counted from the highest block there was, whatever came between',
      32,
      [{ to: 100 }, { to: 75, undone: 25 }, { to: 80 }, { to: 68, undone: 12 }],
    ],
    [
      'is over once the chain is as high as before',
      null,
      [{ to: 100 }, { to: 75, undone: 25 }, { to: 100 }, { to: 80, undone: 20 }],
    ],
    ['to the origin is one as well', 41, [{ to: 40 }, { to: -1, undone: 41 }]],
  ])('%s', async (_, depth, steps) => {
    await play(30)(...steps);
    const { heldAt, reasons } = await guard();
    expect(reasons.map((one) => (one.kind === 'rollback' ? one.depth : one))).toEqual(
      depth === null ? [] : [depth],
    );
    expect(heldAt).toEqual(depth === null ? null : AT);
  });

  test('is counted with those of the terms before', async () => {
    await play(30)({ to: 100 }, { to: 80, undone: 20 });
    await play(30)({ to: 79, undone: 1 }, { to: 85 }, { to: 65, undone: 20 });
    expect((await guard()).reasons).toMatchObject([{ kind: 'rollback', common: 65, depth: 35 }]);
  });

  test('is counted without those that were never committed', async () => {
    const guarded = withGuard(nothing, { partitionId: 0, rollbackDepth: 30, hasWitnesses: false });
    const lost = inTransaction(database.pool, async (tx) => {
      await guarded.backward(tx, 2_000, AT, 20);
      throw new Error('the database is gone');
    });
    await expect(lost).rejects.toThrow('gone');
    await inTransaction(database.pool, (tx) => guarded.backward(tx, 1_980, AT, 20));
    expect((await guard()).heldAt).toBeNull();
  });

  test('is counted from no height that another hand gave the cursor', async () => {
    const steps = play(30);
    await steps({ to: 5_000, undone: 900_000 }, { to: 5_001 });
    await releaseGuard(database.pool, 0, 'operator:ann', 'seen');
    await steps({ to: 5_000, undone: 1 });
    expect((await guard()).heldAt).toBeNull();
  });

  test('holds nothing where that is off', async () => {
    await play(null)({ to: 100 }, { to: 0, undone: 100 });
    expect(await guard()).toMatchObject({ heldAt: null, reasons: [] });
  });

  test('is held in its own transaction, or not at all', async () => {
    const failing = { ...nothing, backward: () => Promise.reject(new Error('no')) };
    await expect(play(30, failing)({ to: 100 }, { to: 0, undone: 100 })).rejects.toThrow('no');
    expect((await guard()).heldAt).toBeNull();
  });

  test('holds again after a person let the one before pass', async () => {
    const steps = play(30);
    await steps({ to: 100 }, { to: 60, undone: 40 });
    await releaseGuard(database.pool, 0, 'operator:ann', 'seen');
    expect((await guard()).heldAt).toBeNull();
    await steps({ to: 200 }, { to: 150, undone: 50 });
    expect((await guard()).reasons).toMatchObject([
      { kind: 'rollback', depth: 50, released: null },
    ]);
    const { rows } = await database.pool.query('select action, actor from audit_log order by id');
    expect(rows).toEqual([
      { action: 'guard.held', actor: 'chain' },
      { action: 'guard.released', actor: 'operator:ann' },
      { action: 'guard.held', actor: 'chain' },
    ]);
  });
});

test('a rollback that came after a person looked is not let pass with the one before', async () => {
  const guarded = withGuard(nothing, { partitionId: 0, rollbackDepth: 30, hasWitnesses: false });
  const later = new Date(AT.getTime() + 60_000);
  await inTransaction(database.pool, (tx) => guarded.backward(tx, 60, AT, 40));
  await inTransaction(database.pool, (tx) => guarded.backward(tx, 50, later, 10));
  const release = (asOf: Date) =>
    releaseGuard(database.pool, 0, 'operator:ann', 'seen', asOf).then(({ changed }) => changed);
  expect(await release(AT)).toBe(false);
  expect((await guard()).reasons).toMatchObject([{ common: 50, depth: 50, released: null }]);
  expect(await release(later)).toBe(true);
  const { rows } = await database.pool.query('select action from audit_log order by id');
  expect(rows).toEqual([
    { action: 'guard.held' },
    { action: 'guard.held' },
    { action: 'guard.released' },
  ]);
});

describe('a split that a person let pass', () => {
  const split = { kind: 'witness', witness: 'wss://w', common: 80, ours: 20, theirs: 9 } as const;
  const held = async () => {
    const { rows } = await database.pool.query<{ detail: string }>(
      "select details -> 'reason' ->> 'detail' as detail from audit_log where action = 'guard.held'",
    );
    return rows;
  };

  test.each<[string, number | null, number]>([
    ['holds nothing while our blocks above it stand', null, 81],
    ['holds in the transaction that takes them back', 30, 80],
    ['holds where a rollback itself is no trouble', null, 70],
  ])('%s', async (_, rollbackDepth, to) => {
    const early = new Date('2025-01-01T00:00:00Z');
    await inTransaction(database.pool, async (tx) => {
      const before = await lockGuard(tx, 0);
      await writeReasons(tx, 0, early, before, withTrouble([], split, early.toISOString()));
    });
    await releaseGuard(database.pool, 0, 'operator:ann', 'ours won');
    await play(rollbackDepth)({ to: 100 }, { to, undone: 100 - to });
    const { heldAt, reasons } = await guard();
    if (to > 80) {
      expect(heldAt).toBeNull();
      expect(reasons).toMatchObject([{ ...split, released: { by: 'operator:ann' } }]);
      expect(await held()).toHaveLength(1);
      return;
    }
    expect(heldAt).toEqual(AT);
    expect(reasons).toMatchObject([{ kind: 'witness', since: AT.toISOString(), released: null }]);
    expect(await held()).toHaveLength(2);
  });
});

describe('a term with witnesses', () => {
  const begin = async (inner: BlockHandlers<null> = nothing): Promise<void> => {
    const guarded = withGuard(inner, { partitionId: 0, rollbackDepth: null, hasWitnesses: true });
    await guarded.prepare(database.pool);
  };

  test('begins held, before anything else is done, and leaves no trace in the audit log', async () => {
    const held: boolean[] = [];
    const prepare = async (): Promise<void> => {
      held.push((await guard()).heldAt !== null);
    };
    await begin({ ...nothing, prepare });
    expect(held).toEqual([true]);
    expect((await guard()).reasons).toMatchObject([{ kind: 'unheard', released: null }]);
    expect((await database.pool.query('select 1 from audit_log')).rows).toEqual([]);
  });

  test('begins held whatever a person let pass in another term, and forgets no trouble', async () => {
    await begin();
    await releaseGuard(database.pool, 0, 'operator:ann', 'seen');
    await play(30)({ to: 100 }, { to: 0, undone: 100 });
    await begin();
    const { reasons } = await guard();
    expect(reasons.map(({ kind, released }) => [kind, released])).toEqual([
      ['rollback', null],
      ['unheard', null],
    ]);
  });

  test('begins like every other where there are none', async () => {
    const guarded = withGuard(nothing, {
      partitionId: 0,
      rollbackDepth: 30,
      hasWitnesses: false,
    });
    await guarded.prepare(database.pool);
    expect((await guard()).heldAt).toBeNull();
  });
});
