import { afterAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.js';
import { emptyTables } from '../../test/support/follow.js';
import type { Height, Point, Slot, Tip } from '../chain/point.js';
import { inTransaction } from '../database/transaction.js';
import { type BetweenOutcome, type BooksBetween, createBetween } from './between.js';
import type { Cursor, SyncEvent } from './events.js';
import { POINT_GONE } from './ledger-state.js';
import { beginTerm, moveCursor, type Term } from './queries.js';
import { NodeError } from './requests.js';

const database = await createTestDatabase();
afterAll(() => database.drop());
beforeEach(() => emptyTables(database.pool));

const tipAt = (height: number): Tip => ({
  slot: (height * 20) as Slot,
  id: height.toString(16).padStart(64, '0'),
  height: height as Height,
});
const cursorAt = (height: number): Cursor => {
  const { slot, id } = tipAt(height);
  return { point: { slot, id }, height: height as Height };
};
const blockAt = (height: number, tip = height): SyncEvent<null> => ({
  type: 'forward',
  cursor: cursorAt(height),
  tip: tipAt(tip),
  blocks: 1,
  durationMs: 0,
  summary: null,
});

async function newTerm(): Promise<Term> {
  const term = await beginTerm(database.pool, 0, 1, 'custom:42');
  if ('refused' in term) throw new Error(term.refused);
  return term;
}

/** As a block does it: the same fence, and the books stand at another block. */
async function moveTo(term: Term, from: number | null, to: number): Promise<void> {
  const before = from === null ? null : cursorAt(from);
  const at = await inTransaction(database.pool, (tx) =>
    moveCursor(tx, term, before, cursorAt(to), tipAt(to)),
  );
  expect(at).not.toBeNull();
}

type Ask = (point: Point, signal: AbortSignal) => Promise<readonly []>;

async function world(ask: Ask, work?: (books: BooksBetween) => Promise<BetweenOutcome>) {
  const term = await newTerm();
  const told: SyncEvent<null>[] = [];
  const asked: number[] = [];
  let now = 0;
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const between = createBetween<null>(
    {
      pool: database.pool,
      term,
      work:
        work ??
        (async (books) => {
          asked.push(books.height);
          const found = await books.unspentAt(['wallet']);
          const written = await books.write(() => Promise.resolve({ found: found.length }));
          return written ?? 'moved';
        }),
      ask: async (point, question, signal) => {
        const found = await ask(point, signal);
        const answer = () => Promise.resolve([...found]);
        return question({ atAddresses: answer, among: answer, release: () => Promise.resolve() });
      },
      observe: (event) => void told.push(event),
      clock: () => now,
    },
    abort.signal,
  );
  const types = (): string[] => told.flatMap(({ type }) => (type.startsWith('ledger') ? type : []));
  const pass = (ms: number): void => {
    now += ms;
  };
  return { term, between, asked, told, types, abort, pass };
}

describe('work between two blocks', () => {
  test('is done where the books and the node’s tip are', async () => {
    const { term, between, asked, types } = await world(() => Promise.resolve([]));
    await moveTo(term, null, 7);
    between.observe(blockAt(7));
    await between.settled();
    expect(asked).toEqual([7]);
    expect(types()).toEqual(['ledger_asked']);
  });

  test('is refused by the fence where a block came meanwhile, and done again after it', async () => {
    const { term, between, asked, types } = await world(async ({ slot }) => {
      if (slot === tipAt(7).slot) {
        await moveTo(term, 7, 8);
        between.observe(blockAt(8));
      }
      return [];
    });
    await moveTo(term, null, 7);
    between.observe(blockAt(7));
    await between.settled();
    expect(asked).toEqual([7, 8]);
    expect(types()).toEqual(['ledger_asked']);
  });

  test('writes nothing once another term began', async () => {
    const { term, between, asked, types } = await world(async () => {
      await newTerm();
      return [];
    });
    await moveTo(term, null, 7);
    between.observe(blockAt(7));
    await between.settled();
    expect(asked).toEqual([7]);
    expect(types()).toEqual([]);
  });

  test('is tried again at the next block where the node rolled this one back', async () => {
    const gone = new NodeError(POINT_GONE, 'Failed to acquire requested point.', null);
    const { term, between, asked, types } = await world(({ slot }) =>
      slot === tipAt(7).slot ? Promise.reject(gone) : Promise.resolve([]),
    );
    await moveTo(term, null, 7);
    between.observe(blockAt(7));
    await between.settled();
    await moveTo(term, 7, 8);
    between.observe(blockAt(8));
    await between.settled();
    expect(asked).toEqual([7, 8]);
    expect(types()).toEqual(['ledger_query_failed', 'ledger_asked']);
  });

  test('leaves a node alone for a while that fails, and tells of it', async () => {
    const { term, between, asked, told, pass } = await world(() =>
      Promise.reject(new Error('no answer')),
    );
    await moveTo(term, null, 7);
    for (const [height, ms] of [
      [7, 0],
      [8, 9_999],
      [9, 1],
    ] as const) {
      pass(ms);
      between.observe(blockAt(height));
      await between.settled();
    }
    expect(asked).toEqual([7, 9]);
    expect(told).toContainEqual({
      type: 'ledger_query_failed',
      cursor: cursorAt(7),
      reason: 'no answer',
    });
  });

  test('waits until the tip is within k blocks, and for a cursor that has a height', async () => {
    const { between, asked } = await world(() => Promise.reject(new Error('asked')));
    between.observe(blockAt(10, 10 + 2161));
    between.observe({ type: 'tip', cursor: { ...cursorAt(10), height: null }, tip: tipAt(10) });
    between.observe({ type: 'tip', cursor: cursorAt(10), tip: 'origin' });
    between.observe({ type: 'standby' });
    await between.settled();
    expect(asked).toEqual([]);
    between.observe(blockAt(10, 10 + 2160));
    await between.settled();
    expect(asked).toEqual([10]);
  });

  test('passes everything on that it hears, and ends quietly when following ends', async () => {
    const { between, told, abort } = await world(
      (_, signal) =>
        new Promise((__, reject) => {
          signal.addEventListener('abort', () => reject(new Error('stopped')));
        }),
    );
    between.observe({ type: 'standby' });
    between.observe(blockAt(7));
    abort.abort();
    await between.settled();
    between.observe(blockAt(8));
    await between.settled();
    expect(told.map(({ type }) => type)).toEqual(['standby', 'forward', 'forward']);
  });
});
