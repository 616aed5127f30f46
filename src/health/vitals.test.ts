import { describe, expect, test } from 'vitest';
import type { Height, Slot, Tip } from '../chain/point.js';
import type { Cursor, SyncEvent } from '../sync/events.js';
import { assessReadiness, type ReadinessInput } from './readiness.js';
import type { SyncState } from './sync-state.js';
import { lagOf, observeVitals, startingVitals, type Vitals } from './vitals.js';

const block = (height: number): Tip => ({
  height: height as Height,
  slot: (height * 20) as Slot,
  id: height.toString(16).padStart(64, '0'),
});
const at = (height: number): Cursor => ({ point: block(height), height: height as Height });
const forward = (height: number, tip: number): SyncEvent<null> => ({
  type: 'forward',
  cursor: at(height),
  tip: block(tip),
  blocks: 1,
  durationMs: 1,
  summary: null,
});
const backward = (height: number, tip: number, blocksRolledBack: number): SyncEvent<null> => ({
  type: 'backward',
  cursor: at(height),
  tip: block(tip),
  blocksRolledBack,
  durationMs: 1,
  summary: null,
});
const acquired: SyncEvent<null> = { type: 'leader_acquired', epoch: 7n };
const connected: SyncEvent<null> = { type: 'connected', endpoint: 'ws://node' };
const disconnected: SyncEvent<null> = {
  type: 'disconnected',
  endpoint: 'ws://node',
  reason: 'gone',
};
const refused: SyncEvent<null> = {
  type: 'connect_failed',
  endpoint: 'ws://node',
  reason: 'refused',
};
const found: SyncEvent<null> = { type: 'intersection_found', point: block(5), tip: block(9) };
const lost: SyncEvent<null> = { type: 'intersection_lost', cursor: at(5), instructions: 'do this' };
const undecodable: SyncEvent<null> = {
  type: 'undecodable_block',
  after: block(5),
  error: new Error('odd'),
};
const contradict: SyncEvent<null> = {
  type: 'books_contradict',
  cursor: at(5),
  detail: 'booked already',
};
const behind: SyncEvent<null> = { type: 'node_behind', cursor: at(9), tip: block(5) };

const tip = (cursor: number, height: number): Extract<SyncEvent<null>, { type: 'tip' }> => ({
  type: 'tip',
  cursor: at(cursor),
  tip: block(height),
});

/** One second passes with each event. */
const vitalsAfter = (...events: SyncEvent<null>[]): Vitals =>
  events.reduce(
    (vitals, event, index) => observeVitals(vitals, event, 1000 * (index + 1)),
    startingVitals(0),
  );

const stored = (height: number | null, tip: number | null): SyncState => ({
  network: 'preprod',
  started: true,
  leaderEpoch: 3,
  cursor: { slot: height, hash: 'aa', height },
  tip: tip === null ? null : { slot: tip, hash: 'bb', height: tip },
  updatedAt: new Date(0),
});
const ready = (vitals: Vitals, input: Partial<ReadinessInput> = {}) =>
  assessReadiness({
    vitals,
    state: stored(100, 100),
    redis: 'not_configured',
    readyMaxLagBlocks: 10,
    ...input,
  });

describe('vitals', () => {
  test('follow a leader from its election to the tip', () => {
    expect(vitalsAfter(acquired, connected, found, forward(6, 9))).toEqual({
      role: 'leader',
      leaderEpoch: 7n,
      since: 1000,
      cursor: at(6),
      tip: block(9),
      connection: { endpoint: 'ws://node', since: 2000 },
      obstacle: null,
      nodeProblem: null,
      lastBlockAt: 4000,
      pastsContradicted: 0,
    });
  });

  test('remember what the node says against itself, until it or the connection goes', () => {
    const ill: SyncEvent<null> = { type: 'node_health', problem: 'syncing' };
    const well: SyncEvent<null> = { type: 'node_health', problem: null };
    expect(vitalsAfter(acquired, connected, ill, forward(6, 9)).nodeProblem).toBe('syncing');
    expect(vitalsAfter(acquired, connected, ill, well).nodeProblem).toBeNull();
    expect(vitalsAfter(acquired, connected, ill, disconnected).nodeProblem).toBeNull();
  });

  test('keep the cursor that is known where the books contradict themselves before it is read', () => {
    const unread: SyncEvent<null> = { ...contradict, cursor: null };
    expect(vitalsAfter(acquired, unread).cursor).toBeNull();
    expect(vitalsAfter(acquired, forward(6, 9), unread)).toMatchObject({
      cursor: at(6),
      obstacle: { kind: 'books_contradict' },
    });
  });

  test('forget a term with its end', () => {
    const vitals = vitalsAfter(acquired, connected, forward(6, 9), {
      type: 'leader_lost',
      epoch: 7n,
      reason: 'lock',
    });
    expect(vitals).toEqual({ ...startingVitals(4000), role: 'standby' });
  });

  test.each<[string, SyncEvent<null>[], string | undefined]>([
    ['a lost connection', [disconnected], 'blockchain'],
    ['an endpoint that refuses', [refused], 'blockchain'],
    ['a connection that is back but finds nothing yet', [disconnected, connected], 'blockchain'],
    ['a connection that follows again', [disconnected, connected, found], undefined],
    ['a node that is behind', [behind], 'blockchain'],
    [
      'a node that is still behind',
      [behind, { type: 'tip', cursor: behind.cursor, tip: block(8) }],
      'blockchain',
    ],
    [
      'a node that caught up',
      [behind, { type: 'tip', cursor: behind.cursor, tip: block(9) }],
      undefined,
    ],
    ["a block that can't be read", [undecodable], 'undecodable_block'],
    ['books that contradict themselves', [contradict], 'books_contradict'],
    [
      'books that contradict themselves, asked for again',
      [contradict, disconnected, connected, found, tip(5, 9)],
      'books_contradict',
    ],
    ['books that were repaired', [contradict, forward(6, 9)], undefined],
    [
      'a block that is asked for again over a new connection',
      [undecodable, disconnected, connected, found, backward(5, 9, 0)],
      'undecodable_block',
    ],
    ['a block that could be read after all', [undecodable, forward(6, 9)], undefined],
    ['an unreadable block that was rolled back', [undecodable, backward(4, 9, 1)], undefined],
    ['a lost intersection', [lost], 'intersection_lost'],
    ['a lost intersection without connection', [lost, disconnected], 'intersection_lost'],
    [
      'a lost intersection whose endpoint answers but was not followed yet',
      [lost, disconnected, connected, found],
      'intersection_lost',
    ],
    [
      'a corrected endpoint that stands where we do, before its next block',
      [lost, disconnected, connected, found, tip(5, 9)],
      undefined,
    ],
    [
      'a corrected endpoint that stands at a start point, whose height is unknown',
      [lost, connected, found, { ...tip(5, 9), cursor: { point: block(5), height: null } }],
      undefined,
    ],
    [
      'a corrected endpoint that took a step back which undid nothing',
      [lost, connected, found, backward(5, 9, 0)],
      undefined,
    ],
    ['a corrected endpoint that brings blocks', [lost, connected, found, forward(6, 9)], undefined],
    [
      "an unreadable block over which the node's tip is told",
      [undecodable, connected, found, tip(5, 9)],
      'undecodable_block',
    ],
  ])('tell %s', (_, events, kind) => {
    expect(vitalsAfter(acquired, connected, ...events).obstacle?.kind).toBe(kind);
  });

  test('remember since when an obstacle lasts', () => {
    expect(vitalsAfter(acquired, disconnected, disconnected).obstacle?.since).toBe(2000);
  });

  test('measure the lag from the origin too, and not before both ends are known', () => {
    expect(lagOf({ cursor: { point: 'origin', height: null }, tip: block(9) })).toBe(9);
    expect(lagOf({ cursor: { point: block(3), height: null }, tip: block(9) })).toBeNull();
    expect(lagOf({ cursor: at(3), tip: null })).toBeNull();
  });
});

describe('readiness', () => {
  const leader = vitalsAfter(acquired, connected, found, forward(100, 105));
  const standby = vitalsAfter({ type: 'standby' });

  test('a leader near the tip is ready by what it knows itself', () => {
    expect(ready(leader)).toEqual({
      status: 'ready',
      role: 'leader',
      syncedTo: 100,
      tipHeight: 105,
      lag: 5,
    });
  });

  test('a leader is ready as soon as its node says that nothing is missing', () => {
    expect(ready(vitalsAfter(acquired, connected, tip(9, 9)))).toMatchObject({
      syncedTo: 9,
      lag: 0,
    });
  });

  test('a leader whose endpoint was corrected is ready without waiting for a block', () => {
    expect(ready(vitalsAfter(acquired, connected, lost))).toMatchObject({ status: 'not_ready' });
    const corrected = vitalsAfter(acquired, connected, lost, disconnected, connected, found);
    expect(ready(observeVitals(corrected, tip(5, 9), 9000))).toMatchObject({
      status: 'ready',
      lag: 4,
    });
  });

  test('a standby is ready by what the leader wrote', () => {
    expect(ready(standby, { state: stored(100, 110) })).toEqual({
      status: 'ready',
      role: 'standby',
      syncedTo: 100,
      tipHeight: 110,
      lag: 10,
    });
  });

  test.each<[string, Vitals, Partial<ReadinessInput>, string, number | null]>([
    ['before anything', startingVitals(0), {}, 'starting', 0],
    ['a leader without its first connection', vitalsAfter(acquired), {}, 'starting', null],
    ['a leader that found nothing yet', vitalsAfter(acquired, connected), {}, 'starting', null],
    ['a lag above the limit', vitalsAfter(acquired, connected, forward(1, 12)), {}, 'sync_lag', 11],
    ['a standby whose leader lags', standby, { state: stored(1, 12) }, 'sync_lag', 11],
    ['a standby before the first leader', standby, { state: null }, 'starting', null],
    ['no database', leader, { state: undefined }, 'database', 5],
    ['no redis', leader, { redis: 'failed' }, 'redis', 5],
    [
      'no connection',
      vitalsAfter(acquired, connected, forward(9, 9), disconnected),
      {},
      'blockchain',
      0,
    ],
    [
      'an unreadable block',
      vitalsAfter(acquired, forward(9, 9), undecodable),
      {},
      'undecodable_block',
      0,
    ],
    ['a lost intersection', vitalsAfter(acquired, connected, lost), {}, 'intersection_lost', null],
  ])('%s: not ready', (_, vitals, input, reason, lag) => {
    expect(ready(vitals, input)).toMatchObject({ status: 'not_ready', reason, lag });
  });

  test('every reason is told, the gravest first', () => {
    const vitals = vitalsAfter(acquired, connected, forward(1, 99), disconnected);
    expect(ready(vitals, { state: undefined, redis: 'failed' })).toMatchObject({
      reasons: ['database', 'blockchain', 'redis', 'sync_lag'],
    });
  });
});
