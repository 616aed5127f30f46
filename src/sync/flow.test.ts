import { describe, expect, test } from 'vitest';
import { applied, arrived, type Flow, IDLE, requestsToSend, sent } from './flow.js';

const MIB = 1024 * 1024;

/** Asks as much as is allowed, and lets all of it arrive without applying any. */
function fill(flow: Flow, bytes: number): Flow {
  let now = flow;
  for (let requests = requestsToSend(now); requests > 0; requests = requestsToSend(now)) {
    now = sent(now, requests);
    for (let i = 0; i < requests; i += 1) now = arrived(now, bytes);
  }
  return now;
}

describe('requests in flight', () => {
  test('are a hundred where nothing waits', () => {
    expect(requestsToSend(IDLE)).toBe(100);
    expect(requestsToSend(sent(IDLE, 60))).toBe(40);
    expect(requestsToSend(sent(IDLE, 100))).toBe(0);
  });

  test.each([
    [100, 32.1],
    [64 * 1024, 32.1],
    [MIB, 132],
  ])('end when answers of %i bytes pile up, and memory stays bounded', (bytes, mebibytes) => {
    const full = fill(IDLE, bytes);
    expect(requestsToSend(full)).toBe(0);
    // The first hundred are asked for before anyone knows how large answers are.
    expect(full.waitingBytes).toBeLessThanOrEqual(mebibytes * MIB);
  });

  test('come back when what waited is applied', () => {
    const full = fill(IDLE, MIB);
    expect(requestsToSend(applied(full, full.waitingBytes))).toBeGreaterThan(20);
  });

  test('are one at least, however large blocks are, or the chain would stand still', () => {
    let flow = IDLE;
    for (let i = 0; i < 40; i += 1) {
      flow = applied(arrived(sent(flow, 1), 100 * MIB), 100 * MIB);
    }
    expect(requestsToSend(flow)).toBe(1);
  });

  test('never count below zero, whatever a node answers unasked', () => {
    expect(arrived(IDLE, 10).inFlight).toBe(0);
  });
});
