import { expect, test, vi } from 'vitest';
import type { Slot } from '../../chain/point.js';
import type { UnspentOutput } from '../../chain/utxo.js';
import type { ChainView } from '../../sync/chain-view.js';
import { ConnectionEnded } from '../../sync/connection.js';
import { askLedger } from './ledger-questions.js';
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
