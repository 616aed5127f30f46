import { describe, expect, test } from 'vitest';
import type { Height, Slot } from '../chain/point.js';
import { assessReadiness, type ReadinessInput } from './readiness.js';
import { startingVitals, type Vitals } from './vitals.js';

const point = (height: number) => ({
  slot: (height * 20) as Slot,
  id: height.toString(16).padStart(64, '0'),
});
const LEADER: Vitals = {
  ...startingVitals(0),
  role: 'leader',
  leaderEpoch: 1n,
  cursor: { point: point(90), height: 90 as Height },
  tip: { ...point(100), height: 100 as Height },
  connection: { endpoint: 'ws://node', since: 0 },
};
const assess = (vitals: Partial<Vitals>, input: Partial<ReadinessInput> = {}) =>
  assessReadiness({
    vitals: { ...LEADER, ...vitals },
    state: null,
    redis: 'not_configured',
    readyMaxLagBlocks: 10,
    ...input,
  });

describe('readiness', () => {
  test('a leader within the lag is ready', () => {
    expect(assess({})).toEqual({
      status: 'ready',
      role: 'leader',
      syncedTo: 90,
      tipHeight: 100,
      lag: 10,
    });
  });

  test.each<[string, Partial<Vitals>, Partial<ReadinessInput>, string]>([
    ['a block too far behind', {}, { readyMaxLagBlocks: 9 }, 'sync_lag'],
    ['a database that does not answer', {}, { state: undefined }, 'database'],
    ['a Redis that does not answer', {}, { redis: 'failed' }, 'redis'],
    ['no connection yet', { connection: null, cursor: null }, {}, 'starting'],
    ['a node that is still syncing', { nodeProblem: 'syncing' }, {}, 'blockchain'],
    ...(['blockchain', 'intersection_lost', 'undecodable_block', 'books_contradict'] as const).map(
      (kind): [string, Partial<Vitals>, Partial<ReadinessInput>, string] => [
        kind,
        { obstacle: { kind, detail: '', since: 0 } },
        {},
        kind,
      ],
    ),
  ])('%s is not ready', (_, vitals, input, reason) => {
    expect(assess(vitals, input)).toMatchObject({ status: 'not_ready', reason });
  });

  test('a standby that could never begin to lead is not ready', () => {
    const state = {
      network: 'custom:42',
      started: true,
      leaderEpoch: Number('9223372036854775807'),
      cursor: { slot: 9, hash: 'a', height: 9 },
      tip: { slot: 9, hash: 'a', height: 9 },
      updatedAt: new Date(0),
    };
    const standby = startingVitals(0);
    expect(assess({ ...standby, role: 'standby' }, { state })).toMatchObject({
      status: 'not_ready',
      reason: 'books_contradict',
    });
    const early = { ...state, leaderEpoch: 7 };
    expect(assess({ ...standby, role: 'standby' }, { state: early })).toMatchObject({
      status: 'ready',
    });
  });
});
