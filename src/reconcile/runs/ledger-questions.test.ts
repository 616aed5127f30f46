import { expect, test, vi } from 'vitest';
import type { Slot } from '../../chain/point.js';
import type { UnspentOutput } from '../../chain/utxo.js';
import type { ChainView } from '../../sync/chain-view.js';
import { ConnectionEnded } from '../../sync/connection.js';
import { askLedger, GENTLE, type Pacing } from './ledger-questions.js';
import { oneAhead } from './one-ahead.js';

const POINT = { slot: 20 as Slot, id: 'a'.repeat(64) };

/** A node that answers the first question, and none after it as long as the connection is open. */
function slowNode() {
  const opened = vi.fn();
  const chain: ChainView = {
    ledgerAt: () => {
      opened();
      let close: (reason: Error) => void = () => undefined;
      let isFirst = true;
      const answer = (): Promise<UnspentOutput[]> => {
        if (isFirst) {
          isFirst = false;
          return Promise.resolve([]);
        }
        return new Promise((_, reject) => {
          close = reject;
        });
      };
      const release = (): Promise<void> => {
        close(new ConnectionEnded('asked'));
        return Promise.resolve();
      };
      return Promise.resolve({ atAddresses: answer, among: answer, release });
    },
    read: () => {
      throw new Error('nobody reads blocks here');
    },
  };
  const questions = askLedger(POINT, {
    chain,
    signal: new AbortController().signal,
    pacing: { pauseMs: 0, pauseShare: 0 },
    pause: () => Promise.resolve(),
    clock: () => 0,
  });
  return { questions, opened };
}

test('what is being asked ends where it is given up, and is not asked again', async () => {
  const { questions, opened } = slowNode();
  await questions.atAddresses(['first']);
  const second = questions.atAddresses(['second']);
  // It is under way.
  await Promise.resolve();
  await questions.giveUp();
  await expect(second).rejects.toThrow();
  await expect(questions.among(['a#0'])).rejects.toThrow();
  expect(opened).toHaveBeenCalledTimes(1);
});

test('who fails while the next answer is on its way fails at once', async () => {
  const { questions } = slowNode();
  async function* answers(): AsyncGenerator<UnspentOutput[], void, void> {
    for (;;) yield await questions.atAddresses(['one']);
  }
  await expect(async () => {
    for await (const answer of oneAhead(answers(), questions.giveUp))
      throw new Error(`the run is taken after ${answer.length} outputs`);
  }).rejects.toThrow('the run is taken');
});

/** A node that takes so long for each answer, or fails; and a clock that only it and pauses let go on. */
function timedNode(pacing: Pacing, answers: readonly (number | Error)[]) {
  let at = 1_000;
  const pauses: number[] = [];
  const left = [...answers];
  const answer = (): Promise<UnspentOutput[]> => {
    const next = left.shift() ?? 0;
    if (next instanceof Error) return Promise.reject(next);
    at += next;
    return Promise.resolve([]);
  };
  const questions = askLedger(POINT, {
    chain: {
      ledgerAt: () =>
        Promise.resolve({ atAddresses: answer, among: answer, release: () => Promise.resolve() }),
      read: () => {
        throw new Error('nobody reads blocks here');
      },
    },
    signal: new AbortController().signal,
    pacing,
    pause: (ms) => {
      pauses.push(ms);
      at += ms;
      return Promise.resolve();
    },
    clock: () => at,
  });
  return { questions, pauses, passes: (ms: number) => (at += ms) };
}

test('between an answer and the next question the node rests, longer after an answer that took long', async () => {
  const { questions, pauses } = timedNode(GENTLE, [2_000, 100, 0]);
  await questions.atAddresses(['first']);
  expect(pauses).toEqual([]);
  await questions.among(['a#0']);
  await questions.atAddresses(['second']);
  expect(pauses).toEqual([210, 20]);
});

test('what passes anyway between two questions is part of the rest', async () => {
  const { questions, pauses, passes } = timedNode({ pauseMs: 50, pauseShare: 0 }, []);
  await questions.among(['a#0']);
  passes(30);
  await questions.among(['a#0']);
  passes(50);
  await questions.among(['a#0']);
  expect(pauses).toEqual([20]);
});

test('a node that fails is asked again after ever longer rests, and not for ever', async () => {
  const ended = new ConnectionEnded('gone');
  const { questions, pauses } = timedNode(
    GENTLE,
    Array.from({ length: 9 }, () => ended),
  );
  await expect(questions.among(['a#0'])).rejects.toBe(ended);
  expect(pauses).toEqual([500, 1_000, 2_000, 4_000]);
});
